"""What happened in a range of the audit trail, in numbers (wire 1.9): for the route and for the MCP tool."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.store.reports import sum_up
from axonflow_hooks.agent.tables.records import parse_time

if TYPE_CHECKING:
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.reports import Totals

MAX_RANGE: Final = timedelta(days=366)


async def summarise(agent: Agent, tenant_id: str, start: str, end: str, connector_type: str | None) -> dict[str, Any]:
    """Give the fields of `AuditSummary` for a range of stored times.

    Raises ToolFailure for a range that runs backwards or is longer than a year, StoreUnavailable.
    """
    first, last = parse_time(start), parse_time(end)
    if first is None or last is None or last <= first:
        raise ToolFailure("end_time must be after start_time")
    if last - first > MAX_RANGE:
        raise ToolFailure("Date range must not exceed 1 year")
    totals = await agent.read(lambda connection: sum_up(connection, tenant_id, start, end, connector_type))
    policies = await agent.policies_of(tenant_id)
    names = {policy.id: policy.name for policy in policies.storage.policies}
    names |= {rule.policy.policy_id: rule.policy.says.name for rule in policies.rules}
    return {
        **_requests(totals),
        "avg_latency_ms": round(totals.average_ms, 3),
        "total_events": sum(totals.by_request_type.values()),
        "by_severity": dict(totals.by_severity),
        "by_action": dict(totals.by_request_type),
        "top_policies": [
            {
                "policy_id": policy_id,
                "policy_name": names.get(policy_id, policy_id),
                "trigger_count": triggered,
                "block_count": blocked,
            }
            for policy_id, triggered, blocked in totals.top
        ],
    }


def _requests(totals: Totals) -> dict[str, Any]:
    count = totals.by_decision.get
    total = sum(totals.by_decision.values())
    blocked, allowed, modified = count("blocked", 0), count("allowed", 0), count("redacted", 0)
    return {
        "total_requests": total,
        "allowed_requests": allowed,
        "blocked_requests": blocked,
        "modified_requests": modified,
        "needs_approval_requests": count("needs_approval", 0),
        "error_requests": count("error", 0),
        "block_rate_percent": _percent(blocked, total, empty=0.0),
        "compliance_score": _percent(allowed + modified, total, empty=100.0),
    }


def _percent(part: int, whole: int, *, empty: float) -> float:
    return round(100 * part / whole, 2) if whole else empty
