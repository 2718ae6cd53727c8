"""The tool `explain_decision` (wire 1.3.1, 1.7)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.mcp.calls import FilledText, ToolReply, read_arguments
from axonflow_hooks.agent.store.queries import count_session_hits, find_decision
from axonflow_hooks.agent.store.records import format_time, parse_time
from axonflow_hooks.wire.explanation import DECISION_NOT_FOUND, DecisionExplanation

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent

HISTORY_HOURS: Final = 24


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


def explain(connection: Connection, decision_id: str, tenant_id: str) -> DecisionExplanation | None:
    """Give the explanation of one of the tenant's decisions, None when there is no such decision."""
    row = find_decision(connection, decision_id, tenant_id)
    if row is None:
        return None
    stored = {name: row[name] for name in DecisionExplanation.model_fields if name in row}
    return DecisionExplanation.model_validate(
        {
            **stored,
            "policy_matches": json.loads(row["policy_matches"]),
            "override_available": False,
            "historical_hit_count_session": count_session_hits(connection, row, _a_day_before(row["timestamp"])),
        }
    )


def _a_day_before(timestamp: str) -> str:
    moment = parse_time(timestamp)
    return timestamp if moment is None else format_time(moment - timedelta(hours=HISTORY_HOURS))
