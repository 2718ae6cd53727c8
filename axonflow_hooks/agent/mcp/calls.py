"""One tool call: what comes with it, what goes back, and how its arguments are read."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ValidationError

from axonflow_hooks.agent.errors import InvalidArguments, ToolFailure
from axonflow_hooks.wire.fields import FilledText as FilledText

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from axonflow_hooks.agent.store.records import Caller

ModelT = TypeVar("ModelT", bound=BaseModel)


async def _is_there() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A `tools/call`: `mcp_session_id` and `integrations` are those of its MCP session, where it has one.

    `size` is the number of bytes of the request, a measure for the work in it; `approval_id` names the approval with
    which a held call is tried again; `is_gone` tells a tool that waits whether anybody still does.
    """

    arguments: Mapping[str, Any]
    caller: Caller
    size: int
    mcp_session_id: str | None = None
    integrations: frozenset[str] = frozenset()
    idempotency_key: str | None = None
    approval_id: str | None = None
    is_gone: Callable[[], Awaitable[bool]] = _is_there

    @property
    def session_key(self) -> str | None:
        """The session within which placeholders are stable: the host's, else that of the MCP connection."""
        return self.caller.session_id or self.mcp_session_id


@dataclass(frozen=True, slots=True)
class ToolReply:
    """What a tool gives: a JSON value, and headers for the HTTP response."""

    value: Any
    headers: Mapping[str, str] = field(default_factory=dict)


def read_arguments(model: type[ModelT], arguments: Mapping[str, Any], *, missing: str) -> ModelT:
    """Validate a tool's arguments without converting any.

    Raises ToolFailure with the text `missing` when a required one is missing or empty, and InvalidArguments, which
    names the argument but never quotes it, when one has the wrong type.
    """
    given = {key: value for key, value in arguments.items() if value is not None}
    try:
        return model.model_validate(given, strict=True)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
    if any(fault["type"] == "missing" for fault in faults):
        raise ToolFailure(missing)
    where = ".".join(str(part) for part in faults[0]["loc"][:2])
    raise InvalidArguments(f"Invalid arguments: {where}: {faults[0]['msg']}")


def result_text(value: Any) -> str:
    """Give a tool's value as the text of its result: JSON, indented by two (wire 1.3)."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate only survives as an escape
        return json.dumps(value, indent=2)
    return text


def tool_result(text: str, *, failed: bool = False) -> dict[str, Any]:
    """Give the result of a `tools/call`."""
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}]}
    if failed:
        result["isError"] = True
    return result
