"""The tool `list_recent_decisions` (wire 1.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from axonflow_hooks.agent.decision_lists import recent_decisions
from axonflow_hooks.agent.mcp.calls import ToolReply, read_arguments

if TYPE_CHECKING:
    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent


class _Arguments(BaseModel):
    since: str | None = None
    decision: str | None = None
    policy_id: str | None = None
    tool_signature: str | None = None
    limit: int | None = None


async def list_recent_decisions(agent: Agent, call: ToolCall) -> ToolReply:
    """Give decisions, newest first."""
    given = read_arguments(_Arguments, call.arguments, missing="")
    return ToolReply(await recent_decisions(agent, call.caller.tenant_id, **given.model_dump()))
