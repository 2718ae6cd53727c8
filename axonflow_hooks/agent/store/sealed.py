"""Rows that count only as this agent wrote them: who may call it, what people have granted, policies of tenants.

Each row carries an authentication code over all its columns, by a key that lies outside the database (`Seal`). Each
change of it is an entry of the audit trail that names the row (`correlation_id`) and repeats its code. A row holds
where its code is right and is that of the newest such entry: one that was written or changed past the agent, or put
back as it was before its revocation, does not. SECURITY.md says what that is worth.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import and_, bindparam, func, insert, select, update

from axonflow_hooks.agent.audit_trail.chain import HASH_COLUMN, row_hash
from axonflow_hooks.agent.store.writer import ENGINE_TRAIL
from axonflow_hooks.agent.tables.schema import audit_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Select, Table

    from axonflow_hooks.agent.audit_trail.append import Trail
    from axonflow_hooks.agent.audit_trail.chain import Seal
    from axonflow_hooks.agent.tables.records import AuditRecord

MAC: Final = "mac"
"""The column of the code, and the name under which an entry's details repeat it."""

COMMITTING: Final = {
    "overrides": ("override_created", "override_revoked"),
    "approvals": ("approval_requested", "approval_approved", "approval_rejected", "approval_used"),
    "policy_overrides": ("policy_override_created", "policy_override_deleted"),
    "policies": ("policy_created", "policy_updated", "policy_enabled", "policy_disabled", "policy_deleted"),
    "agent_clients": ("client_added", "client_sealed", "client_revoked"),
    "tenants": ("tenant_registered", "tenant_sealed", "tenant_recovered"),
}
"""By table, the types of the entries that say what a row of it is."""

_NAMED_BY: Final = {
    "presence_challenges": "nonce",
    "agent_clients": "client_id",
    "tenants": "tenant_id",
    "recovery_tokens": "token_hash",
}
"""By table, the column under which the trail knows its rows, where that is not `id`."""

NOT_WRITTEN: Final = "it was not written by this agent"
NOT_RECORDED: Final = "the audit trail does not have it so"


def _newest(request_types: Sequence[str]) -> Select[Any]:
    log = audit_log.c
    about = and_(log.correlation_id.in_(bindparam("subjects", expanding=True)), log.request_type.in_(request_types))
    newest = select(func.max(log.sequence)).where(about).group_by(log.correlation_id)
    return select(audit_log).where(log.sequence.in_(newest))


# Made once: putting such a query together costs more than running it.
_NEWEST: Final = {table_name: _newest(request_types) for table_name, request_types in COMMITTING.items()}


@dataclass(frozen=True, slots=True)
class Commitment:
    """What the entry of a change says of the row: the name under which the trail knows it, and its code."""

    subject: str
    mac: str


def seal_of(connection: Connection) -> Seal:
    """Give the seal of the trail that a connection's database has."""
    trail: Trail = connection.get_execution_options()[ENGINE_TRAIL]
    return trail.seal


def subject_of(table: Table, row: Mapping[str, Any]) -> str:
    """Give the name under which the trail knows a row: that of a policy's override outlives its replacement."""
    if table.name != "policy_overrides":
        return str(row[_NAMED_BY.get(table.name, "id")])
    return hashlib.sha256(f"{row['tenant_id']}\n{row['policy_id']}".encode()).hexdigest()[:40]


def commitment(table: Table, row: Mapping[str, Any]) -> Commitment:
    """Give what the entry of a change has to say of a row."""
    return Commitment(subject_of(table, row), row[MAC])


def committing(event: AuditRecord, table: Table, row: Mapping[str, Any]) -> AuditRecord:
    """Give the entry of a change as one that says what a row is from now on."""
    commits = commitment(table, row)
    details = {**event.policy_details, MAC: commits.mac}
    return event._replace(policy_details=details, correlation_id=commits.subject)


def has_mac(seal: Seal, table: Table, row: Mapping[str, Any]) -> bool:
    """Tell whether a row carries the code of what it says."""
    content = {name: value for name, value in row.items() if name != MAC}
    try:
        return isinstance(row[MAC], str) and hmac.compare_digest(
            seal.row_mac(table.name, content).encode(), row[MAC].encode("utf-8", "replace")
        )
    except (ValueError, TypeError):  # bytes, or a number that is none, where there was text
        return False


