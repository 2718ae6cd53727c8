"""The tables. Values are texts and numbers only: JSON is kept as text, times as UTC texts of fixed width.

That way a row reads the same from every database, and `records.canonical_row` can be committed to.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

REVISION: Final = "0007"
"""The newest of the migrations in `migrations/versions`: what a database has to be at."""

metadata = MetaData()

# SQLite makes a column the key of its B-tree only where its type is exactly INTEGER.
_SEQUENCE = BigInteger().with_variant(Integer(), "sqlite")
_CORRELATED: Final = text("correlation_id IS NOT NULL")
_MATCHED: Final = text("session_id IS NOT NULL AND primary_policy IS NOT NULL")

meta = Table(
    "meta",
    metadata,
    Column("key", String(64), primary_key=True),
    Column("value", Text, nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("decision_id", String(36), primary_key=True),
    Column("timestamp", String(27), nullable=False),
    Column("plane", String(16), nullable=False),
    Column("decision", String(16), nullable=False),
    Column("action", String(20), nullable=False),
    Column("risk_level", String(8)),
    Column("reason", Text, nullable=False),
    Column("primary_policy", String(128)),
    Column("policy_matches", Text, nullable=False),
    Column("policies_evaluated", Integer, nullable=False),
    Column("tool_signature", String(256), nullable=False),
    Column("statement_hash", String(96), nullable=False),
    Column("excerpt", Text),
    Column("excerpt_offset", Integer),
    Column("tenant_id", String(128), nullable=False),
    Column("client_id", String(256), nullable=False),
    Column("session_id", String(256)),
    Column("user_email", String(256)),
    Column("client_software", String(256)),
    Column("duration_ms", Float, nullable=False),
    Column("stage", String(8)),
    Column("trace_id", String(32)),
    Column("context", Text),
    Column("context_truncated", Integer),
    Column("override_id", String(40)),
    Column("approval_id", String(40)),
    Column("expires_at", String(27)),
    Index("decisions_by_time", "timestamp"),
    # Most decisions match nothing: they cost this index nothing.
    Index(
        "decisions_by_session",
        "session_id",
        "primary_policy",
        "timestamp",
        sqlite_where=_MATCHED,
        postgresql_where=_MATCHED,
    ),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
    Column("id", String(40), nullable=False, unique=True),
    Column("timestamp", String(27), nullable=False),
    Column("request_type", String(32), nullable=False),
    Column("tool_name", String(256), nullable=False),
    Column("query", Text, nullable=False),
    Column("query_hash", String(96)),
    Column("policy_decision", String(16)),
    Column("policy_details", Text, nullable=False),
    Column("decision_id", String(36)),
    Column("plane", String(16)),
    Column("request_body", Text),
    Column("response_body", Text),
    Column("redacted_fields", Text),
    Column("error_message", Text),
    Column("tenant_id", String(128), nullable=False),
    Column("client_id", String(256), nullable=False),
    Column("session_id", String(256)),
    Column("user_email", String(256)),
    Column("client_software", String(256)),
    Column("response_time_ms", Float),
    Column("override_id", String(40)),
    Column("correlation_id", String(64)),
    Column("decision_hash", String(64)),
    # Without a value only while a migration fills them in.
    Column("previous_hash", String(64)),
    Column("row_hash", String(64)),
    Index("audit_by_time", "timestamp"),
    Index("audit_by_decision", "decision_id"),
    # Few entries have one: the others cost this index nothing.
    Index("audit_by_correlation", "correlation_id", "sequence", sqlite_where=_CORRELATED, postgresql_where=_CORRELATED),
)

audit_head = Table(
    "audit_head",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("sequence", _SEQUENCE, nullable=False),
    Column("row_hash", String(64), nullable=False),
    Column("anchor_sequence", _SEQUENCE, nullable=False),
    Column("anchor_hash", String(64), nullable=False),
    Column("checkpoint_sequence", _SEQUENCE, nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("mac", String(64), nullable=False),
)

audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("sequence", _SEQUENCE, primary_key=True, autoincrement=False),
    Column("row_hash", String(64), nullable=False),
    Column("entries", _SEQUENCE, nullable=False),
    Column("previous_sequence", _SEQUENCE, nullable=False),
    Column("timestamp", String(27), nullable=False),
    Column("key_id", String(16), nullable=False),
    Column("signature", String(128), nullable=False),
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("client_id", String(256), nullable=False),
    Column("scope", String(64), nullable=False),
    Column("key", String(256), nullable=False),
    Column("fingerprint", String(96), nullable=False),
    Column("timestamp", String(27), nullable=False),
    Column("response", Text, nullable=False),
    UniqueConstraint("client_id", "scope", "key"),
    Index("idempotency_by_time", "timestamp"),
)
