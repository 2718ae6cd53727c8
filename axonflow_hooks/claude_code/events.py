"""Claude Code's hook input: the JSON on standard input → one frozen HookEvent."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Any, Final, Literal, cast

from axonflow_hooks.errors import HookInputError

EventName = Literal["PreToolUse", "PostToolUse", "PostToolUseFailure", "FailedOutput", "SessionStart", "ConfigChange"]
"""The host's events, and `FailedOutput`: a PostToolUseFailure as `hooks/failed_output.js` puts it once more."""

EVENT_NAMES: Final[dict[str, EventName]] = {
    "pre-tool-use": "PreToolUse",
    "post-tool-use": "PostToolUse",
    "post-read": "PostToolUse",
    "post-tool-use-failure": "PostToolUseFailure",
    "failed-output": "FailedOutput",
    "session-start": "SessionStart",
    "config-change": "ConfigChange",
}
"""The word that `hooks/run` is given, and the event's name. Reads have a word of their own: most are none of ours."""

_TOOL_EVENTS: Final = frozenset({"PreToolUse", "PostToolUse", "PostToolUseFailure", "FailedOutput"})


@dataclass(frozen=True, slots=True)
class HookEvent:
    """One event as the host describes it; fields that an event does not have are empty."""

    name: EventName
    session_id: str = ""
    transcript_path: str = ""
    cwd: str = ""
    permission_mode: str = ""
    agent_id: str = ""
    tool_name: str = ""
    tool_use_id: str = ""
    tool_input: dict[str, Any] = field(default_factory=dict)
    tool_response: Any = None
    error: str = ""
    is_interrupt: bool = False
    duration_ms: int | None = None
    mcp_server_source: str = ""
    source: str = ""
    file_path: str = ""


def parse_event(payload: bytes, name: EventName) -> HookEvent:
    """Take standard input and the event the hook is wired to, and give the event.

    Raises HookInputError when the payload is not one JSON object, belongs to another event, or names no tool.
    """
    value = _object(payload)
    stated = value.get("hook_event_name", name)
    if stated != name:
        raise HookInputError(f"The hook input is of another event ({str(stated)[:40]!r} instead of {name}).")
    tool_input = value.get("tool_input", {})
    if name in _TOOL_EVENTS and (not _text(value, "tool_name") or not isinstance(tool_input, dict)):
        raise HookInputError("The hook input names no tool or holds no tool input.")
    server = value.get("mcp_server")
    return HookEvent(
        name=name,
        session_id=_text(value, "session_id"),
        transcript_path=_text(value, "transcript_path"),
        cwd=_text(value, "cwd"),
        permission_mode=_text(value, "permission_mode"),
        agent_id=_text(value, "agent_id"),
        tool_name=_text(value, "tool_name"),
        tool_use_id=_text(value, "tool_use_id"),
        tool_input=tool_input if isinstance(tool_input, dict) else {},
        tool_response=value.get("tool_response"),
        error=_text(value, "error"),
        is_interrupt=value.get("is_interrupt") is True,
        duration_ms=_milliseconds(value.get("duration_ms")),
        mcp_server_source=_text(server, "source") if isinstance(server, dict) else "",
        source=_text(value, "source"),
        file_path=_text(value, "file_path"),
    )


def _object(payload: bytes) -> dict[str, Any]:
    if not payload.strip():
        raise HookInputError("The hook input is empty.")
    try:
        # NaN, Infinity and 1e999 are no JSON to answer with: as text they neither crash an encoder nor get lost.
        value = json.loads(payload.decode("utf-8", "replace"), parse_constant=str, parse_float=_finite)
    except (ValueError, RecursionError):
        raise HookInputError("The hook input is not valid JSON.") from None
    if not isinstance(value, dict):
        raise HookInputError("The hook input is not a JSON object.")
    return cast("dict[str, Any]", value)


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _text(value: dict[str, Any], key: str) -> str:
    text = value.get(key)
    return text if isinstance(text, str) else ""


def _milliseconds(value: object) -> int | None:
    return int(value) if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 else None
