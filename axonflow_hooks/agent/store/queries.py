"""What is read from the database, as functions of a connection."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, insert, select

from axonflow_hooks.agent.tables.records import storable
from axonflow_hooks.agent.tables.schema import decisions, idempotency

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection


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


def find_decision_of_any(connection: Connection, decision_id: str) -> dict[str, Any] | None:
    """Give the row of a decision of whatever tenant, or None."""
    query = select(decisions).where(decisions.c.decision_id == storable(decision_id))
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


def find_replay(connection: Connection, client_id: str, scope: str, key: str) -> Replay | None:
    """Give what was answered to this client's key before, or None."""
    query = select(idempotency.c.fingerprint, idempotency.c.response).where(
        idempotency.c.client_id == client_id, idempotency.c.scope == scope, idempotency.c.key == key
    )
    found = connection.execute(query).first()
    return None if found is None else Replay(found.fingerprint, json.loads(found.response))


def forget_reply(connection: Connection, client_id: str, scope: str, key: str) -> None:
    """Drop what was answered to this client's key, so that it can be answered anew."""
    known = (idempotency.c.client_id == client_id, idempotency.c.scope == scope, idempotency.c.key == key)
    connection.execute(delete(idempotency).where(*known))


def remember_reply(connection: Connection, row: Mapping[str, str]) -> None:
    """Keep the answer to a key: the columns of the table `idempotency`."""
    connection.execute(insert(idempotency).values(**row))
