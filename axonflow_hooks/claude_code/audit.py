"""Hook event → audit record: what was called and how it ended, in numbers and masked excerpts, never raw texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.replies import one_line
from axonflow_hooks.wire.mcp_tools import AuditToolCallArguments

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.events import HookEvent

EXCERPT_CHARS: Final = 500
_PATH_FIELDS: Final = {
    "Write": "file_path",
    "Edit": "file_path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
    "Read": "file_path",
}


def blocked_attempt(event: HookEvent, reason: str, decision_id: str) -> AuditToolCallArguments:
    """Take a refused PreToolUse event and give its record.

    The statement may be what was refused, so it is left out, and so is its path: the agent's own record of the
    decision has what may be kept. Without a decision it is this plugin that refused, for the path's sake.
    """
    given: dict[str, Any] = {**_named(event), "statement_chars": _input_chars(event)}
    if decision_id:
        given["decision_id"] = decision_id
    elif path := path_of(event):
        given["path"] = path[:EXCERPT_CHARS]
    return AuditToolCallArguments(
        tool_name=event.tool_name,
        input=given,
        output={"executed": False},
        success=False,
        error_message=one_line(reason, EXCERPT_CHARS),
    )


def executed_call(
    event: HookEvent, *, masked_input: str, output: dict[str, Any], success: bool | None, error: str = ""
) -> AuditToolCallArguments:
    """Take a finished call and give its record.

    `masked_input` is the command, the arguments or the path after masking ("" when they could not be scanned),
    `output` the summary of what came back.
    """
    given: dict[str, Any] = {**_named(event), "input_chars": _input_chars(event)}
    if masked_input:
        given["path" if path_of(event) else "excerpt"] = excerpt(masked_input)
    return AuditToolCallArguments(
        tool_name=event.tool_name,
        input=given,
        output=output,
        success=success,
        error_message=excerpt(error) if error else None,
        duration_ms=event.duration_ms,
    )


def path_of(event: HookEvent) -> str:
    """Give the path that a tool for files is told of, "" for any other tool."""
    path = event.tool_input.get(_PATH_FIELDS.get(event.tool_name, ""))
    return path if isinstance(path, str) else ""


def excerpt(masked_text: str) -> str:
    """Give the beginning of a masked text, with a mark where it was cut."""
    return masked_text if len(masked_text) <= EXCERPT_CHARS else f"{masked_text[:EXCERPT_CHARS]}… (shortened)"


def _named(event: HookEvent) -> dict[str, Any]:
    named: dict[str, Any] = {"tool_use_id": event.tool_use_id} if event.tool_use_id else {}
    if event.agent_id:
        named["agent_id"] = event.agent_id
    return named


def _input_chars(event: HookEvent) -> int:
    return sum(len(value) for value in event.tool_input.values() if isinstance(value, str))
