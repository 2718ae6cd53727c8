"""Chains the audit trail: hashes for the entries that are there, tables for the head and the checkpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import sqlalchemy as sa
from alembic import op

from axonflow_hooks.agent.audit_trail.chain import GENESIS, decision_hash, row_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

revision = "0002"
down_revision = "0001"

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_CHUNK: Final = 500


def upgrade() -> None:
    """Add what this release has more."""
    _extend_decisions()
    _extend_audit_log()
    _create_chain()
    _chain_entries(op.get_bind())


def _extend_decisions() -> None:
    for column in (
        sa.Column("stage", sa.String(8)),
        sa.Column("trace_id", sa.String(32)),
        sa.Column("context", sa.Text),
        sa.Column("context_truncated", sa.Integer),
        sa.Column("override_id", sa.String(40)),
        sa.Column("approval_id", sa.String(40)),
        sa.Column("expires_at", sa.String(27)),
    ):
        op.add_column("decisions", column)
    op.create_index("decisions_by_time", "decisions", ["timestamp"])


def _extend_audit_log() -> None:
    for column in (
        sa.Column("override_id", sa.String(40)),
        sa.Column("correlation_id", sa.String(64)),
        sa.Column("decision_hash", sa.String(64)),
        sa.Column("previous_hash", sa.String(64)),
        sa.Column("row_hash", sa.String(64)),
    ):
        op.add_column("audit_log", column)
    op.create_index("audit_by_decision", "audit_log", ["decision_id"])


def _create_chain() -> None:
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("sequence", _SEQUENCE, nullable=False),
        sa.Column("row_hash", sa.String(64), nullable=False),
        sa.Column("anchor_sequence", _SEQUENCE, nullable=False),
        sa.Column("anchor_hash", sa.String(64), nullable=False),
        sa.Column("checkpoint_sequence", _SEQUENCE, nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("mac", sa.String(64), nullable=False),
    )
    op.create_table(
        "audit_checkpoints",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("row_hash", sa.String(64), nullable=False),
        sa.Column("entries", _SEQUENCE, nullable=False),
        sa.Column("previous_sequence", _SEQUENCE, nullable=False),
        sa.Column("timestamp", sa.String(27), nullable=False),
        sa.Column("key_id", sa.String(16), nullable=False),
        sa.Column("signature", sa.String(128), nullable=False),
    )


def _chain_entries(connection: sa.Connection) -> None:
    """Hash the entries that the first release wrote, in their order; the agent signs the end when it starts."""
    change = sa.text(
        "UPDATE audit_log SET decision_hash = :decision_hash, previous_hash = :previous_hash, row_hash = :row_hash "
        "WHERE sequence = :sequence"
    )
    page = sa.text("SELECT * FROM audit_log WHERE sequence > :after ORDER BY sequence LIMIT :count")
    after, previous = 0, GENESIS
    known: set[str] = set()
    while rows := [{**row} for row in connection.execute(page, {"after": after, "count": _CHUNK}).mappings()]:
        hashes = _decision_hashes(connection, rows)
        changes = []
        for row in rows:
            own = hashes.get(row["decision_id"]) if row["decision_id"] not in known else None
            known.add(row["decision_id"])
            hashed: dict[str, Any] = {**row, "decision_hash": own, "previous_hash": previous}
            previous = row_hash(hashed)
            changes.append({**{name: hashed[name] for name in _CHAINED}, "row_hash": previous})
        connection.execute(change, changes)
        after = rows[-1]["sequence"]


_CHAINED: Final = ("sequence", "decision_hash", "previous_hash")


def _decision_hashes(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    wanted = [row["decision_id"] for row in rows if row["decision_id"] is not None]
    query = sa.text("SELECT * FROM decisions WHERE decision_id IN :ids").bindparams(sa.bindparam("ids", expanding=True))
    found = connection.execute(query, {"ids": wanted}).mappings()
    return {row["decision_id"]: decision_hash({**row}) for row in found}
