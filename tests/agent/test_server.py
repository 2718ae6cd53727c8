"""Starting, refusing to start, ending: real processes."""

from __future__ import annotations

import base64
import contextlib
import json
import select
import signal
import socket
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.agent.conftest import DEADLINE_S, MCP_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.agent.conftest import AgentProcess

    Start = Callable[..., AgentProcess]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_cleanly(start_agent: Start, number: signal.Signals) -> None:
    agent = start_agent(cold=True)
    agent.rpc("ping")
    assert agent.stop(number) == 0
    assert len(agent.stderr) == 1
    assert agent.stderr[0].startswith("AxonFlow agent 2.")
    assert not list(agent.data_dir.glob("*-wal"))


def test_an_idle_connection_does_not_hold_up_the_end(start_agent: Start) -> None:
    agent = start_agent()
    port = urlsplit(agent.endpoint).port or 0
    with agent.client() as client, socket.create_connection(("127.0.0.1", port)):
        client.get("/health")
        assert agent.stop() == 0
    assert agent.stderr[1:] == []


def test_everything_it_keeps_is_private(start_agent: Start) -> None:
    agent = start_agent()
    agent.tool("check_policy", {"connector_type": "x", "statement": "y"})
    assert agent.data_dir.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in agent.data_dir.iterdir()}
    assert modes == {
        "agent.db": 0o600,
        "agent.db-shm": 0o600,
        "agent.db-wal": 0o600,
        "agent.json": 0o600,
        "agent.lock": 0o600,
        "audit-head": 0o600,
        "audit-signing.key": 0o600,
        "audit-signing.pub": 0o600,
        "keys.lock": 0o600,
        "statement-hash.key": 0o600,
    }


def test_the_default_data_folder_is_the_users(start_agent: Start, tmp_path: Path) -> None:
    home = tmp_path / "somebody"
    agent = start_agent(home=home, default_data_dir=True, environ={"XDG_DATA_HOME": str(home / "share")})
    assert agent.endpoint, agent.stderr
    assert (home / "share" / "axonflow" / "agent" / "agent.db").is_file()


def refusal(agent: AgentProcess) -> str:
    """Give the one line with which an agent refused to start."""
    assert agent.wait() == 1
    assert agent.endpoint == ""
    assert len(agent.stderr) == 1, agent.stderr
    assert agent.stderr[0].startswith("[AxonFlow] The agent cannot start: ")
    return agent.stderr[0]


@pytest.mark.parametrize("host", ["example.com", "127.0.0.1.example", "0x7f.1", ""])
def test_what_is_no_address_is_refused(start_agent: Start, host: str) -> None:
    assert "--host 127.0.0.1" in refusal(start_agent(host=host))


def test_an_address_of_another_machine_is_refused(start_agent: Start) -> None:
    assert "Cannot listen on 192.0.2.1" in refusal(start_agent(host="192.0.2.1"))


