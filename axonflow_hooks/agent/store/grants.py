"""What people grant: overrides, approvals, and the questions that are put to a person; tables and queries.

Whether something is over is read from its row at the moment of the question: nothing here is cached, so a revocation
acts on the next call of every replica. Rows are sealed (see `sealed`): one that was written or changed past the
agent is shown, not honoured.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import (
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    and_,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from axonflow_hooks.agent.audit_trail.retention import cutoff
from axonflow_hooks.agent.store.rows import Row, all_rows, first_row
from axonflow_hooks.agent.store.sealed import change_sealed, faults_of, insert_sealed, subject_of
from axonflow_hooks.agent.store.writer import ENGINE_RETENTION_DAYS
from axonflow_hooks.agent.tables.records import storable
from axonflow_hooks.agent.tables.schema import audit_log, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection

OVERRIDES_LISTED: Final = 100
"""Overrides that a list gives at most (wire 1.8)."""

overrides = Table(
    "overrides",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("policy_id", String(128), nullable=False),
    Column("policy_type", String(8), nullable=False),
    Column("tenant_id", String(128), nullable=False),
    Column("client_id", String(256), nullable=False),
    Column("user_key", String(264), nullable=False),
    Column("override_reason", Text, nullable=False),
    Column("tool_signature", String(256)),
    Column("ttl_seconds", Integer, nullable=False),
    Column("requested_ttl", Integer),
    Column("clamped_reason", String(24)),
    Column("created_at", String(27), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("created_by", String(264), nullable=False),
    Column("revoked_at", String(27)),
    Column("revoked_by", String(264)),
    Column("mac", String(64)),
    Index("overrides_by_user", "tenant_id", "user_key", "expires_at"),
)

approvals = Table(
    "approvals",
    metadata,
    Column("id", String(40), primary_key=True),
    Column("tenant_id", String(128), nullable=False),
    Column("client_id", String(256), nullable=False),
    Column("user_key", String(264), nullable=False),
    Column("session_id", String(256)),
    Column("plane", String(16), nullable=False),
    Column("tool_signature", String(256), nullable=False),
    Column("statement_hash", String(96), nullable=False),
    Column("original_query", Text, nullable=False),
    Column("request_type", String(32), nullable=False),
    Column("policy_ids", Text, nullable=False),
    Column("policy_name", Text, nullable=False),
    Column("trigger_reason", Text, nullable=False),
    Column("severity", String(8), nullable=False),
    Column("details", Text, nullable=False),
    Column("status", String(12), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("updated_at", String(27), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("reviewer_id", String(264)),
    Column("reviewer_email", String(264)),
    Column("review_comment", Text),
    Column("reviewed_at", String(27)),
    Column("consumed_at", String(27)),
    Column("mac", String(64)),
    Index("approvals_by_statement", "tenant_id", "statement_hash", "created_at"),
    Index("approvals_by_time", "tenant_id", "created_at"),
)

challenges = Table(
    "presence_challenges",
    metadata,
    Column("code", String(16), primary_key=True),
    Column("nonce", String(64), nullable=False),
    Column("purpose", String(24), nullable=False),
    Column("request", Text, nullable=False),
    Column("question", Text, nullable=False),
    Column("tenant_id", String(128), nullable=False),
    Column("client_id", String(256), nullable=False),
    Column("user_key", String(264), nullable=False),
    Column("user_email", String(256)),
    Column("status", String(12), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("result_id", String(40)),
    Column("mac", String(64)),
    Index("presence_challenges_by_tenant", "tenant_id", "expires_at"),
)

attempts = Table(
    "presence_attempts",
    metadata,
    Column("verifier", String(32), primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("locked_until", String(27), nullable=False),
)


# Overrides


def add_override(connection: Connection, row: Mapping[str, Any]) -> Row:
    """Insert an override and give it sealed: the columns of the table."""
    _forget_over(connection, overrides)
    return insert_sealed(connection, overrides, row)


def live_overrides(
    connection: Connection,
    tenant_id: str,
    user_key: str,
    tool_signature: str,
    policy_ids: Sequence[str],
    at: str,
    faults: list[tuple[str, str]] | None = None,
) -> dict[str, str]:
    """Give, by policy, the id of a user's override that holds at a moment for a tool.

    `faults` grows by (id, what is wrong with it) of those that would, were they genuine.
    """
    query = (
        select(overrides)
        .where(
            overrides.c.tenant_id == tenant_id,
            overrides.c.user_key == user_key,
            overrides.c.policy_id.in_(policy_ids),
            _live(at),
            or_(overrides.c.tool_signature.is_(None), overrides.c.tool_signature == storable(tool_signature)),
        )
        .order_by(overrides.c.expires_at, overrides.c.id)
    )
    rows = all_rows(connection, query)
    found: dict[str, str] = {}
    for row in reversed(rows):  # the one that ends last; the others of its policy matter only where it is false
        if row["policy_id"] in found:
            continue
        fault = faults_of(connection, overrides, [row]).get(row["id"])
        if fault is None:
            found[row["policy_id"]] = row["id"]
        elif faults is not None:
            faults.append((row["id"], fault))
    return found


def find_override(connection: Connection, override_id: str, tenant_id: str) -> Row | None:
    """Give the row of one of a tenant's overrides, or None."""
    query = select(overrides).where(overrides.c.id == storable(override_id), overrides.c.tenant_id == tenant_id)
    return first_row(connection, query)


