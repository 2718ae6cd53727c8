"""One decision in full, as the tool `explain_decision` and its REST route give it (wire 1.3.1, 1.7)."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.conclusion import BLOCKING
from axonflow_hooks.agent.explanations import explanation, matched_rules, what_would_be_allowed
from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.store.grants import live_overrides
from axonflow_hooks.agent.store.queries import count_session_hits, find_decision
from axonflow_hooks.agent.tables.records import Caller, format_time, now, parse_time
from axonflow_hooks.wire.explanation import DecisionExplanation

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

HISTORY_HOURS: Final = 24


def explain(connection: Connection, decision_id: str, tenant_id: str) -> DecisionExplanation | None:
    """Give the explanation of one of the tenant's decisions, None when there is no such decision."""
    row = find_decision(connection, decision_id, tenant_id)
    if row is None:
        return None
    matches = json.loads(row["policy_matches"])
    available = _override_available(row, matches)
    stored = {name: row[name] for name in DecisionExplanation.model_fields if name in row}
    return DecisionExplanation.model_validate(
        {
            **stored,
            "policy_matches": matches,
            "matched_rules": matched_rules(matches),
            "context": json.loads(row["context"]) if row["context"] else None,
            "context_truncated": True if row["context_truncated"] else None,
            "explanation": explanation(row, matches),
            "what_would_be_allowed": what_would_be_allowed(row, matches, override_available=available),
            "override_available": available,
            "override_existing_id": row["override_id"] or _live_override(connection, row, matches),
            "historical_hit_count_session": count_session_hits(connection, row, _a_day_before(row["timestamp"])),
        }
    )


def _stopping(matches: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [match for match in matches if match["action"] in BLOCKING and not match.get("lifted_by")]


def _override_available(row: Mapping[str, Any], matches: Sequence[Mapping[str, Any]]) -> bool:
    stopping = _stopping(matches)
    return (
        row["decision"] == "blocked"
        and bool(stopping)
        and all(
            match["action"] == "block" and match["allow_override"] and match["risk_level"] != "critical"
            for match in stopping
        )
    )


def _live_override(connection: Connection, row: Mapping[str, Any], matches: Sequence[Mapping[str, Any]]) -> str | None:
    """Give an override that has been granted since, and holds now, for what stopped this call."""
    policies = [match["policy_id"] for match in _stopping(matches)]
    if not policies:
        return None
    user = user_key(Caller(row["client_id"], row["tenant_id"], user_email=row["user_email"]))
    found = live_overrides(connection, row["tenant_id"], user, row["tool_signature"], policies, now())
    return next(iter(found.values()), None)


def _a_day_before(timestamp: str) -> str:
    moment = parse_time(timestamp)
    return timestamp if moment is None else format_time(moment - timedelta(hours=HISTORY_HOURS))
