"""The tables. Values are texts and numbers only: JSON is kept as text, times as UTC texts of fixed width.

That way a row reads the same from every database, and `records.canonical_row` can be committed to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import (
    DDL,
    Column,
    Float,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    insert,
    inspect,
    select,
)

from axonflow_hooks.agent.errors import StartupError

if TYPE_CHECKING:
    from sqlalchemy import Connection

SCHEMA_VERSION: Final = 1

metadata = MetaData()

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
    Index("decisions_by_session", "session_id", "primary_policy", "timestamp"),
)

audit_log = Table(
    "audit_log",
    metadata,
    Column("sequence", Integer, primary_key=True, autoincrement=False),
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
    Index("audit_by_time", "timestamp"),
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

for _operation in ("UPDATE", "DELETE"):
    event.listen(
        audit_log,
        "after_create",
        DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER audit_log_no_{_operation.lower()} BEFORE {_operation} ON audit_log "
            "BEGIN SELECT RAISE(ABORT, 'the audit trail is append-only'); END"
        ).execute_if(dialect="sqlite"),
    )


def prepare(connection: Connection) -> None:
    """Create the tables in an empty database, or check that they are those of this release.

    Raises StartupError when another release wrote the database. Runs inside the caller's transaction.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        metadata.create_all(connection)
        connection.execute(insert(meta).values(key="schema_version", value=str(SCHEMA_VERSION)))
        return
    if not set(metadata.tables) <= tables:
        raise StartupError(
            "The database was not written by this agent: tables are missing.", remedy="Choose another --data-dir."
        )
    found = connection.execute(select(meta.c.value).where(meta.c.key == "schema_version")).scalar()
    if found != str(SCHEMA_VERSION):
        raise StartupError(
            f"The database has schema version {found}; this release reads version {SCHEMA_VERSION}.",
            remedy="Start the release that wrote it, or choose another --data-dir.",
        )
