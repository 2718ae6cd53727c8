"""The failure table: what a PreToolUse hook answers when there is no verdict (README: when something fails)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from axonflow_hooks.claude_code import replies
from axonflow_hooks.claude_code.ledger import first_notice, record_ungoverned
from axonflow_hooks.claude_code.replies import Reply, one_line
from axonflow_hooks.errors import (
    AccountError,
    AgentRefused,
    AgentUnavailable,
    CredentialError,
    HookInputError,
    MalformedVerdict,
    SettingsError,
)

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.context import HookContext
    from axonflow_hooks.claude_code.events import EventName
    from axonflow_hooks.errors import AxonFlowError

_RESTORE = "Fix AxonFlow configuration to restore tool access."


def blocked(error: Exception) -> Reply:
    """Deny because nobody could decide: `error` says why and what to do, the code names the kind of fault."""
    message = getattr(error, "message", f"internal error ({type(error).__name__})")
    remedy = getattr(error, "remedy", "")
    text = one_line(message, 500).rstrip(".")
    hint = f" {one_line(remedy, 400)}" if remedy else ""
    reason = f"AxonFlow governance blocked: {text} (code {_code(error)}). {_RESTORE}{hint}"
    return replies.deny(reason, message=reason)


def ungoverned(context: HookContext, error: AgentUnavailable) -> Reply:
    """Let the tool run without a verdict (fail mode `open`): counted, and shown to the user once a session."""
    event = context.event
    record_ungoverned(
        context.paths,
        plane="request",
        session_id=event.session_id,
        tool_name=event.tool_name,
        cause=type(error).__name__,
    )
    if not first_notice(context.paths, event.session_id, "ungoverned-call"):
        return replies.SILENT
    hint = f" {one_line(error.remedy, 300)}" if error.remedy else ""
    return replies.notice(
        f"[AxonFlow] This tool call runs ungoverned: {one_line(error.message, 300)}{hint} "
        "AXONFLOW_FAIL_MODE=local or closed changes this; /axonflow-status counts such calls."
    )


def closed(error: AgentUnavailable) -> Reply:
    """Deny because the agent cannot be asked and the fail mode is `closed`."""
    hint = f" {one_line(error.remedy, 300)}" if error.remedy else ""
    reason = (
        f"AxonFlow governance blocked: {one_line(error.message, 400).rstrip('.')} (code unavailable). "
        f"AXONFLOW_FAIL_MODE is closed: no tool runs until the agent answers.{hint}"
    )
    return replies.deny(reason, message=reason)


def not_done(event: EventName, error: Exception) -> Reply:
    """Tell the user that a fault of this plugin kept an event from being handled: never pass it over in silence."""
    missed = {
        "PostToolUse": "an output was neither scanned nor audited",
        "PostToolUseFailure": "an output was neither scanned nor audited",
        "ConfigChange": "a change of settings was not checked",
    }
    what = missed.get(event, f"{event} was not handled")
    return replies.notice(f"[AxonFlow] Internal error ({type(error).__name__}): {what}.")


def _code(error: Exception | AxonFlowError) -> str:
    if isinstance(error, AgentRefused):
        return str(error.code) if error.code else "setup"
    kinds = (
        (CredentialError, "credential"),
        (SettingsError, "settings"),
        (AccountError, "account"),
        (MalformedVerdict, "verdict"),
        (HookInputError, "input"),
        (AgentUnavailable, "unavailable"),
    )
    return next((code for kind, code in kinds if isinstance(error, kind)), "internal")
