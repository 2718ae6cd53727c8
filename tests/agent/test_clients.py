"""Who has access is as this agent wrote it, and as the trail has it (real SQLite, a clock of the test's)."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.clients import REMEMBERED_S, Clients
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.registrations import (
    add_client,
    add_tenant,
    add_token,
    agent_clients,
    find_token,
    live_tenants,
    renew_tenant,
    revoke_client,
    tenants,
    use_token,
)
from axonflow_hooks.agent.store.sealed import committing
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, now
from tests.agent.audit_trail.conftest import checked_folder
from tests.agent.store.old_release import FAR, client_row, event, secret_hash, tamper, tenant_row

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from axonflow_hooks.agent.store.database import Database
    from axonflow_hooks.agent.store.writer import Transaction

STOLEN = f"secret_hash = '{secret_hash('ci', 'mine')}'"


class Lines(logging.Handler):
    """Keeps the lines of the agent's log."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@pytest.fixture
def log() -> Iterator[list[str]]:
    handler, logger = Lines(), logging.getLogger("axonflow.agent")
    logger.addHandler(handler)
    yield handler.lines
    logger.removeHandler(handler)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data


@pytest.fixture
def database(folder: Path) -> Iterator[Database]:
    found = open_database(folder)
    yield found
    found.close()


def make_client(transaction: Transaction) -> None:
    made = add_client(transaction.connection, client_row("ci"))
    assert made is not None
    transaction.append_audit(committing(event("client_added", "ci"), agent_clients, made))


def make_tenant(transaction: Transaction) -> None:
    made = add_tenant(transaction.connection, tenant_row("cs_1", email_hash="of an address"))
    transaction.append_audit(committing(event("tenant_registered", "cs_1"), tenants, made))


def end_client(transaction: Transaction) -> None:
    done = revoke_client(transaction.connection, "ci", now(), "local")
    assert done is not None
    assert done[1] == ""
    transaction.append_audit(committing(event("client_revoked", "ci"), agent_clients, done[0]))


def make_token(transaction: Transaction) -> None:
    row = {"token_hash": "t", "tenant_id": "cs_1", "sealed_email": "x", "created_at": now(), "expires_at": FAR}
    add_token(transaction.connection, row, at=now())


def run(database: Database, *jobs: Callable[[Transaction], Any]) -> list[Any]:
    writer = Writer(database.engine)

    async def work() -> list[Any]:
        return [await writer.submit(job) for job in jobs]

    try:
        return asyncio.run(work())
    finally:
        writer.close()


def named(folder: Path) -> set[str]:
    findings = checked_folder(folder).findings
    assert {finding.kind for finding in findings} <= {"access"}, findings
    return {finding.id for finding in findings}


def find(clients: Clients, name: str) -> str | None:
    """Give the tenant of a client, None for one without access."""
    found = asyncio.run(clients.find(name))
    return None if found is None else found.tenant_id


def test_what_the_agent_wrote_has_access(database: Database, folder: Path, log: list[str]) -> None:
    run(database, make_client, make_tenant)
    clients = Clients(database)
    assert [find(clients, name) for name in ("ci", "cs_1", "nobody")] == [LOCAL_TENANT, "cs_1", None]
    assert named(folder) == set()
    run(database, end_client)
    clients.forget("ci")
    assert find(clients, "ci") is None
    assert (named(folder), log) == (set(), [])


CLIENT_COLUMNS = "secret_hash, created_at, created_by, revoked_at, mac"
TENANT_COLUMNS = "secret_hash, email_hash, label, created_at, expires_at, mac"


@pytest.mark.parametrize(
    ("statement", "name"),
    [
        pytest.param(f"UPDATE agent_clients SET {STOLEN}", "ci", id="another secret"),
        pytest.param("UPDATE agent_clients SET created_by = 'eve'", "ci", id="another column"),
        pytest.param("UPDATE agent_clients SET revoked_at = created_at", "ci", id="revoked by a row"),
        pytest.param("UPDATE agent_clients SET mac = NULL", "ci", id="the code taken away"),
        pytest.param("UPDATE agent_clients SET mac = x'00'", "ci", id="a code that is no text"),
        pytest.param("UPDATE agent_clients SET client_id = 'eve'", "eve", id="another name"),
        pytest.param(
            f"INSERT INTO agent_clients SELECT 'eve', {CLIENT_COLUMNS} FROM agent_clients", "eve", id="a copy"
        ),
        pytest.param(
            f"INSERT INTO agent_clients VALUES ('eve', '{'0' * 64}', '{FAR}', 'local', NULL, NULL)",
            "eve",
            id="a client",
        ),
        pytest.param("UPDATE tenants SET secret_hash = 'no hash'", "cs_1", id="a tenant's secret"),
        pytest.param("UPDATE tenants SET expires_at = '2999-12-31T00:00:00.000000Z'", "cs_1", id="a tenant's end"),
        pytest.param("UPDATE tenants SET expires_at = 5", "cs_1", id="a tenant's end that is no time"),
        pytest.param(
            f"INSERT INTO tenants SELECT 'cs_eve', {TENANT_COLUMNS} FROM tenants", "cs_eve", id="a copy of a tenant"
        ),
    ],
)
def test_what_was_written_past_it_has_none(
    database: Database, folder: Path, log: list[str], statement: str, name: str
) -> None:
    run(database, make_client, make_tenant)
    tamper(folder, statement)
    moment = [0.0]
    clients = Clients(database, lambda: moment[0])
    for _ in range(3):
        assert find(clients, name) is None
        moment[0] += REMEMBERED_S
    told = "it was not written by this agent. See: axonflow-hooks audit verify"
    assert log == [f"The client {name} is refused: {told}"]
    assert name in named(folder)
    assert find(clients, "ci" if name.startswith("cs_") else "cs_1") is not None


