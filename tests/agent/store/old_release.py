"""Databases as the release before the codes of clients and tenants (0007) has left them."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert

from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.registrations import agent_clients, tenants
from axonflow_hooks.agent.store.writer import Transaction, Writer
from axonflow_hooks.agent.tables.records import AuditRecord, Caller, new_audit_id, now
from axonflow_hooks.recognition import credential_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Table

    from axonflow_hooks.agent.store.options import StoreOptions

FAR: Final = "2999-01-01T00:00:00.000000Z"
SET_BACK: Final = (
    "ALTER TABLE agent_clients DROP COLUMN mac",
    "ALTER TABLE tenants DROP COLUMN mac",
    "ALTER TABLE recovery_tokens DROP COLUMN mac",
    "UPDATE alembic_version SET version_num = '0006'",
    "UPDATE meta SET value = '0006' WHERE key = 'schema_version'",
)
"""What makes a database of this release one of that release; somebody who tampers may do the same."""


def secret_hash(name: str, secret: str) -> str:
    return credential_key(f"{name}:{secret}".encode()).hex()


def client_row(name: str, secret: str = "s", **changes: Any) -> dict[str, Any]:
    row = {"client_id": name, "secret_hash": secret_hash(name, secret), "created_at": now(), "created_by": "local"}
    return {**row, "revoked_at": None, **changes}


def tenant_row(name: str, secret: str = "s", **changes: Any) -> dict[str, Any]:
    row = {"tenant_id": name, "secret_hash": secret_hash(name, secret), "created_at": now(), "expires_at": FAR}
    return {**row, **changes}


def event(kind: str, name: str, **changes: Any) -> AuditRecord:
    """Give an entry as that release wrote it: it names the row in its text only."""
    record = AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=kind,
        tool_name="",
        query=f"{kind.replace('_', ' ')}: {name}",
        caller=Caller(client_id=name),
    )
    return record._replace(**changes)


def added(table: Table, row: dict[str, Any], *events: AuditRecord) -> Callable[[Transaction], None]:
    """Give a job that inserts a row, without a code, and its entries."""

    def job(transaction: Transaction) -> None:
        transaction.connection.execute(insert(table).values(**row))
        for record in events:
            transaction.append_audit(record)

    return job


def client(name: str, secret: str = "s") -> Callable[[Transaction], None]:
    return added(agent_clients, client_row(name, secret), event("client_added", name))


def tenant(name: str, secret: str = "s") -> Callable[[Transaction], None]:
    return added(tenants, tenant_row(name, secret), event("tenant_registered", name))


def run_jobs(folder: Path, *jobs: Callable[[Transaction], Any], options: StoreOptions | None = None) -> None:
    """Run a store on a folder for some jobs, from its start to its clean end."""
    database = open_database(folder, options)
    writer = Writer(database.engine)

    async def work() -> None:
        for job in jobs:
            await writer.submit(job)

    try:
        asyncio.run(work())
    finally:
        writer.close()
        database.close()


def tamper(folder: Path, *statements: str) -> None:
    """Change the database of a folder past the agent."""
    with contextlib.closing(sqlite3.connect(folder / "agent.db")) as connection, connection:
        for statement in statements:
            connection.execute(statement)


def make_old(folder: Path, *jobs: Callable[[Transaction], Any]) -> None:
    """Make a database of that release, written by jobs."""
    run_jobs(folder, *jobs)
    tamper(folder, *SET_BACK)
