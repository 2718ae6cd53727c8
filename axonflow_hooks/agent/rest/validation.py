"""Values of a request as models; no text of a refusal quotes a value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError

from axonflow_hooks.agent.errors import RestRefused

if TYPE_CHECKING:
    from collections.abc import Mapping

ModelT = TypeVar("ModelT", bound=BaseModel)

Missing: TypeAlias = "str | Mapping[str, str] | None"
"""What to say of a body in which something required is missing: one text, or one by field."""

_UNFILLED: Final = frozenset({"missing", "literal_error"})


def validated(model: type[ModelT], given: dict[str, Any], missing: Missing, *, strict: bool) -> ModelT:
    """Give `given` as `model`. Raises RestRefused 400 with a text of `missing`, or with the field and its fault."""
    try:
        return model.model_validate(given, strict=strict)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
    if isinstance(missing, str):
        if any(fault["type"] == "missing" for fault in faults):
            raise RestRefused(400, missing)
    elif missing is not None:
        named = {str(fault["loc"][0]) for fault in faults if fault["type"] in _UNFILLED and fault["loc"]}
        for name, text in missing.items():
            if name in named:
                raise RestRefused(400, text)
    where = ".".join(str(part) for part in faults[0]["loc"][:2])
    raise RestRefused(400, f"{where}: {faults[0]['msg']}")
