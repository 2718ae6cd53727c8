"""The tool `explain_decision` (wire 1.3.1, 1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import BaseModel

from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.explained_decisions import explain
from axonflow_hooks.agent.mcp.calls import FilledText, ToolReply, read_arguments
from axonflow_hooks.wire.explanation import DECISION_NOT_FOUND

if TYPE_CHECKING:
    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent


class _Arguments(BaseModel):
    decision_id: FilledText


async def explain_decision(agent: Agent, call: ToolCall) -> ToolReply:
    """Give the full record of a decision."""
    given = read_arguments(_Arguments, call.arguments, missing="decision_id is required")
    tenant_id = call.caller.tenant_id
    explained = await agent.read(lambda connection: explain(connection, given.decision_id, tenant_id))
    if explained is None:
        raise ToolFailure(DECISION_NOT_FOUND)
    return ToolReply(explained.model_dump(exclude_none=True))