def override_holds(connection: Connection, row: Mapping[str, Any], at: str) -> bool:
    """Tell whether the row of an override is genuine and holds at a moment."""
    live = row["revoked_at"] is None and row["expires_at"] > at
    return bool(live) and not faults_of(connection, overrides, [row])


def list_overrides(
    connection: Connection, tenant_id: str, at: str, *, policy_id: str | None = None, past: bool = False
) -> list[Row]:
    """Give a tenant's overrides, newest first: those that hold at a moment, with `past` also those that are over.

    What would hold, were it genuine, is left out.
    """
    conditions = [overrides.c.tenant_id == tenant_id]
    if policy_id:
        conditions.append(overrides.c.policy_id == storable(policy_id))
    if not past:
        conditions.append(_live(at))
    newest = select(overrides).where(*conditions).order_by(overrides.c.created_at.desc(), overrides.c.id)
    rows = all_rows(connection, newest.limit(OVERRIDES_LISTED))
    wrong = faults_of(
        connection, overrides, [row for row in rows if row["revoked_at"] is None and row["expires_at"] > at]
    )
    return [row for row in rows if row["id"] not in wrong]


def revoke_override(connection: Connection, override_id: str, tenant_id: str, at: str, who: str) -> Row | None:
    """End an override that holds and give it; None when there is none, or it is over."""
    named = (overrides.c.id == storable(override_id), overrides.c.tenant_id == tenant_id, _live(at))
    return change_sealed(connection, overrides, named, {"revoked_at": at, "revoked_by": storable(who)})


def _live(at: str) -> ColumnElement[bool]:
    return and_(overrides.c.revoked_at.is_(None), overrides.c.expires_at > at)


# Approvals


def add_approval(connection: Connection, row: Mapping[str, Any]) -> Row:
    """Insert a call that waits for a person and give it sealed: the columns of the table."""
    _forget_over(connection, approvals)
    return insert_sealed(connection, approvals, row)


def approval_fault(connection: Connection, row: Mapping[str, Any]) -> str | None:
    """Say why the row of an approval does not hold, None when it was written by this agent as it is."""
    return faults_of(connection, approvals, [row]).get(row["id"])


def find_approval(connection: Connection, approval_id: str, tenant_id: str) -> Row | None:
    """Give the row of one of a tenant's approvals, or None."""
    query = select(approvals).where(approvals.c.id == storable(approval_id), approvals.c.tenant_id == tenant_id)
    return first_row(connection, query)


def latest_approval(connection: Connection, binding: Mapping[str, str], at: str) -> Row | None:
    """Give the newest approval that is not over, of the same tenant, user, plane, tool and statement, or None."""
    conditions = [approvals.c[name] == value for name, value in binding.items()]
    query = (
        select(approvals)
        .where(*conditions, approvals.c.status != "consumed", approvals.c.expires_at > at)
        .order_by(approvals.c.created_at.desc(), approvals.c.id)
    )
    return first_row(connection, query.limit(1))


def change_approval(
    connection: Connection, approval_id: str, tenant_id: str, status: str, at: str, values: Mapping[str, Any]
) -> Row | None:
    """Change an approval that has `status` and is not over, and give it; None when there is none such."""
    named = (
        approvals.c.id == storable(approval_id),
        approvals.c.tenant_id == tenant_id,
        approvals.c.status == status,
        approvals.c.expires_at > at,
    )
    return change_sealed(connection, approvals, named, {"updated_at": at, **values})


