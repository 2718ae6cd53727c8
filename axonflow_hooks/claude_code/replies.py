"""What a hook may answer Claude Code: nothing, or exactly one JSON object of the host's shapes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.events import EventName, HookEvent

MAX_REASON_CHARS: Final = 1_500
_NOBODY_IS_ASKED: Final = frozenset({"auto", "bypassPermissions"})


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer: `body` is the JSON object for standard output, or None to stay silent."""

    body: dict[str, Any] | None = None

    def to_bytes(self) -> bytes:
        """Give the bytes for standard output, ASCII so that no locale of the host can spoil them."""
        return b"" if self.body is None else json.dumps(self.body).encode("ascii")


SILENT: Final = Reply()
"""Allow without a word: the user's own permission rules still apply (never answer `allow`)."""


def deny(reason: str, *, message: str = "") -> Reply:
    """Stop the tool call; the model reads `reason`, the user also `message`."""
    return _decision("deny", reason, message)


def ask(reason: str) -> Reply:
    """Let the person at the keyboard decide (but see `refusal_of_unasked`)."""
    return _decision("ask", reason, "")


def asking_first(reply: Reply, reason: str) -> Reply:
    """Let a person decide on a call that would go on; an answer that decides by itself is given as it is."""
    body = reply.body or {}
    output = body.get("hookSpecificOutput", {})
    if "permissionDecision" in output:
        return reply
    asked = _decision("ask", reason, "").body or {}
    return Reply({**body, **asked, "hookSpecificOutput": {**output, **asked["hookSpecificOutput"]}})


def refusal_of_unasked(reply: Reply, event: HookEvent) -> str:
    """Give the reason to deny a call whose question the host may answer without asking anybody, "" for any other call.

    The host has its own question about calls that touch .mcp.json, .claude, .git, shell profiles and the like. It puts
    it in the place of a hook's, and in these permission modes answers it with yes. About MCP tools it has none.
    """
    output = (reply.body or {}).get("hookSpecificOutput", {})
    asked = output.get("permissionDecision") == "ask"
    if not asked or event.permission_mode not in _NOBODY_IS_ASKED or event.tool_name.startswith("mcp__"):
        return ""
    why = f"In permission mode {event.permission_mode} nobody is asked, so it is denied."
    return f"{output['permissionDecisionReason'][: MAX_REASON_CHARS - len(why) - 1]} {why}"


def notice(message: str) -> Reply:
    """Show the user `message` and let things go on."""
    return Reply({"systemMessage": message})


def telling(reply: Reply, message: str) -> Reply:
    """Show the user `message` beside what an answer says already."""
    body = reply.body or {}
    said = body.get("systemMessage", "")
    return Reply({**body, "systemMessage": f"{message}\n{said}" if said else message})


def rewrite_input(updated_input: dict[str, Any], *, context: str, message: str) -> Reply:
    """Run the tool on `updated_input` (the whole input, in the tool's own shape) instead."""
    output = {"hookEventName": "PreToolUse", "updatedInput": updated_input, "additionalContext": context}
    return Reply({"hookSpecificOutput": output, "systemMessage": message})


def after_tool(
    event: EventName, *, context: str = "", message: str = "", updated_output: Any = None, is_mcp: bool = False
) -> Reply:
    """Answer a finished tool call: context for the model, a message for the user, the output to show instead.

    `updated_output` must have the tool's own shape, or the host ignores it. For MCP tools it is also given under the
    name that hosts before 2.1.121 know.
    """
    output: dict[str, Any] = {"hookEventName": event}
    if context:
        output["additionalContext"] = context
    if updated_output is not None:
        output["updatedToolOutput"] = updated_output
        if is_mcp:
            output["updatedMCPToolOutput"] = updated_output
    body: dict[str, Any] = {"systemMessage": message} if message else {}
    if len(output) > 1:
        body["hookSpecificOutput"] = output
    return Reply(body or None)


def block_change(reason: str) -> Reply:
    """Keep a changed settings file from taking effect in this session (ConfigChange)."""
    return Reply({"decision": "block", "reason": reason, "systemMessage": reason})


def one_line(text: object, limit: int = 400) -> str:
    """Give untrusted text as one printable line of at most `limit` characters: data, not layout."""
    joined = " ".join(str(text).split())
    line = "".join(char for char in joined if char.isprintable())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def sentences(*parts: str) -> str:
    """Join what there is to say; parts that are empty are left out."""
    return " ".join(filter(None, parts))


def _decision(decision: str, reason: str, message: str) -> Reply:
    output = {
        "hookEventName": "PreToolUse",
        "permissionDecision": decision,
        "permissionDecisionReason": reason[:MAX_REASON_CHARS],
    }
    body: dict[str, Any] = {"hookSpecificOutput": output}
    if message:
        body["systemMessage"] = message
    return Reply(body)
