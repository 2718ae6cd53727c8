"""Forgets old entries by whole pieces: up to a signed checkpoint, which becomes the anchor of what stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from sqlalchemy import delete, func, select

from axonflow_hooks.agent.audit_trail.chain import CHECKPOINT_COLUMNS, Checkpoint
from axonflow_hooks.agent.audit_trail.continuity import agent_entry
from axonflow_hooks.agent.tables.records import format_time
from axonflow_hooks.agent.tables.schema import audit_checkpoints, audit_log, decisions

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from axonflow_hooks.agent.audit_trail.append import Appender
    from axonflow_hooks.agent.audit_trail.chain import Head

PRUNED: Final = "audit_pruned"
"""`request_type` of the entry that says what was forgotten."""

ROWS_SEALED: Final = "rows_sealed"
"""`request_type` of the entry that says that the clients and tenants of an earlier release were sealed."""

PIECE_ENTRIES: Final = 4_096
"""Entries that one transaction forgets, so that records do not wait long for it."""


def cutoff(days: int, present: datetime | None = None) -> str:
    """Give the moment before which entries are forgotten."""
    return format_time((present or datetime.now(timezone.utc)) - timedelta(days=days))


def prune_piece(connection: Connection, appender: Appender, head: Head, before: str) -> Head | None:
    """Forget one piece of what was signed before a moment, and give the new head; None when nothing is left to forget.

    Decisions go with the entries that commit to them. The act is an entry of the trail, in the same transaction.
    """
    checkpoint = _next_anchor(connection, appender, head, before)
    if checkpoint is None:
        return None
    sequence, row_hash = checkpoint
    count = sequence - head.anchor_sequence
    anchored = replace(head, anchor_sequence=sequence, anchor_hash=row_hash)
    appender.set_head(connection, anchored)  # first: the database refuses to remove what is not below the anchor
    log = audit_log.c
    committed = select(log.decision_id).where(log.sequence <= sequence, log.decision_hash.is_not(None))
    connection.execute(delete(decisions).where(decisions.c.decision_id.in_(committed)))
    connection.execute(delete(audit_log).where(log.sequence <= sequence))
    connection.execute(delete(audit_checkpoints).where(audit_checkpoints.c.sequence < sequence))
    details = {
        "through_sequence": sequence,
        "row_hash": row_hash,
        "entries": count,
        "before": before,
        ROWS_SEALED: True,
    }
    entry = agent_entry(PRUNED, f"{count} entries up to {sequence} were forgotten: older than {before}.", details)
    return appender.append(connection, anchored, [], [entry.row()])


def were_sealed(connection: Connection) -> bool:
    """Tell whether a release that seals clients and tenants has written to this trail: it said so, or has pruned it."""
    log = audit_log.c
    query = select(log.request_type, log.policy_details).where(log.request_type.in_((ROWS_SEALED, PRUNED)))
    return any(kind == ROWS_SEALED or f'"{ROWS_SEALED}"' in str(details) for kind, details in connection.execute(query))


def _next_anchor(connection: Connection, appender: Appender, head: Head, before: str) -> tuple[int, str] | None:
    table = audit_checkpoints.c
    old = (table.sequence > head.anchor_sequence, table.sequence <= head.sequence, table.timestamp < before)
    # The last checkpoint within one piece, else the first one at all.
    within = select(func.max(table.sequence)).where(*old, table.sequence <= head.anchor_sequence + PIECE_ENTRIES)
    chosen = connection.execute(within).scalar()
    if chosen is None:
        chosen = connection.execute(select(func.min(table.sequence)).where(*old)).scalar()
    if chosen is None:
        return None
    row = connection.execute(select(audit_checkpoints).where(table.sequence == chosen)).mappings().one()
    kept = connection.execute(select(audit_log.c.row_hash).where(audit_log.c.sequence == chosen)).scalar()
    signed = Checkpoint(**{name: row[name] for name in CHECKPOINT_COLUMNS})
    # A checkpoint that is not this agent's, or that the entries contradict, is evidence, and so is what it covers.
    trusted = appender.seal.public.has_signed(signed, row["signature"]) and kept == signed.row_hash
    return (signed.sequence, signed.row_hash) if trusted else None
