"""Tables for overrides, approvals, the proof of presence, and policies that are written over REST."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add what this release has more."""
    _approvals()
    _overrides()
    _policies()
    _policy_overrides()
    _policy_revisions()
    _policy_versions()
    _presence_attempts()
    _presence_challenges()


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("client_id", sa.String(256), nullable=False),
        sa.Column("user_key", sa.String(264), nullable=False),
        sa.Column("session_id", sa.String(256)),
        sa.Column("plane", sa.String(16), nullable=False),
        sa.Column("tool_signature", sa.String(256), nullable=False),
        sa.Column("statement_hash", sa.String(96), nullable=False),
        sa.Column("original_query", sa.Text, nullable=False),
        sa.Column("request_type", sa.String(32), nullable=False),
        sa.Column("policy_ids", sa.Text, nullable=False),
        sa.Column("policy_name", sa.Text, nullable=False),
        sa.Column("trigger_reason", sa.Text, nullable=False),
        sa.Column("severity", sa.String(8), nullable=False),
        sa.Column("details", sa.Text, nullable=False),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
        sa.Column("reviewer_id", sa.String(264)),
        sa.Column("reviewer_email", sa.String(264)),
        sa.Column("review_comment", sa.Text),
        sa.Column("reviewed_at", sa.String(27)),
        sa.Column("consumed_at", sa.String(27)),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("approvals_by_statement", "approvals", ["tenant_id", "statement_hash", "created_at"])
    op.create_index("approvals_by_time", "approvals", ["tenant_id", "created_at"])


def _overrides() -> None:
    op.create_table(
        "overrides",
        sa.Column("id", sa.String(40), nullable=False),
        sa.Column("policy_id", sa.String(128), nullable=False),
        sa.Column("policy_type", sa.String(8), nullable=False),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("client_id", sa.String(256), nullable=False),
        sa.Column("user_key", sa.String(264), nullable=False),
        sa.Column("override_reason", sa.Text, nullable=False),
        sa.Column("tool_signature", sa.String(256)),
        sa.Column("ttl_seconds", sa.Integer, nullable=False),
        sa.Column("requested_ttl", sa.Integer),
        sa.Column("clamped_reason", sa.String(24)),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
        sa.Column("created_by", sa.String(264), nullable=False),
        sa.Column("revoked_at", sa.String(27)),
        sa.Column("revoked_by", sa.String(264)),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("overrides_by_user", "overrides", ["tenant_id", "user_key", "expires_at"])


def _policies() -> None:
    op.create_table(
        "policies",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("policy_id", sa.String(128), nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("updated_at", sa.String(27), nullable=False),
        sa.Column("created_by", sa.String(256), nullable=False),
        sa.Column("updated_by", sa.String(256), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "policy_id", name="policies_by_slug"),
    )


def _policy_overrides() -> None:
    op.create_table(
        "policy_overrides",
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("policy_id", sa.String(128), nullable=False),
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(8), nullable=False),
        sa.Column("action_override", sa.String(20)),
        sa.Column("enabled_override", sa.Integer),
        sa.Column("override_reason", sa.Text, nullable=False),
        sa.Column("expires_at", sa.String(27)),
        sa.Column("created_by", sa.String(256), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "policy_id"),
        sa.UniqueConstraint("id"),
    )


def _policy_revisions() -> None:
    op.create_table(
        "policy_revisions",
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("tenant_id"),
    )


def _policy_versions() -> None:
    op.create_table(
        "policy_versions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("policy_id", sa.String(128), nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("change_type", sa.String(16), nullable=False),
        sa.Column("change_summary", sa.Text, nullable=False),
        sa.Column("snapshot", sa.Text, nullable=False),
        sa.Column("changed_by", sa.String(256), nullable=False),
        sa.Column("changed_at", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("tenant_id", "policy_id", "version", name="policy_versions_in_order"),
    )
    op.create_index("policy_versions_by_time", "policy_versions", ["changed_at"])


def _presence_attempts() -> None:
    op.create_table(
        "presence_attempts",
        sa.Column("verifier", sa.String(32), nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
        sa.Column("locked_until", sa.String(27), nullable=False),
        sa.PrimaryKeyConstraint("verifier"),
    )


def _presence_challenges() -> None:
    op.create_table(
        "presence_challenges",
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("nonce", sa.String(64), nullable=False),
        sa.Column("purpose", sa.String(24), nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("tenant_id", sa.String(128), nullable=False),
        sa.Column("client_id", sa.String(256), nullable=False),
        sa.Column("user_key", sa.String(264), nullable=False),
        sa.Column("user_email", sa.String(256)),
        sa.Column("status", sa.String(12), nullable=False),
        sa.Column("created_at", sa.String(27), nullable=False),
        sa.Column("expires_at", sa.String(27), nullable=False),
        sa.Column("result_id", sa.String(40)),
        sa.PrimaryKeyConstraint("code"),
    )
    op.create_index("presence_challenges_by_tenant", "presence_challenges", ["tenant_id", "expires_at"])
