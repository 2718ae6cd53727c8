"""The schema of the first release, whose databases are adopted by their `meta.schema_version` of 1."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_SEQUENCE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "meta",
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    _decisions()
    _audit_log()
    op.create_table(
        "idempotency",
        sa.Column("client_id", sa.String(256), nullable=False),
        sa.Column("scope", sa.String(64), nullable=False),
        sa.Column("key", sa.String(256), nullable=False),
        sa.Column("fingerprint", sa.String(96), nullable=False),
        sa.Column("timestamp", sa.String(27), nullable=False),
        sa.Column("response", sa.Text, nullable=False),
        sa.UniqueConstraint("client_id", "scope", "key"),
    )
    op.create_index("idempotency_by_time", "idempotency", ["timestamp"])


def _decisions() -> None:
    op.create_table(
        "decisions",
        sa.Column("decision_id", sa.String(36), primary_key=True),
        sa.Column("timestamp", sa.String(27), nullable=False),
        sa.Column("plane", sa.String(16), nullable=False),
        sa.Column("decision", sa.String(16), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("risk_level", sa.String(8)),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("primary_policy", sa.String(128)),
        sa.Column("policy_matches", sa.Text, nullable=False),
        sa.Column("policies_evaluated", sa.Integer, nullable=False),
        sa.Column("tool_signature", sa.String(256), nullable=False),
        sa.Column("statement_hash", sa.String(96), nullable=False),
        sa.Column("excerpt", sa.Text),
        sa.Column("excerpt_offset", sa.Integer),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("client_id", sa.String(256), nullable=False),
        sa.Column("session_id", sa.String(256)),
        sa.Column("user_email", sa.String(256)),
        sa.Column("client_software", sa.String(256)),
        sa.Column("duration_ms", sa.Float, nullable=False),
    )
    op.create_index("decisions_by_session", "decisions", ["session_id", "primary_policy", "timestamp"])


def _audit_log() -> None:
    op.create_table(
        "audit_log",
        sa.Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
        sa.Column("id", sa.String(40), nullable=False, unique=True),
        sa.Column("timestamp", sa.String(27), nullable=False),
        sa.Column("request_type", sa.String(32), nullable=False),
        sa.Column("tool_name", sa.String(256), nullable=False),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("query_hash", sa.String(96)),
        sa.Column("policy_decision", sa.String(16)),
        sa.Column("policy_details", sa.Text, nullable=False),
        sa.Column("decision_id", sa.String(36)),
        sa.Column("plane", sa.String(16)),
        sa.Column("request_body", sa.Text),
        sa.Column("response_body", sa.Text),
        sa.Column("redacted_fields", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("client_id", sa.String(256), nullable=False),
        sa.Column("session_id", sa.String(256)),
        sa.Column("user_email", sa.String(256)),
        sa.Column("client_software", sa.String(256)),
        sa.Column("response_time_ms", sa.Float),
    )
    op.create_index("audit_by_time", "audit_log", ["timestamp"])
