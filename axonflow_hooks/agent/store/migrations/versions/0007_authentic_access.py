"""Authentication codes for clients, tenants and recovery tokens.

The rows that are there get theirs from the agent once the tables have the column (`store.adoption`): a migration has
no key. Recovery tokens end: nothing tells one that the agent wrote, and they last a quarter of an hour.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add what this release has more."""
    for table in ("agent_clients", "tenants", "recovery_tokens"):
        op.add_column(table, sa.Column("mac", sa.String(64)))
    op.execute(sa.table("recovery_tokens").delete())
