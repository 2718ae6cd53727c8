"""One tool call: what comes with it, what goes back, and how its arguments are read."""

from __future__ import annotations

import json
import json.encoder
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from pydantic import BaseModel, ValidationError

from axonflow_hooks.agent.errors import InvalidArguments, ToolFailure
from axonflow_hooks.wire.fields import FilledText as FilledText

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from axonflow_hooks.agent.tables.records import Caller

ModelT = TypeVar("ModelT", bound=BaseModel)

_quoted: Final = json.encoder.encode_basestring


async def is_there() -> bool:
    """Tell that the caller still waits (see `ToolCall.is_gone`)."""
    return False


class ToolCall(NamedTuple):
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
    is_gone: Callable[[], Awaitable[bool]] = is_there

    @property
    def session_key(self) -> str | None:
        """The session within which placeholders are stable: the host's, else that of the MCP connection."""
        return self.caller.session_id or self.mcp_session_id


class ToolReply(NamedTuple):
    """What a tool gives: a JSON value, and headers for the HTTP response."""

    value: Any
    headers: Mapping[str, str] = {}


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
    text = _flat_text(value)
    if text is None:
        text = json.dumps(value, indent=2, ensure_ascii=False)
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:  # a lone surrogate only survives as an escape
        return json.dumps(value, indent=2)
    return text


def _flat_text(value: Any) -> str | None:
    """Give an object of texts, booleans and integers as `json.dumps` indents it; None for every other value.

    Most verdicts are of that form, and the encoder that indents is written in Python: it costs more than all else in
    an answer.
    """
    if type(value) is not dict or not value:
        return None
    members = []
    for name, item in value.items():
        if type(name) is not str:
            return None
        if type(item) is str:
            members.append(f"  {_quoted(name)}: {_quoted(item)}")
        elif type(item) is bool:
            members.append(f"  {_quoted(name)}: {'true' if item else 'false'}")
        elif type(item) is int:
            members.append(f"  {_quoted(name)}: {item}")
        else:
            return None
    return "{\n" + ",\n".join(members) + "\n}"


def tool_result(text: str, *, failed: bool = False) -> dict[str, Any]:
    """Give the result of a `tools/call`."""
    result: dict[str, Any] = {"content": [{"type": "text", "text": text}]}
    if failed:
        result["isError"] = True
    return result
