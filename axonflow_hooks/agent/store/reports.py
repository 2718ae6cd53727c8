"""What the routes read of decisions and of the audit trail, and how replies to idempotent requests age."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import delete, false, func, or_, select

from axonflow_hooks.agent.tables.records import storable
from axonflow_hooks.agent.tables.schema import audit_log, decisions, idempotency

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

TOP_POLICIES: Final = 10
_ESCAPE: Final = "\\"

MAX_PATTERN_CHARS: Final = 1_000
"""Longer names are in no record, and SQLite refuses patterns of more than 50,000 bytes."""


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """Which entries of the trail: times are RFC 3339 texts of fixed width, both ends belong to the range.

    `tenant_id` None stands for all tenants. `client_id` is a part of it in any case, `policy_name` the id or the name
    of a policy that matched.
    """

    tenant_id: str | None
    start: str | None = None
    end: str | None = None
    request_type: str | None = None
    policy_decision: str | None = None
    user_email: str | None = None
    client_id: str | None = None
    session_id: str | None = None
    decision_id: str | None = None
    override_id: str | None = None
    policy_name: str | None = None


@dataclass(frozen=True, slots=True)
class DecisionQuery:
    """Which decisions; `policy_id` is any policy that matched."""

    tenant_id: str
    since: str | None = None
    decision: str | None = None
    policy_id: str | None = None
    tool_signature: str | None = None
    limit: int = 100


def search_entries(
    connection: Connection, wanted: AuditQuery, limit: int, offset: int
) -> tuple[list[dict[str, Any]], int]:
    """Give entries, newest first, and how many there are in all."""
    page = (
        select(audit_log).where(*_conditions(wanted)).order_by(audit_log.c.sequence.desc()).limit(limit).offset(offset)
    )
    return [{**row} for row in connection.execute(page).mappings()], count_entries(connection, wanted)


def count_entries(connection: Connection, wanted: AuditQuery) -> int:
    """Give how many entries there are."""
    query = select(func.count()).select_from(audit_log).where(*_conditions(wanted))
    return int(connection.execute(query).scalar_one())


def entries_before(
    connection: Connection, wanted: AuditQuery, sequence: int | None, limit: int
) -> list[dict[str, Any]]:
    """Give the next entries below a place in the sequence, newest first; None starts at the newest."""
    query = select(audit_log).where(*_conditions(wanted)).order_by(audit_log.c.sequence.desc()).limit(limit)
    if sequence is not None:
        query = query.where(audit_log.c.sequence < sequence)
    return [{**row} for row in connection.execute(query).mappings()]


def entries_after(connection: Connection, wanted: AuditQuery, sequence: int, limit: int) -> list[dict[str, Any]]:
    """Give the next entries above a place in the sequence, oldest first."""
    query = select(audit_log).where(audit_log.c.sequence > sequence, *_conditions(wanted))
    page = query.order_by(audit_log.c.sequence).limit(limit)
    return [{**row} for row in connection.execute(page).mappings()]


def find_entry(connection: Connection, audit_id: str, tenant_id: str | None) -> dict[str, Any] | None:
    """Give one entry of this tenant (None: of any), or None."""
    query = select(audit_log).where(audit_log.c.id == storable(audit_id))
    if tenant_id is not None:
        query = query.where(audit_log.c.tenant_id == tenant_id)
    found = connection.execute(query).mappings().first()
    return None if found is None else {**found}


def list_decisions(connection: Connection, wanted: DecisionQuery) -> list[dict[str, Any]]:
    """Give decisions, newest first."""
    query = select(decisions).where(decisions.c.tenant_id == wanted.tenant_id)
    if wanted.since:
        query = query.where(decisions.c.timestamp >= wanted.since)
    if wanted.decision:
        query = query.where(decisions.c.decision == wanted.decision)
    if wanted.tool_signature:
        query = query.where(decisions.c.tool_signature == storable(wanted.tool_signature))
    if wanted.policy_id:
        query = query.where(_has_policy("policy_id", wanted.policy_id))
    query = query.order_by(decisions.c.timestamp.desc(), decisions.c.decision_id).limit(wanted.limit)
    return [{**row} for row in connection.execute(query).mappings()]


@dataclass(frozen=True, slots=True)
class Totals:
    """What a range of the trail adds up to; `top` are (policy id, verdicts it decided, calls it stopped)."""

    by_decision: Mapping[str, int]
    by_severity: Mapping[str, int]
    by_request_type: Mapping[str, int]
    average_ms: float
    top: Sequence[tuple[str, int, int]]


def sum_up(connection: Connection, tenant_id: str | None, start: str, end: str, connector_type: str | None) -> Totals:
    """Give the totals of a range, both ends in it; with a connector only what it, or a tool of it, was asked for.

    `tenant_id` None stands for all tenants.
    """
    made = _within(decisions, tenant_id, start, end)
    noted = _within(audit_log, tenant_id, start, end)
    if connector_type:
        made.append(_of_connector(decisions.c.tool_signature, connector_type))
        noted.append(_of_connector(audit_log.c.tool_name, connector_type))
    average = connection.execute(select(func.avg(decisions.c.duration_ms)).where(*made)).scalar()
    return Totals(
        by_decision=_counts(connection, decisions.c.decision, made),
        by_severity=_counts(connection, decisions.c.risk_level, [*made, decisions.c.risk_level.is_not(None)]),
        by_request_type=_counts(connection, audit_log.c.request_type, noted),
        average_ms=float(average or 0.0),
        top=_top_policies(connection, made),
    )


def forget_replies_of(connection: Connection, scope: str, before: str) -> None:
    """Drop the answers to requests of one kind that were given before a moment."""
    connection.execute(delete(idempotency).where(idempotency.c.scope == scope, idempotency.c.timestamp < before))


def _top_policies(connection: Connection, made: Sequence[ColumnElement[bool]]) -> list[tuple[str, int, int]]:
    policy, decision = decisions.c.primary_policy, decisions.c.decision
    query = select(policy, decision, func.count()).where(*made, policy.is_not(None)).group_by(policy, decision)
    counted: dict[str, tuple[int, int]] = {}
    for policy_id, verdict, count in connection.execute(query):
        triggered, blocked = counted.get(policy_id, (0, 0))
        counted[policy_id] = (triggered + count, blocked + (count if verdict == "blocked" else 0))
    ordered = sorted(counted.items(), key=lambda item: (-item[1][0], item[0]))
    return [(policy_id, *counts) for policy_id, counts in ordered[:TOP_POLICIES]]


def _counts(
    connection: Connection, column: ColumnElement[str], conditions: Sequence[ColumnElement[bool]]
) -> dict[str, int]:
    query = select(column, func.count()).where(*conditions).group_by(column)
    return {str(name): int(count) for name, count in connection.execute(query)}


def _within(table: Table, tenant_id: str | None, start: str, end: str) -> list[ColumnElement[bool]]:
    within = [table.c.timestamp >= start, table.c.timestamp <= end]
    return within if tenant_id is None else [table.c.tenant_id == tenant_id, *within]


def _of_connector(column: ColumnElement[str], connector_type: str) -> ColumnElement[bool]:
    name = storable(connector_type)
    if len(name) > MAX_PATTERN_CHARS:
        return false()
    return or_(column == name, column.like(f"{_literal(name)}.%", escape=_ESCAPE))


def _conditions(wanted: AuditQuery) -> list[ColumnElement[bool]]:
    columns = audit_log.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.tenant_id is not None:
        conditions.append(columns.tenant_id == wanted.tenant_id)
    if wanted.start:
        conditions.append(columns.timestamp >= wanted.start)
    if wanted.end:
        conditions.append(columns.timestamp <= wanted.end)
    for name in ("request_type", "policy_decision", "user_email", "session_id", "decision_id", "override_id"):
        value: str | None = getattr(wanted, name)
        if value:
            conditions.append(columns[name] == storable(value))
    if wanted.client_id and len(wanted.client_id) > MAX_PATTERN_CHARS:
        conditions.append(false())
    elif wanted.client_id:
        part = _literal(storable(wanted.client_id).lower())
        conditions.append(func.lower(columns.client_id).like(f"%{part}%", escape=_ESCAPE))
    if wanted.policy_name:
        name = wanted.policy_name
        deciding = select(decisions.c.decision_id).where(
            or_(_has_policy("policy_name", name), _has_policy("policy_id", name)),
        )
        if wanted.tenant_id is not None:  # an entry may name a decision of others: that tells nothing of it
            deciding = deciding.where(decisions.c.tenant_id == wanted.tenant_id)
        conditions.append(columns.decision_id.in_(deciding))
    return conditions


def _has_policy(field: str, value: str) -> ColumnElement[bool]:
    """Tell whether the stored matches, which are JSON text, hold this field with this value."""
    if len(value) > MAX_PATTERN_CHARS:
        return false()
    pair = json.dumps({field: value}, separators=(",", ":"))[1:-1]
    return decisions.c.policy_matches.like(f"%{_literal(pair)}%", escape=_ESCAPE)


def _literal(text: str) -> str:
    """Give a text with what LIKE reads as a pattern escaped."""
    for sign in (_ESCAPE, "%", "_"):
        text = text.replace(sign, _ESCAPE + sign)
    return text
