"""Authentication codes for what people grant, and for the policies that tenants write.

An override or approval of an earlier release ends here: nothing tells one that a person granted from one that was
written into the table. They last a day at most.
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

from axonflow_hooks.agent.tables.records import now

revision = "0005"
down_revision = "0004"

_BY: Final = "upgrade"


def upgrade() -> None:
    """Add what this release has more."""
    for table in ("overrides", "approvals", "presence_challenges", "policies", "policy_overrides"):
        op.add_column(table, sa.Column("mac", sa.String(64)))
    where = sa.text("correlation_id IS NOT NULL")
    op.create_index(
        "audit_by_correlation",
        "audit_log",
        ["correlation_id", "sequence"],
        sqlite_where=where,
        postgresql_where=where,
    )
    _end_grants()


def _end_grants() -> None:
    moment = now()
    overrides = sa.table("overrides", sa.column("revoked_at"), sa.column("revoked_by"), sa.column("expires_at"))
    live = sa.and_(overrides.c.revoked_at.is_(None), overrides.c.expires_at > moment)
    op.execute(overrides.update().where(live).values(revoked_at=moment, revoked_by=_BY))
    approvals = sa.table("approvals", sa.column("expires_at"))
    op.execute(approvals.update().where(approvals.c.expires_at > moment).values(expires_at=moment))
    op.execute(sa.table("presence_challenges").delete())
