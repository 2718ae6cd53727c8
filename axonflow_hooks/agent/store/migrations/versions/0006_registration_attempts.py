"""A table of attempts to register, so that agents which share a database count them together; a smaller index."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add what this release has more."""
    op.create_table(
        "registration_attempts",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("address_hash", sa.String(96), nullable=False),
        sa.Column("attempted_at", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("registration_attempts_by_address", "registration_attempts", ["address_hash", "attempted_at"])
    op.create_index("registration_attempts_by_time", "registration_attempts", ["attempted_at"])
    where = sa.text("session_id IS NOT NULL AND primary_policy IS NOT NULL")
    op.drop_index("decisions_by_session", "decisions")
    op.create_index(
        "decisions_by_session",
        "decisions",
        ["session_id", "primary_policy", "timestamp"],
        sqlite_where=where,
        postgresql_where=where,
    )
