"""What a tool is, and which there are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.mcp import audit, checks, decisions, schemas

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
            "explain_decision",
            "Explain a decision by its decision_id: which policies matched, where, with what risk, and how often "
            "before in this session.",
            schemas.EXPLAIN_DECISION,
            decisions.explain_decision,
            _READS,
        ),
        Tool(
            "search_audit_events",
            "Search the audit trail, newest first; without times, the last 15 minutes.",
            schemas.SEARCH_AUDIT_EVENTS,
            audit.search_audit_events,
            _READS,
        ),
    )
}
