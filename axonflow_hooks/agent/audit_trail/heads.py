"""Reading where a trail ends: by its head record, and by the entries themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from axonflow_hooks.agent.audit_trail.chain import GENESIS, HEAD_COLUMNS, Head
from axonflow_hooks.agent.tables.schema import audit_checkpoints, audit_head, audit_log

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from axonflow_hooks.agent.audit_trail.chain import Seal

HEAD_ID: Final = 1


@dataclass(frozen=True, slots=True)
class StoredHead:
    """The row of `audit_head`, which may be anything."""

    head: Head
    key_id: Any
    mac: Any

    def authentic(self, seal: Seal) -> bool:
        """Tell whether it was written with a key."""
        return self.key_id == seal.key_id and seal.authenticates(self.head, self.mac)


def load_head(connection: Connection, *, lock: bool = False) -> StoredHead | None:
    """Give the stored head, None when there is none; `lock` keeps others from appending (PostgreSQL only)."""
    query = select(audit_head).where(audit_head.c.id == HEAD_ID)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        return None
    return StoredHead(Head(**{name: row[name] for name in HEAD_COLUMNS}), row["key_id"], row["mac"])


def last_entry(connection: Connection) -> Head:
    """Give the head that the entries themselves show, for a database whose own is missing or false."""
    log = audit_log.c
    first = connection.execute(select(log.sequence, log.previous_hash).order_by(log.sequence).limit(1)).first()
    if first is None:
        return Head()
    last = connection.execute(select(log.sequence, log.row_hash).order_by(log.sequence.desc()).limit(1)).one()
    signed = connection.execute(select(func.max(audit_checkpoints.c.sequence))).scalar() or 0
    return Head(
        sequence=last.sequence,
        row_hash=_hash(last.row_hash),
        anchor_sequence=first.sequence - 1,
        anchor_hash=_hash(first.previous_hash),
        checkpoint_sequence=min(signed, last.sequence),
    )


def _hash(value: Any) -> str:
    return value if isinstance(value, str) and value else GENESIS  # tampering can leave anything