def test_access_that_was_taken_away_stays_so(database: Database, folder: Path, log: list[str]) -> None:
    run(database, make_client)
    tamper(folder, "CREATE TABLE kept AS SELECT * FROM agent_clients")
    run(database, end_client)
    tamper(folder, "DELETE FROM agent_clients", "INSERT INTO agent_clients SELECT * FROM kept", "DROP TABLE kept")
    assert find(Clients(database), "ci") is None
    assert log == [
        "The client ci is refused: the audit trail does not have it so. See: axonflow-hooks audit verify",
    ]
    assert named(folder) == {"ci"}


@pytest.mark.parametrize("table", ["agent_clients", "tenants"])
def test_a_row_that_is_gone_is_named(database: Database, folder: Path, table: str) -> None:
    run(database, make_client, make_tenant)
    tamper(folder, f"DELETE FROM {table}")
    (finding,) = checked_folder(folder).findings
    name = "ci" if table == "agent_clients" else "cs_1"
    assert (finding.kind, finding.what.endswith(f"its row is missing: {name}")) == ("access", True)


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("DELETE FROM agent_clients", id="removed"),
        pytest.param("UPDATE agent_clients SET created_by = 'eve', revoked_at = 'then'", id="ended by a row"),
        pytest.param(f"UPDATE agent_clients SET {STOLEN}, created_by = x'FF'", id="what is no text"),
    ],
)
def test_a_revocation_settles_what_was_done_to_a_client(database: Database, folder: Path, statement: str) -> None:
    run(database, make_client)
    tamper(folder, statement)
    assert len(checked_folder(folder).findings) == 1

    def end(transaction: Transaction) -> str:
        done = revoke_client(transaction.connection, "ci", now(), "local")
        assert done is not None
        row, fault = done
        assert (row["secret_hash"], row["created_by"]) == ("", "local")
        transaction.append_audit(committing(event("client_revoked", "ci"), agent_clients, row))
        return fault

    (fault,) = run(database, end)
    assert fault
    assert named(folder) == set()
    assert find(Clients(database), "ci") is None
    again, anew = run(
        database,
        lambda transaction: revoke_client(transaction.connection, "ci", now(), "local"),
        lambda transaction: add_client(transaction.connection, client_row("ci")),
    )
    assert (again, anew) == (None, None)


def test_the_name_of_a_client_that_is_gone_is_not_given_again(database: Database, folder: Path) -> None:
    run(database, make_client)
    tamper(folder, "DELETE FROM agent_clients")
    assert run(database, lambda transaction: add_client(transaction.connection, client_row("ci"))) == [None]


def test_only_genuine_tenants_are_recovered(database: Database, folder: Path) -> None:
    run(database, make_tenant)
    found = database.read(lambda connection: live_tenants(connection, "of an address", now()))
    assert found == ["cs_1"]
    tamper(folder, "UPDATE tenants SET email_hash = 'of another'")
    assert database.read(lambda connection: live_tenants(connection, "of another", now())) == []
    values = {"secret_hash": secret_hash("cs_1", "mine")}
    assert run(database, lambda transaction: renew_tenant(transaction.connection, "cs_1", values)) == [None]


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param("UPDATE recovery_tokens SET tenant_id = 'cs_2'", id="for another tenant"),
        pytest.param("UPDATE recovery_tokens SET expires_at = '2999-12-31T00:00:00.000000Z'", id="for longer"),
        pytest.param("UPDATE recovery_tokens SET mac = NULL", id="without a code"),
    ],
)
def test_a_token_is_the_agents_or_none(database: Database, folder: Path, statement: str) -> None:
    run(database, make_tenant, make_token)
    assert database.read(lambda connection: find_token(connection, "t")) is not None
    assert named(folder) == set()
    tamper(folder, statement)
    assert database.read(lambda connection: find_token(connection, "t")) is None
    assert len(named(folder)) == 1


def test_a_recovery_ends_all_tokens_before_it(database: Database, folder: Path) -> None:
    run(database, make_tenant, make_token)
    tamper(folder, "CREATE TABLE kept AS SELECT * FROM recovery_tokens")

    def use(transaction: Transaction) -> bool:
        row = find_token(transaction.connection, "t")
        assert row is not None
        if not use_token(transaction.connection, row, now()):
            return False
        renewed = renew_tenant(transaction.connection, "cs_1", {"secret_hash": secret_hash("cs_1", "new")})
        assert renewed is not None
        transaction.append_audit(committing(event("tenant_recovered", "cs_1"), tenants, renewed))
        return True

    assert run(database, use) == [True]
    tamper(folder, "DELETE FROM recovery_tokens", "INSERT INTO recovery_tokens SELECT * FROM kept", "DROP TABLE kept")
    assert run(database, use) == [False]
    assert named(folder) == set()