def list_approvals(
    connection: Connection,
    tenant_id: str,
    at: str,
    *,
    status: str | None,
    severity: str | None,
    limit: int,
    offset: int,
) -> tuple[list[Row], int]:
    """Give a page of a tenant's approvals, newest first, and how many there are; `status` as people see it."""
    conditions = [approvals.c.tenant_id == tenant_id]
    if severity:
        conditions.append(approvals.c.severity == storable(severity))
    if status:
        conditions.append(_seen_as(status, at))
    total = connection.execute(select(func.count()).select_from(approvals).where(*conditions)).scalar_one()
    page = select(approvals).where(*conditions).order_by(approvals.c.created_at.desc(), approvals.c.id)
    return all_rows(connection, page.limit(limit).offset(offset)), int(total)


def count_pending(connection: Connection, tenant_id: str, at: str) -> tuple[dict[str, int], str | None]:
    """Give how many of a tenant's calls wait, by severity, and when the oldest of them came."""
    query = (
        select(approvals.c.severity, func.count(), func.min(approvals.c.created_at))
        .where(approvals.c.tenant_id == tenant_id, _seen_as("pending", at))
        .group_by(approvals.c.severity)
    )
    rows = connection.execute(query).all()
    return {severity: int(count) for severity, count, _ in rows}, min((oldest for _, _, oldest in rows), default=None)


def _seen_as(status: str, at: str) -> ColumnElement[bool]:
    if status == "expired":
        return and_(approvals.c.status == "pending", approvals.c.expires_at <= at)
    if status == "approved":
        return approvals.c.status.in_(("approved", "consumed"))
    same = approvals.c.status == storable(status)
    return and_(same, approvals.c.expires_at > at) if status == "pending" else same


# Questions put to a person


def add_challenge(connection: Connection, row: Mapping[str, Any]) -> None:
    """Insert a question for a person: the columns of the table."""
    insert_sealed(connection, challenges, row)


def find_challenge(connection: Connection, code: str, tenant_id: str) -> Row | None:
    """Give one of a tenant's questions, whatever became of it, or None."""
    query = select(challenges).where(challenges.c.code == storable(code), challenges.c.tenant_id == tenant_id)
    return first_row(connection, query)


def is_genuine_challenge(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Tell whether a question was written by this agent as it is."""
    return not faults_of(connection, challenges, [row])


def open_challenges(connection: Connection, tenant_id: str, at: str) -> list[Row]:
    """Give a tenant's questions that wait for an answer, newest first."""
    query = select(challenges).where(
        challenges.c.tenant_id == tenant_id, challenges.c.status == "open", challenges.c.expires_at > at
    )
    newest = query.order_by(challenges.c.created_at.desc(), challenges.c.code)
    rows = all_rows(connection, newest)
    wrong = faults_of(connection, challenges, rows)
    return [row for row in rows if subject_of(challenges, row) not in wrong]


def close_challenge(connection: Connection, code: str, status: str, at: str) -> bool:
    """Answer a question that is open and not over; False when it is not."""
    named = (challenges.c.code == code, challenges.c.status == "open", challenges.c.expires_at > at)
    return change_sealed(connection, challenges, named, {"status": status}) is not None


def keep_result(connection: Connection, code: str, result_id: str) -> None:
    """Keep with an answered question what was made of it."""
    change_sealed(connection, challenges, (challenges.c.code == code,), {"result_id": result_id})


def forget_challenges(connection: Connection, before: str) -> None:
    """Drop the questions that were over before a moment."""
    connection.execute(delete(challenges).where(challenges.c.expires_at < before))


def find_attempts(connection: Connection, verifier: str) -> tuple[int, str] | None:
    """Give the wrong answers in a row since the last right one and until when none is taken, None for a new key."""
    found = connection.execute(
        select(attempts.c.failures, attempts.c.locked_until).where(attempts.c.verifier == verifier)
    ).first()
    return None if found is None else (int(found.failures), found.locked_until)


def keep_attempts(connection: Connection, verifier: str, failures: int, locked_until: str) -> None:
    """Keep the number of wrong answers and until when none is taken."""
    change = update(attempts).where(attempts.c.verifier == verifier)
    if connection.execute(change.values(failures=failures, locked_until=locked_until)).rowcount == 0:
        values = {"verifier": verifier, "failures": failures, "locked_until": locked_until}
        connection.execute(insert(attempts).values(**values))


def _forget_over(connection: Connection, table: Table) -> None:
    """Drop what was over before the retention began, once the entries about it are pruned: excerpts stand in it."""
    days = connection.get_execution_options().get(ENGINE_RETENTION_DAYS)
    if days is None:
        return
    about = exists().where(audit_log.c.correlation_id == table.c.id)
    connection.execute(delete(table).where(table.c.expires_at < cutoff(days), ~about))
