"""Field types that forgive what other releases of an agent get wrong, so that a verdict never fails on a detail."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from axonflow_hooks.wire.words import RISK_LEVELS_BY_WEIGHT, RiskLevel


def _text_or_none(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _text_or_empty(value: object) -> str:
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    # Some releases send the count as a string.
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() else None


def _risk(value: object) -> RiskLevel | None:
    lowered = value.lower() if isinstance(value, str) else ""
    return next((level for level in RISK_LEVELS_BY_WEIGHT if level == lowered), None)


def _objects(value: object) -> list[Any]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _flag(value: object) -> bool:
    return value is True


def _texts(value: object) -> dict[str, str]:
    """Give the entries whose value is text; a bare text stands for every key and so for none."""
    return {str(key): item for key, item in value.items() if isinstance(item, str)} if isinstance(value, dict) else {}


def _object(value: object) -> object:
    # An instance of the model itself passes too.
    return {} if value is None or isinstance(value, (str, int, float, list)) else value


def _object_or_none(value: object) -> dict[str, Any] | None:
    return value if isinstance(value, dict) else None


def _filled(value: str) -> str:
    if not value:
        raise PydanticCustomError("missing", "is empty")
    return value


# Not min_length: with a constraint pydantic refuses text that has no UTF-8 form, which a tool's output may have.
FilledText = Annotated[str, AfterValidator(_filled), WithJsonSchema({"type": "string", "minLength": 1})]
"""A text that is there and not empty."""

LenientText = Annotated[str, BeforeValidator(_text_or_empty)]
LenientOptionalText = Annotated[str | None, BeforeValidator(_text_or_none)]
LenientCount = Annotated[int | None, BeforeValidator(_count)]
LenientRisk = Annotated[RiskLevel | None, BeforeValidator(_risk)]
LenientTexts = Annotated[dict[str, str], BeforeValidator(_texts)]
LenientFlag = Annotated[bool, BeforeValidator(_flag)]
OBJECT = BeforeValidator(_object)
OBJECTS = BeforeValidator(_objects)
OBJECT_OR_NONE = BeforeValidator(_object_or_none)
