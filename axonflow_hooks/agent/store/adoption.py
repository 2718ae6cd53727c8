"""Seals the clients and tenants of a release that had no codes for them, once, when its database is migrated.

Only rows that the trail accounts for: made by an entry and, where they have access, ended by none. Of rows that are
older than what retention has kept of the trail nothing more can be asked. What was written past that release stays
without a code, gives no access, and is a finding of `audit verify`. An entry says that it was done (ROWS_SEALED), and
each pruning repeats it: whoever sets the schema's revision back has nothing sealed anew.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select

from axonflow_hooks.agent.audit_trail.append import Appender
from axonflow_hooks.agent.audit_trail.chain import HASH_COLUMN, row_hash
from axonflow_hooks.agent.audit_trail.continuity import agent_entry
from axonflow_hooks.agent.audit_trail.heads import load_head
from axonflow_hooks.agent.audit_trail.retention import ROWS_SEALED, were_sealed
from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.store.registrations import agent_clients, tenants
from axonflow_hooks.agent.store.rows import all_rows, shown
from axonflow_hooks.agent.store.sealed import (
    committing,
    is_forgotten,
    newest_commitments,
    oldest_entry,
    reseal,
    subject_of,
)
from axonflow_hooks.agent.store.writer import ENGINE_TRAIL
from axonflow_hooks.agent.tables.schema import audit_log
from axonflow_hooks.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection, Table

    from axonflow_hooks.agent.audit_trail.append import Trail
    from axonflow_hooks.agent.audit_trail.mark import Mark
    from axonflow_hooks.agent.store.rows import Row
    from axonflow_hooks.agent.tables.records import AuditRecord

logger: Final = logging.getLogger("axonflow.agent")

SEALING_REVISION: Final = "0007"
"""The first revision whose clients and tenants have codes."""

_KINDS: Final = ((agent_clients, "client"), (tenants, "tenant"))
_MADE: Final = ("client_added", "tenant_registered")
_ENDED: Final = ("client_revoked",)
_ROWS_AT_ONCE: Final = 500
_MAX_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class _Told:
    """What the trail says: the names of clients and tenants that were made and ended, and the moment it begins with.

    `begins` is None where it was never pruned.
    """

    made: frozenset[str]
    ended: frozenset[str]
    begins: object = None


def adopt_rows(connection: Connection, trail: Trail) -> None:
    """Seal what is there, in the caller's transaction, and note it in the trail.

    Raises StartupError where the database is an older copy than the mark knows: else whoever puts one back would have
    what they changed in it sealed. Raises SQLAlchemyError too.
    """
    connection.execution_options(**{ENGINE_TRAIL: trail})
    stored = load_head(connection)
    appender = Appender(trail, connection.dialect)
    head, found = appender.resume(connection, _mark(trail))
    if found.contradicts_mark:
        raise StartupError(
            f"The database is an older copy, or another one, than {trail.mark.path} knows.",
            remedy="Restore a newer copy; to go on from this one all the same, move that file away.",
        )
    if were_sealed(connection):
        return
    # What stands after a head of this key, or under one of another, was written by anybody.
    trusted = stored.head.sequence if stored is not None and stored.authentic(trail.seal) else 0
    told = _told(connection, trusted, pruned=head.anchor_sequence > 0)
    sealed, left = 0, []
    for table, kind in _KINDS:
        for rows in _pages(connection, table):
            by_subject = {subject_of(table, row): row for row in rows}
            recorded = newest_commitments(connection, table.name, list(by_subject))
            genuine = [name for name, row in by_subject.items() if _is_accounted_for(row, name, recorded, told)]
            left += [f"{kind} {shown(name)}" for name in by_subject.keys() - set(genuine)]
            sealed += len(genuine)
            entries = [_seal(connection, table, kind, by_subject[name]).row() for name in genuine]
            head = appender.append(connection, head, [], entries)
    appender.append(connection, head, [], [_note(sealed, left).row()])


def _mark(trail: Trail) -> Mark | None:
    try:
        return trail.mark.read()
    except (OSError, CredentialError) as error:
        raise StartupError(f"The mark of the audit trail cannot be read: {error}") from None


def _told(connection: Connection, trusted: int, *, pruned: bool) -> _Told:
    log = audit_log.c
    about = select(audit_log).where(log.request_type.in_((*_MADE, *_ENDED)), log.sequence <= trusted)
    entries = [entry for entry in all_rows(connection, about) if _is_whole(entry)]
    return _Told(
        made=frozenset(_named(entry) for entry in entries if entry["request_type"] in _MADE),
        ended=frozenset(_named(entry) for entry in entries if entry["request_type"] in _ENDED),
        begins=oldest_entry(connection) if pruned else None,
    )


def _is_whole(entry: Mapping[str, Any]) -> bool:
    try:
        return bool(row_hash(entry) == entry[HASH_COLUMN])
    except (ValueError, TypeError):
        return False


def _named(entry: Mapping[str, Any]) -> str:
    return str(entry["query"]).partition(": ")[2]


def _is_accounted_for(row: Row, subject: str, recorded: Mapping[str, str | None], told: _Told) -> bool:
    if subject in recorded or not all(value is None or isinstance(value, str) for value in row.values()):
        return False
    if subject in told.ended and row["revoked_at"] is None:
        return False
    return subject in told.made or (told.begins is not None and is_forgotten(row, told.begins))


def _seal(connection: Connection, table: Table, kind: str, row: Row) -> AuditRecord:
    sealed = reseal(connection, table, row, {})
    name = subject_of(table, row)
    return committing(agent_entry(f"{kind}_sealed", f"{kind} sealed: {name}", {kind: name}), table, sealed)


def _pages(connection: Connection, table: Table) -> Iterator[list[Row]]:
    (key,) = table.primary_key
    after: str | None = None
    while True:
        query = select(table).order_by(key).limit(_ROWS_AT_ONCE)
        rows = all_rows(connection, query if after is None else query.where(key > after))
        if not rows:
            return
        yield rows
        after = rows[-1][key.name]


def _note(sealed: int, left: list[str]) -> AuditRecord:
    left = sorted(left)
    text = f"Codes were given to {sealed} clients and tenants, and refused to {len(left)} that no entry accounts for."
    if left:
        logger.warning(
            "These have no access, for the audit trail does not have them as they are: %s%s",
            ", ".join(left[:_MAX_NAMED]),
            ", …" if len(left) > _MAX_NAMED else "",
        )
    details = {"sealed": sealed, "refused": len(left), "refused_names": left[:_MAX_NAMED]}
    return agent_entry(ROWS_SEALED, text, details)
