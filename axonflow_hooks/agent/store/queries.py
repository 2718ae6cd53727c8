"""What is read from the database, as functions of a connection."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from axonflow_hooks.agent.store.records import storable
from axonflow_hooks.agent.store.schema import audit_log, decisions, idempotency

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which audit entries: times are RFC 3339 texts of fixed width, both ends belong to the range."""

    tenant_id: str
    start: str
    end: str
    request_type: str | None = None
    user_email: str | None = None
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Replay:
    """The answer that an Idempotency-Key has got before, and what was asked then."""

    fingerprint: str
    response: dict[str, Any]


def find_decision(connection: Connection, decision_id: str, tenant_id: str) -> dict[str, Any] | None:
    """Give the row of a decision of this tenant, or None."""
    query = select(decisions).where(
        decisions.c.decision_id == storable(decision_id), decisions.c.tenant_id == tenant_id
    )
    found = connection.execute(query).mappings().first()
    return None if found is None else {**found}


def count_session_hits(connection: Connection, row: Mapping[str, Any], since: str) -> int:
    """Give how often the policy that decided `row` has decided in its session between `since` and it, itself included.

    Without a session or a policy there is nothing to count: 0.
    """
    if row["session_id"] is None or row["primary_policy"] is None:
        return 0
    query = select(func.count()).where(
        decisions.c.tenant_id == row["tenant_id"],
        decisions.c.session_id == row["session_id"],
        decisions.c.primary_policy == row["primary_policy"],
        decisions.c.timestamp >= since,
        decisions.c.timestamp <= row["timestamp"],
    )
    return int(connection.execute(query).scalar_one())


def search_audit(connection: Connection, wanted: AuditFilter) -> tuple[list[dict[str, Any]], int]:
    """Give the entries that `wanted` describes, newest first, and how many there are in all."""
    conditions = [
        audit_log.c.tenant_id == wanted.tenant_id,
        audit_log.c.timestamp >= wanted.start,
        audit_log.c.timestamp <= wanted.end,
    ]
    if wanted.request_type:
        conditions.append(audit_log.c.request_type == storable(wanted.request_type))
    if wanted.user_email:
        conditions.append(audit_log.c.user_email == storable(wanted.user_email))
    total = connection.execute(select(func.count()).select_from(audit_log).where(*conditions)).scalar_one()
    page = (
        select(audit_log)
        .where(*conditions)
        .order_by(audit_log.c.sequence.desc())
        .limit(wanted.limit)
        .offset(wanted.offset)
    )
    return [{**row} for row in connection.execute(page).mappings()], int(total)


def find_replay(connection: Connection, client_id: str, scope: str, key: str) -> Replay | None:
    """Give what was answered to this client's key before, or None."""
    query = select(idempotency.c.fingerprint, idempotency.c.response).where(
        idempotency.c.client_id == client_id, idempotency.c.scope == scope, idempotency.c.key == key
    )
    found = connection.execute(query).first()
    return None if found is None else Replay(found.fingerprint, json.loads(found.response))


def remember_reply(connection: Connection, row: Mapping[str, str]) -> None:
    """Keep the answer to a key: the columns of the table `idempotency`."""
    connection.execute(insert(idempotency).values(**row))


def forget_replies(connection: Connection, before: str) -> None:
    """Drop the answers that were given before a moment."""
    connection.execute(delete(idempotency).where(idempotency.c.timestamp < before))