def insert_sealed(connection: Connection, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    """Insert a row with its code, and give it as it stands in the table."""
    made = _sealed(connection, table, row)
    connection.execute(insert(table).values(**made))
    return made


def change_sealed(
    connection: Connection, table: Table, conditions: Sequence[ColumnElement[bool]], values: Mapping[str, Any]
) -> dict[str, Any] | None:
    """Change the one row that meets `conditions` and give it as it is then; None where there is none, or a false one.

    To be called in the writer's transactions, which nothing else changes the row during.
    """
    found = connection.execute(select(table).where(*conditions)).mappings().first()
    if found is None or faults_of(connection, table, [{**found}]):
        return None
    return reseal(connection, table, {**found}, values)


def reseal(connection: Connection, table: Table, row: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """Change a row that was just read, whatever its code, and give it as it is then."""
    changed = _sealed(connection, table, {**row, **values})
    key = [column == row[column.name] for column in table.primary_key]
    connection.execute(update(table).where(*key).values(**changed))
    return changed


def faults_of(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Give, by subject (`subject_of`), why rows do not hold; nothing for those that do.

    Tables whose changes are no entries of the trail (see COMMITTING) are judged by the codes alone.
    """
    seal = seal_of(connection)
    by_subject = {subject_of(table, row): row for row in rows}
    faults = {subject: NOT_WRITTEN for subject, row in by_subject.items() if not has_mac(seal, table, row)}
    genuine = [subject for subject in by_subject if subject not in faults]
    if not genuine or table.name not in COMMITTING:
        return faults
    recorded = newest_commitments(connection, table.name, genuine)
    oldest = None if recorded.keys() >= set(genuine) else oldest_entry(connection)
    for subject in genuine:
        row = by_subject[subject]
        if not (recorded[subject] == row[MAC] if subject in recorded else is_forgotten(row, oldest)):
            faults[subject] = NOT_RECORDED
    return faults


def of_earlier_release(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> set[str]:
    """Give the subjects of rows that have no code, and of which no entry gives one: written before there were any."""
    without = [subject_of(table, row) for row in rows if row[MAC] is None]
    return set(without) - newest_commitments(connection, table.name, without).keys() if without else set()


def newest_commitments(connection: Connection, table_name: str, subjects: Sequence[str]) -> dict[str, str | None]:
    """Give, by subject, the code that the newest entry about it commits to; None for an end, or a changed entry."""
    named = [subject for subject in subjects if subject.isascii()]  # others are no names of ours
    rows = connection.execute(_NEWEST[table_name], {"subjects": named}).mappings()
    return {row["correlation_id"]: _committed_mac({**row}) for row in rows}


def is_settled(connection: Connection, subject: str, request_types: Sequence[str]) -> bool:
    """Tell whether the trail has an entry of one of these types about a subject."""
    log = audit_log.c
    query = select(func.count()).where(log.correlation_id == subject, log.request_type.in_(request_types))
    return bool(connection.execute(query).scalar_one())


def oldest_entry(connection: Connection) -> object:
    """Give the moment of the first entry of the trail, None for an empty one."""
    return connection.execute(select(audit_log.c.timestamp).order_by(audit_log.c.sequence).limit(1)).scalar()


def is_forgotten(row: Mapping[str, Any], oldest: object) -> bool:
    """Tell whether the entries about a row can have been pruned: only those of one that is older than the trail."""
    return isinstance(oldest, str) and isinstance(row["created_at"], str) and row["created_at"] < oldest


def _sealed(connection: Connection, table: Table, row: Mapping[str, Any]) -> dict[str, Any]:
    made = {column.name: row.get(column.name) for column in table.columns if column.name != MAC}
    return {**made, MAC: seal_of(connection).row_mac(table.name, made)}


def _committed_mac(entry: Mapping[str, Any]) -> str | None:
    try:
        if row_hash(entry) != entry[HASH_COLUMN]:
            return None
        mac = json.loads(entry["policy_details"]).get(MAC)
    except (ValueError, TypeError, AttributeError):
        return None
    return mac if isinstance(mac, str) else None
