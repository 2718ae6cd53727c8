"""Three agents, one PostgreSQL: one trail, whatever happens to an agent or to the server."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from sqlalchemy import text

from axonflow_hooks.agent.store.keys import read_seal
from axonflow_hooks.agent.store.options import KEY_DIR, store_options
from axonflow_hooks.agent.store.postgresql import create
from axonflow_hooks.agent.verification.verify import Evidence, verify
from tests.agent.load import Ledger, Load

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.agent.verification.findings import Report
    from tests.agent.conftest import AgentProcess, AgentStarter
    from tests.e2e.postgres.server import PostgresServer


def environ_of(url: str, keys: Path) -> dict[str, str]:
    return {"AXONFLOW_AGENT_DATABASE_URL": url, KEY_DIR: str(keys)}


def replicas(start_agent: AgentStarter, url: str, keys: Path, count: int = 3) -> list[AgentProcess]:
    agents = [start_agent(environ=environ_of(url, keys)) for _ in range(count)]
    assert all(agent.endpoint for agent in agents), [agent.stderr for agent in agents]
    return agents


def inspected(url: str, keys: Path, ledger: Ledger) -> Report:
    """Verify the trail and that everything which was acknowledged is in it."""
    engine = create(store_options({"AXONFLOW_AGENT_DATABASE_URL": url}).database_url, 1)
    seal = read_seal(keys)
    assert seal is not None
    with engine.connect() as connection:
        report = verify(connection, Evidence((seal.public,), seal))
        audits = set(connection.execute(text("SELECT id FROM audit_log")).scalars())
        decided = set(connection.execute(text("SELECT decision_id FROM decisions")).scalars())
        entries = set(connection.execute(text("SELECT decision_id FROM audit_log")).scalars())
    engine.dispose()
    assert ledger.audits <= audits
    assert ledger.decisions <= decided
    assert ledger.decisions <= entries
    return report


def no_secret_in(agents: list[AgentProcess], server: PostgresServer) -> bool:
    return not any(server.password in line for agent in agents for line in agent.stderr)


def test_one_replica_killed_under_load_costs_no_acknowledged_record(
    postgres: PostgresServer, database_url: str, start_agent: AgentStarter, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    agents = replicas(start_agent, database_url, keys)
    with Load(agents) as load:
        load.ledger.wait_for(150)
        agents[0].stop(signal.SIGKILL)
        load.ledger.wait_for_refusals(1)
        load.ledger.wait_for(150)
    for agent in agents[1:]:
        assert agent.stop() == 0
    report = inspected(database_url, keys, load.ledger)
    assert report.findings == []
    assert report.entries == report.last_sequence >= len(load.ledger.decisions) + len(load.ledger.audits)
    assert no_secret_in(agents, postgres)


def test_a_restart_of_the_server_costs_no_acknowledged_record(
    postgres: PostgresServer, database_url: str, start_agent: AgentStarter, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    agents = replicas(start_agent, database_url, keys, count=2)
    with Load(agents) as load:
        load.ledger.wait_for(100)
        postgres.stop(crash=True)
        load.ledger.wait_for_refusals(6)
        postgres.start()
        load.ledger.wait_for(100)
    for agent in agents:
        assert agent.stop() == 0
    assert inspected(database_url, keys, load.ledger).findings == []
    assert no_secret_in(agents, postgres)


def test_replicas_that_start_together_share_one_database_and_its_keys(
    database_url: str, start_agent: AgentStarter, tmp_path: Path
) -> None:
    keys = tmp_path / "keys"
    agents = replicas(start_agent, database_url, keys)
    found = agents[0].tool("check_policy", {"connector_type": "claude_code.Bash", "statement": "rm -rf /"})
    explained = agents[1].tool("explain_decision", {"decision_id": found["decision_id"]})
    assert explained["decision"] == "blocked"


def test_an_agent_with_other_keys_is_refused(database_url: str, start_agent: AgentStarter, tmp_path: Path) -> None:
    replicas(start_agent, database_url, tmp_path / "keys", count=1)
    other = start_agent(environ=environ_of(database_url, tmp_path / "other keys"))
    assert other.wait() == 1
    assert "AXONFLOW_AGENT_KEY_DIR" in other.stderr[-1]


def test_a_wrong_password_is_told_without_it(
    postgres: PostgresServer, database_url: str, start_agent: AgentStarter, tmp_path: Path
) -> None:
    wrong = "w" + "rong-pa55word"
    agent = start_agent(environ=environ_of(database_url.replace(postgres.password, wrong), tmp_path / "keys"))
    assert agent.wait() == 1
    assert "AXONFLOW_AGENT_DATABASE_URL cannot be used" in agent.stderr[-1]
    assert not any(word in line for line in agent.stderr for word in (wrong, postgres.password, "127.0.0.1:"))
