"""What a tool is, and which there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.mcp import audit, checks, decisions, overrides, policies, recent, schemas, stats

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from axonflow_hooks.agent.mcp.calls import ToolCall, ToolReply
    from axonflow_hooks.agent.runtime import Agent

    Run = Callable[[Agent, ToolCall], Awaitable[ToolReply]]


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool as `tools/list` shows it, and the function that does its work."""

    name: str
    description: str
    input_schema: Mapping[str, Any]
    run: Run
    annotations: Mapping[str, bool] = field(default_factory=dict)

    def listing(self) -> dict[str, Any]:
        """Give the tool's entry in `tools/list`."""
        return {
            "name": self.name,
            "description": self.description,
            "inputSchema": self.input_schema,
            "annotations": self.annotations,
        }


_READS: Final = {"readOnlyHint": True, "openWorldHint": False}
_RECORDS: Final = {"readOnlyHint": False, "destructiveHint": False, "openWorldHint": False}

TOOLS: Final[Mapping[str, Tool]] = {
    tool.name: tool
    for tool in (
        Tool(
            "check_policy",
            "Decide whether a statement (a shell command, a query, file content, the arguments of a tool) may be "
            "executed. Returns allowed, the reason of a block, the policies that matched and a decision_id.",
            schemas.CHECK_POLICY,
            checks.check_policy,
            _RECORDS,
        ),
        Tool(
            "check_output",
            "Scan the output of a tool for personal data and secrets. Returns the masked output where something has "
            "to be masked, and allowed=false where the output must be withheld.",
            schemas.CHECK_OUTPUT,
            checks.check_output,
            _RECORDS,
        ),
        Tool(
            "audit_tool_call",
            "Record an executed or refused tool call in the audit trail. Secrets and personal data are masked before "
            "anything is stored.",
            schemas.AUDIT_TOOL_CALL,
            audit.audit_tool_call,
            _RECORDS,
        ),
        Tool(
            "list_policies",
            "List the policies that govern tool calls: those of the system, of the user's packs and of the tenant, "
            "with what each looks at and does.",
            schemas.LIST_POLICIES,
            policies.list_policies,
            _READS,
        ),
        Tool(
            "explain_decision",
            "Explain a decision by its decision_id: which policies matched, where, with what risk, and how often "
            "before in this session.",
            schemas.EXPLAIN_DECISION,
            decisions.explain_decision,
            _READS,
        ),
        Tool(
            "create_override",
            "Ask a person to lift one policy for a while, for a stated reason. The user confirms it in a terminal of "
            "their own (axonflow-hooks override confirm); the call waits for that. Policies of critical risk are never "
            "lifted.",
            schemas.CREATE_OVERRIDE,
            overrides.create_override,
            _RECORDS,
        ),
        Tool(
            "delete_override",
            "End an override before its time.",
            schemas.DELETE_OVERRIDE,
            overrides.delete_override,
            _RECORDS,
        ),
        Tool(
            "list_overrides",
            "List the overrides that hold, newest first.",
            schemas.LIST_OVERRIDES,
            overrides.list_overrides,
            _READS,
        ),
        Tool(
            "search_audit_events",
            "Search the audit trail, newest first; without times, the last 15 minutes.",
            schemas.SEARCH_AUDIT_EVENTS,
            audit.search_audit_events,
            _READS,
        ),
        Tool(
            "get_policy_stats",
            "Sum up what was decided: verdicts by kind and severity, the policies that decided most, the share "
            "that was blocked; without times, the last 24 hours.",
            schemas.GET_POLICY_STATS,
            stats.get_policy_stats,
            _READS,
        ),
        Tool(
            "list_recent_decisions",
            "List decisions, newest first: their ids, verdicts, tools and the policies that decided.",
            schemas.LIST_RECENT_DECISIONS,
            recent.list_recent_decisions,
            _READS,
        ),
    )
}
