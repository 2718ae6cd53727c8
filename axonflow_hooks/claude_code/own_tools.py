"""Calls of AxonFlow's own tools: reading is not sent to policy, overrides are for a person to grant."""

from __future__ import annotations

import re
from os.path import normpath
from typing import TYPE_CHECKING, Final, Literal

from axonflow_hooks.claude_code.replies import one_line

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.claude_code.events import HookEvent

# The host names a plugin's MCP tools mcp__plugin_<plugin>_<server>__<tool>; a server that a project merely calls
# "axonflow" is somebody else's.
_PREFIX: Final = "mcp__plugin_axonflow_axonflow__"
_READING: Final = frozenset(
    {
        "audit_tool_call",
        "check_output",
        "check_policy",
        "explain_decision",
        "get_policy_stats",
        "list_overrides",
        "list_policies",
        "list_recent_decisions",
        "search_audit_events",
    }
)
_GRANTING: Final = frozenset({"create_override", "delete_override"})
_OWN_COMMAND: Final = re.compile(
    r"""sh (?P<quote>["']?)(?P<run>[^"'\n;&|<>$`*?(){}\\]+/hooks/run)(?P=quote) (?P<words>.+)"""
)
_STATUS_WORDS: Final = re.compile(r"(?:cli|report) (?:status|doctor)(?: --json)?")
_RECOVERY_WORDS: Final = re.compile(r"""cli recover (?P<quote>["']?)[\w.%+-]+@[\w.-]+(?P=quote)""")


def own_tool_kind(event: HookEvent) -> Literal["reads", "grants", ""]:
    """Say whether an event calls a tool of this plugin's MCP server that `reads` or that `grants` exceptions."""
    if not event.tool_name.startswith(_PREFIX):
        return ""
    # A project's server may take the plugin's name; hosts that say where a server comes from tell them apart.
    if event.mcp_server_source not in {"", "plugin"}:
        return ""
    tool = event.tool_name.removeprefix(_PREFIX)
    if tool in _READING:
        return "reads"
    return "grants" if tool in _GRANTING else ""


def grant_question(event: HookEvent) -> str:
    """Give the question for the person: what the override lifts, for how long, and the stated reason, as data."""
    given = event.tool_input
    if event.tool_name.endswith("delete_override"):
        return f"AxonFlow: revoke the override {one_line(given.get('override_id', '?'), 80)}? Only you can decide this."
    scope = one_line(given.get("tool_signature") or "all tools", 120)
    return (
        f"AxonFlow: lift policy {one_line(given.get('policy_id', '?'), 80)} for {scope} during "
        f"{one_line(given.get('ttl_seconds', 3600), 10)} s? Only you can grant this. "
        f"Reason stated: {one_line(given.get('override_reason', 'none'), 300)} "
        "(An embedded agent then asks for your passphrase: run `axonflow-hooks override confirm` in your own terminal.)"
    )


def is_status_command(event: HookEvent, environ: Mapping[str, str]) -> bool:
    """Tell whether a Bash call is this plugin's own status or doctor and nothing else.

    It has to work when nothing else does: it tells what is wrong with the configuration.
    """
    return _STATUS_WORDS.fullmatch(_own_words(event, environ)) is not None


def is_recovery_command(event: HookEvent, environ: Mapping[str, str]) -> bool:
    """Tell whether a Bash call is what `/axonflow-recover` has the model run: this plugin's own, and nothing else."""
    return _RECOVERY_WORDS.fullmatch(_own_words(event, environ)) is not None


def _own_words(event: HookEvent, environ: Mapping[str, str]) -> str:
    """Give what a Bash call tells this plugin's own entry file to do, "" for any other call."""
    root = environ.get("CLAUDE_PLUGIN_ROOT")
    command = event.tool_input.get("command")
    if event.tool_name != "Bash" or not root or not isinstance(command, str):
        return ""
    match = _OWN_COMMAND.fullmatch(command.strip())
    # Some releases of the host give the root with a slash at its end.
    if match is None or normpath(match.group("run")) != normpath(f"{root}/hooks/run"):
        return ""
    if not match.group("quote") and re.search(r"[\s~#]", match.group("run")):
        return ""
    return match.group("words")
