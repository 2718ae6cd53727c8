"""The list of decisions (wire 1.7): for the route and for the MCP tool `list_recent_decisions`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.moments import DAY_START, stored_moment
from axonflow_hooks.agent.store.reports import DecisionQuery, list_decisions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.runtime import Agent

DEFAULT_LIMIT: Final = 100
MAX_LIMIT: Final = 1_000
VERDICTS: Final = ("allowed", "blocked", "redacted", "needs_approval", "error")

_MAX_CONTEXT_KEYS: Final = 5


async def recent_decisions(
    agent: Agent,
    tenant_id: str,
    *,
    since: str | None,
    decision: str | None,
    policy_id: str | None,
    tool_signature: str | None,
    limit: int | None,
) -> dict[str, Any]:
    """Give the fields of `DecisionList`. Raises ToolFailure for a filter that makes no sense, StoreUnavailable."""
    start = stored_moment(since, DAY_START) if since else None
    if since and start is None:
        raise ToolFailure("Invalid since: must be RFC3339 format")
    if decision and decision not in VERDICTS:
        raise ToolFailure(f"Invalid decision: must be one of {', '.join(VERDICTS)}")
    if limit is not None and not 1 <= limit <= MAX_LIMIT:
        raise ToolFailure(f"Invalid limit: must be between 1 and {MAX_LIMIT}")
    wanted = DecisionQuery(
        tenant_id=tenant_id,
        since=start,
        decision=decision,
        policy_id=policy_id,
        tool_signature=tool_signature,
        limit=limit or DEFAULT_LIMIT,
    )
    rows = await agent.read(lambda connection: list_decisions(connection, wanted))
    return {"decisions": [_summary(row) for row in rows]}


def _summary(row: Mapping[str, Any]) -> dict[str, Any]:
    summary = {
        "decision_id": row["decision_id"],
        "timestamp": row["timestamp"],
        "decision": row["decision"],
        "policy_id": row["primary_policy"],
        "tool_signature": row["tool_signature"],
    }
    if row["context"]:
        summary["context"] = dict(list(json.loads(row["context"]).items())[:_MAX_CONTEXT_KEYS])
    return {name: value for name, value in summary.items() if value is not None}