def test_a_taken_port(start_agent: Start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        line = refusal(start_agent(port=port))
    assert f"Port {port}" in line
    assert "--port" in line


def test_a_port_on_which_an_agent_runs(start_agent: Start) -> None:
    port = urlsplit(start_agent().endpoint).port
    assert "an agent runs already" in refusal(start_agent(port=port))


def test_a_data_folder_that_another_agent_uses(start_agent: Start) -> None:
    first = start_agent()
    assert "Another agent uses the data folder" in refusal(start_agent(home=first.home, data_dir=first.data_dir))
    assert first.rpc("ping").json()["result"] == {}


def test_a_data_folder_that_is_open_to_others(start_agent: Start, tmp_path: Path) -> None:
    folder = tmp_path / "open"
    folder.mkdir(mode=0o755)
    folder.chmod(0o755)
    assert "chmod 700" in refusal(start_agent(data_dir=folder))


def test_a_data_folder_that_is_a_file(start_agent: Start, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    assert "cannot be used" in refusal(start_agent(data_dir=tmp_path / "file"))
    assert "cannot be used" in refusal(start_agent(data_dir=tmp_path / "file" / "below"))


def prepared(folder: Path) -> Path:
    folder.mkdir(mode=0o700)
    path = folder / "agent.db"
    path.touch(mode=0o600)
    return path


def test_a_file_that_is_no_database(start_agent: Start, tmp_path: Path) -> None:
    prepared(tmp_path / "data").write_bytes(b"this is no database" * 1000)
    line = refusal(start_agent(data_dir=tmp_path / "data"))
    assert "is damaged" in line
    assert "Move it away" in line


def test_a_damaged_database(start_agent: Start) -> None:
    agent = start_agent()
    for _ in range(20):
        agent.tool("audit_tool_call", {"tool_name": "Bash", "input": {"command": "x" * 500}})
    agent.stop()
    path = agent.data_dir / "agent.db"
    content = bytearray(path.read_bytes())
    content[4096 : len(content) - 4096] = b"\x5a" * (len(content) - 8192)
    path.write_bytes(content)
    assert "is damaged" in refusal(start_agent(home=agent.home, data_dir=agent.data_dir))


def test_a_database_of_another_release(start_agent: Start) -> None:
    agent = start_agent()
    agent.stop()
    connection = sqlite3.connect(agent.data_dir / "agent.db")
    with connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
    connection.close()
    assert "schema version 99" in refusal(start_agent(home=agent.home, data_dir=agent.data_dir))


def test_a_database_of_another_program(start_agent: Start, tmp_path: Path) -> None:
    connection = sqlite3.connect(prepared(tmp_path / "data"))
    connection.execute("CREATE TABLE notes (text)")
    connection.close()
    assert "not written by this agent" in refusal(start_agent(data_dir=tmp_path / "data"))


def test_a_database_that_others_can_read(start_agent: Start, tmp_path: Path) -> None:
    prepared(tmp_path / "data").chmod(0o644)
    assert "chmod 600" in refusal(start_agent(data_dir=tmp_path / "data"))


def test_a_setting_that_is_not_one(start_agent: Start) -> None:
    assert "PII_ACTION" in refusal(start_agent(environ={"PII_ACTION": "shred"}))


def test_settings_of_clients_do_not_matter(start_agent: Start) -> None:
    agent = start_agent(environ={"AXONFLOW_ENDPOINT": "not a url", "AXONFLOW_TIMEOUT_SECONDS": "soon"})
    assert agent.rpc("ping").json()["result"] == {}


def test_decisions_outlive_a_restart(start_agent: Start) -> None:
    agent = start_agent()
    verdict = agent.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": "rm -rf /"})
    agent.stop()
    again = start_agent(home=agent.home, data_dir=agent.data_dir)
    assert again.credential[1]
    explained = again.tool("explain_decision", {"decision_id": verdict["decision_id"]})
    assert explained["decision"] == "blocked"


def message_of(tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": tool, "arguments": arguments}}


def test_kill_loses_no_acknowledged_record(start_agent: Start) -> None:
    agent = start_agent()
    acknowledged: list[str] = []

    def record(number: int) -> None:
        call = {"tool_name": "Bash", "input": {"command": f"echo {number}"}}
        with agent.client() as client:
            for _ in range(1000):
                reply = client.post(MCP_PATH, json=message_of("audit_tool_call", call))
                acknowledged.append(reply.json()["result"]["content"][0]["text"].split('"audit_id": "')[1][:38])
                if len(acknowledged) >= 200:  # another may have come between
                    agent.process.kill()

    with ThreadPoolExecutor(8) as pool:
        outcomes = [pool.submit(record, number) for number in range(8)]
    assert all(isinstance(outcome.exception(), httpx.TransportError) for outcome in outcomes)
    assert agent.wait() == -signal.SIGKILL
    again = start_agent(home=agent.home, data_dir=agent.data_dir)
    assert again.endpoint, again.stderr
    connection = sqlite3.connect(again.data_dir / "agent.db")
    kept = {row[0] for row in connection.execute("SELECT id FROM audit_log")}
    sequences = [row[0] for row in connection.execute("SELECT sequence FROM audit_log ORDER BY sequence")]
    connection.close()
    assert len(acknowledged) >= 200
    assert set(acknowledged) <= kept
    assert sequences == list(range(1, len(sequences) + 1))


def test_fifty_checks_at_once(start_agent: Start) -> None:
    agent = start_agent()

    def check(number: int) -> Any:
        statement = "rm -rf /" if number % 2 else f"echo {number}"
        return agent.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": statement})

    with ThreadPoolExecutor(50) as pool:
        verdicts = list(pool.map(check, range(50)))
    assert [verdict["allowed"] for verdict in verdicts] == [number % 2 == 0 for number in range(50)]
    assert len({verdict["decision_id"] for verdict in verdicts}) == 50
    assert agent.tool("search_audit_events", {"request_type": "check_policy"})["total"] == 50


def test_a_large_check_does_not_hold_up_others(start_agent: Start) -> None:
    agent = start_agent()
    rows = [{"id": number, "name": f"row {number}", "mail": f"user{number}@example.com"} for number in range(9_000)]

    large = json.dumps(message_of("check_output", {"connector_type": "postgres", "response_data": rows})).encode()

    def answered_meanwhile() -> int:
        """Count the answers that come from the moment on at which the agent has all of the large check."""
        count = 0
        with raw_post(agent, large) as link, agent.client() as client:
            client.get("/health")
            link.sendall(large[-1:])
            while not select.select([link], [], [], 0)[0]:
                assert client.get("/health").status_code == 200
                count += 1
            assert link.recv(12) == b"HTTP/1.1 200"
        return count

    # Hundreds are; between the steps of a check that held them up a few would be. A busy machine may answer few once.
    assert any(answered_meanwhile() > 20 for _ in range(4))


@contextlib.contextmanager
def raw_post(agent: AgentProcess, body: bytes) -> Iterator[socket.socket]:
    """Give a connection on which a message for the agent's tools is sent, but for the last byte of its body."""
    place = urlsplit(agent.endpoint)
    basic = base64.b64encode(":".join(agent.credential).encode()).decode()
    head = {
        "Host": place.netloc,
        "Authorization": f"Basic {basic}",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
    }
    lines = [f"POST {MCP_PATH} HTTP/1.1", *(f"{name}: {value}" for name, value in head.items()), "", ""]
    with socket.create_connection((place.hostname, place.port or 0), timeout=DEADLINE_S) as link:
        link.sendall("\r\n".join(lines).encode() + body[:-1])
        yield link


def test_checks_with_many_leaves_are_finished(start_agent: Start) -> None:
    agent = start_agent()
    rows = [{"id": number, "name": f"row {number}", "mail": f"user{number}@example.com"} for number in range(5_000)]
    verdict = agent.tool("check_output", {"connector_type": "postgres", "response_data": rows})
    assert verdict["allowed"] is True
    explained = agent.tool("explain_decision", {"decision_id": verdict["decision_id"]})
    assert len(explained["policy_matches"][0]["spans"]) == 50
