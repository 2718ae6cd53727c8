"""Who has access is told by sealed rows, on a shared database as on one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.registrations import agent_clients, find_client
from axonflow_hooks.agent.store.rows import of_one_moment
from tests.agent.store.old_release import SET_BACK, added, client, client_row, run_jobs, secret_hash, tenant
from tests.e2e.postgres.test_replicas import environ_of
from tests.e2e.postgres.test_store import audit
from tests.e2e.postgres.test_store import folder as folder
from tests.e2e.postgres.test_store import options as options

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from axonflow_hooks.agent.store.options import StoreOptions
    from axonflow_hooks.agent.store.rows import Row
    from tests.agent.conftest import AgentProcess, AgentStarter

MCP_PATH = "/api/v1/mcp-server"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
CLIENTS = "/api/v1/agent/clients"


def tamper(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def ping(agent: AgentProcess, auth: tuple[str, str]) -> int:
    with agent.client(auth=auth) as http:
        return http.post(MCP_PATH, json=PING).status_code


@pytest.fixture
def replicas(start_agent: AgentStarter, database_url: str, tmp_path: Path) -> tuple[AgentProcess, AgentProcess]:
    keys = tmp_path / "keys"
    keys.mkdir(mode=0o700)
    first, second = (start_agent(environ=environ_of(database_url, keys)) for _ in range(2))
    return first, second


def added_by(agent: AgentProcess, name: str) -> tuple[str, str]:
    with agent.client() as http:
        made = http.post(CLIENTS, json={"name": name}).json()
    return made["client_id"], made["client_secret"]


def test_every_replica_serves_what_one_has_written_and_nothing_else(
    replicas: tuple[AgentProcess, AgentProcess], database_url: str
) -> None:
    auth = added_by(replicas[0], "ci")
    ended = added_by(replicas[0], "ended")
    tamper(database_url, "CREATE TABLE kept AS SELECT * FROM agent_clients WHERE client_id = 'ended'")
    with replicas[1].client() as http:
        assert http.delete(f"{CLIENTS}/ended").status_code == 204
    tamper(
        database_url,
        "DELETE FROM agent_clients WHERE client_id = 'ended'",
        "INSERT INTO agent_clients SELECT * FROM kept",
        f"INSERT INTO agent_clients SELECT 'eve', '{secret_hash('eve', 'mine')}', created_at, created_by, NULL, mac "
        "FROM agent_clients WHERE client_id = 'ci'",
    )
    for agent in replicas:
        assert [ping(agent, it) for it in (auth, ended, ("eve", "mine"))] == [200, 401, 401]
        with agent.client() as http:
            assert len(http.get("/api/v1/agent/status").json()["access_faults"]) == 2


def test_a_database_of_the_release_before_is_sealed_by_the_first_replica_that_starts(
    database_url: str, options: StoreOptions, folder: Path
) -> None:
    forged = added(agent_clients, client_row("eve"))
    run_jobs(folder, client("ci"), tenant("cs_1"), forged, options=options)
    tamper(database_url, *SET_BACK)
    run_jobs(folder, options=options)
    run_jobs(folder, options=options)
    with psycopg.connect(database_url) as connection:
        (sealed,) = connection.execute("SELECT count(*) FROM audit_log WHERE request_type = 'rows_sealed'").fetchall()
        codes: dict[str, Any] = dict(connection.execute("SELECT client_id, mac FROM agent_clients").fetchall())
        (code,) = connection.execute("SELECT mac FROM tenants").fetchall()
    assert (sealed, codes["eve"], len(codes["ci"]), len(code[0])) == ((1,), None, 64, 64)
    told = audit(folder, database_url, "verify")
    assert [line for line in told.stdout.splitlines() if line.startswith("FAULT access")] == [
        "FAULT access (eve): client: it was not written by this agent, or was changed"
    ]


def test_a_tenant_that_the_database_was_given_is_named_from_the_command_line(
    database_url: str, options: StoreOptions, folder: Path
) -> None:
    run_jobs(folder, options=options)
    assert audit(folder, database_url, "verify").returncode == 0
    tamper(
        database_url,
        "INSERT INTO tenants VALUES ('cs_eve', 'x', NULL, NULL, "
        "'2020-01-01T00:00:00.000000Z', '2999-01-01T00:00:00.000000Z', NULL)",
    )
    told = audit(folder, database_url, "verify")
    assert told.returncode == 1
    assert "FAULT access (cs_eve): tenant" in told.stdout


def test_a_row_and_the_entry_about_it_are_read_of_one_moment(
    database_url: str, options: StoreOptions, folder: Path
) -> None:
    run_jobs(folder, client("ci"), options=options)
    database = open_database(folder, options)

    def read(connection: Connection) -> tuple[Row | None, Row | None]:
        before = find_client(of_one_moment(connection), "ci")
        tamper(database_url, "UPDATE agent_clients SET created_by = 'eve'")
        return before, find_client(connection, "ci")

    first, second = database.read(read)
    assert first is not None
    assert first == second
    after = database.read(lambda connection: find_client(connection, "ci"))
    assert after is not None
    assert after["created_by"] == "eve"
    database.close()
