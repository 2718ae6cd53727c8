"""Access beyond this user and this machine: added clients, other names, other addresses, TLS (real agent)."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from axonflow_hooks.agent.access import access_of
from axonflow_hooks.agent.listening import Tls
from axonflow_hooks.agent.service import health
from axonflow_hooks.agent.service.instance import find_instance
from tests.agent.store.old_release import secret_hash, tamper
from tests.conftest import NO_TLS
from tests.self_signed import self_signed

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.agent.conftest import AgentProcess

    Start = Callable[..., AgentProcess]

MCP_PATH = "/api/v1/mcp-server"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
CLIENTS = "/api/v1/agent/clients"
STATUS = "/api/v1/agent/status"


def add(agent: AgentProcess, name: str) -> tuple[str, str]:
    with agent.client() as client:
        reply = client.post(CLIENTS, json={"name": name})
    assert reply.status_code == 201, reply.text
    assert reply.headers["cache-control"] == "no-store"
    return reply.json()["client_id"], reply.json()["client_secret"]


def ping(agent: AgentProcess, auth: tuple[str, str]) -> int:
    with agent.client(auth=auth) as client:
        return client.post(MCP_PATH, json=PING).status_code


def test_an_added_client_has_access_and_its_name_in_the_trail(running_agent: AgentProcess) -> None:
    auth = add(running_agent, "ci-1")
    with running_agent.client(auth=auth) as client:
        arguments = {"connector_type": "claude_code.Bash", "statement": "echo from ci"}
        body = {**PING, "method": "tools/call", "params": {"name": "check_policy", "arguments": arguments}}
        assert '"allowed": true' in client.post(MCP_PATH, json=body).json()["result"]["content"][0]["text"]
    assert b"ci-1" in running_agent.database_bytes()
    assert auth[1].encode() not in running_agent.database_bytes()


def test_a_revoked_client_has_none_at_once(running_agent: AgentProcess) -> None:
    auth = add(running_agent, "ci-2")
    assert ping(running_agent, auth) == 200
    with running_agent.client() as client:
        assert client.delete(f"{CLIENTS}/ci-2").status_code == 204
    assert ping(running_agent, auth) == 401
    found = running_agent.tool("search_audit_events", {"request_type": "client_revoked"})
    assert found["total"] == 1


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda name, secret: (name, secret + "x"), id="wrong-secret"),
        pytest.param(lambda name, secret: (name + "x", secret), id="unknown-name"),
        pytest.param(lambda name, secret: ("local", secret), id="the-local-name"),
        pytest.param(lambda name, secret: ("", secret), id="no-name"),
        pytest.param(lambda name, secret: ("x" * 5_000, secret), id="long-name"),
    ],
)
def test_no_other_pair_has_access(running_agent: AgentProcess, change: Callable[[str, str], tuple[str, str]]) -> None:
    credential = getattr(running_agent, "kept_credential", None) or add(running_agent, "ci-3")
    running_agent.kept_credential = credential  # type: ignore[attr-defined]
    assert ping(running_agent, credential) == 200
    assert ping(running_agent, change(*credential)) == 401


@pytest.mark.parametrize(
    ("method", "path"), [("GET", STATUS), ("GET", CLIENTS), ("POST", CLIENTS), ("DELETE", CLIENTS + "/x")]
)
def test_only_the_local_credential_manages_clients(start_agent: Start, method: str, path: str) -> None:
    agent = start_agent()
    auth = add(agent, "ci")
    with agent.client(auth=auth) as client:
        reply = client.request(method, path, json={"name": "friend"} if method == "POST" else None)
    assert reply.status_code == 403


@pytest.mark.parametrize("name", ["", "a b", "a:b", "-x", "x" * 65, "a\n", 5, None], ids=repr)
def test_names_that_are_none(running_agent: AgentProcess, name: Any) -> None:
    with running_agent.client() as client:
        assert client.post(CLIENTS, json={"name": name}).status_code == 400


def test_names_that_are_taken(running_agent: AgentProcess) -> None:
    add(running_agent, "twice")
    with running_agent.client() as client:
        assert client.post(CLIENTS, json={"name": "twice"}).status_code == 409
        assert client.post(CLIENTS, json={"name": "local"}).status_code == 409
        client.delete(f"{CLIENTS}/twice")
        assert client.post(CLIENTS, json={"name": "twice"}).status_code == 409


def test_clients_that_were_written_past_the_agent_are_refused_named_and_settled(start_agent: Start) -> None:
    agent = start_agent()
    auth = add(agent, "ci")
    add(agent, "gone")
    tamper(
        agent.data_dir,
        "INSERT INTO agent_clients SELECT 'eve', "
        f"'{secret_hash('eve', 'mine')}', created_at, created_by, NULL, mac FROM agent_clients WHERE client_id = 'ci'",
        "DELETE FROM agent_clients WHERE client_id = 'gone'",
    )
    assert [ping(agent, ("eve", "mine")), ping(agent, auth)] == [401, 200]
    with agent.client() as client:
        listed = {row["client_id"]: row.get("fault") for row in client.get(CLIENTS).json()["clients"]}
        assert listed == {"ci": None, "eve": "it was not written by this agent"}
        forged, missing = client.get(STATUS).json()["access_faults"]
        assert forged == "client: it was not written by this agent, or was changed (eve)"
        assert missing.startswith("client: its row is missing: gone")
        for name in ("eve", "gone"):
            assert client.delete(f"{CLIENTS}/{name}").status_code == 204
        assert client.get(STATUS).json()["access_faults"] == []
    assert agent.tool("search_audit_events", {"request_type": "client_revoked"})["total"] == 2
    agent.stop()
    assert any("The client eve is refused" in line for line in agent.stderr)


def test_an_agent_that_starts_says_who_was_given_access_past_it(start_agent: Start) -> None:
    agent = start_agent()
    add(agent, "ci")
    agent.stop()
    tamper(agent.data_dir, "UPDATE agent_clients SET client_id = 'eve' || char(27) || '[2J'")
    again = start_agent(home=agent.home, data_dir=agent.data_dir)
    again.stop()
    forged, missing = (line for line in again.stderr if "Who has access was changed past the agent" in line)
    assert "(eve[2J)" in forged
    assert "its row is missing: ci" in missing


@pytest.mark.parametrize(
    ("endpoint", "names", "host", "allowed"),
    [
        ("http://127.0.0.1:8080", ("agent.example",), "agent.example:8080", True),
        ("http://127.0.0.1:8080", ("agent.example",), "agent.example", False),
        ("http://127.0.0.1:8080", ("agent.example:443",), "agent.example:443", True),
        ("http://127.0.0.1:8080", ("agent.example:443",), "agent.example:8080", False),
        ("http://127.0.0.1:8080", ("[fd00::1]",), "[fd00::1]:8080", True),
        ("https://10.0.0.5:443", (), "10.0.0.5", True),
        ("http://10.0.0.5:443", (), "10.0.0.5", False),
        ("http://10.0.0.5:80", (), "localhost", True),
        ("http://10.0.0.5:8080", (), "10.0.0.6:8080", False),
    ],
)
def test_hosts_by_which_an_agent_may_be_called(endpoint: str, names: tuple[str, ...], host: str, allowed: bool) -> None:
    assert (host in access_of(endpoint, "local", "x", names=names).hosts) is allowed


def test_every_address_is_warned_of_and_still_wants_the_name_and_the_credential(start_agent: Start) -> None:
    agent = start_agent(host="0.0.0.0", environ={"AXONFLOW_AGENT_ALLOWED_HOSTS": "agent.example"})
    port = urlsplit(agent.endpoint).port
    base = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=base, timeout=60, trust_env=False, verify=NO_TLS) as client:
        assert client.post(MCP_PATH, json=PING).status_code == 401
        for host, status in ((f"agent.example:{port}", 200), (f"127.0.0.1:{port}", 200), (f"evil.example:{port}", 403)):
            assert client.get("/health", headers={"Host": host}).status_code == status
        assert client.post(MCP_PATH, json=PING, auth=agent.credential).status_code == 200
    assert agent.stop() == 0
    assert any("without TLS" in line for line in agent.stderr)


def test_loopback_is_not_warned_of(start_agent: Start) -> None:
    agent = start_agent()
    agent.stop()
    assert not any("warning" in line for line in agent.stderr)


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    """Give a certificate for 127.0.0.1 that it has signed itself."""
    files = Tls(tmp_path / "agent.pem", tmp_path / "agent.key")
    certificate, key = self_signed()
    files.certificate.write_bytes(certificate)
    files.key.write_bytes(key)
    return files


def test_tls_is_served(start_agent: Start, tls: Tls, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "WAIT_S", 60.0)
    agent = start_agent(tls=tls)
    assert agent.endpoint.startswith("https://127.0.0.1:")
    trusted = ssl.create_default_context(cafile=tls.certificate)
    with agent.client(verify=trusted) as client:
        assert client.post(MCP_PATH, json=PING).status_code == 200
    with pytest.raises(httpx.ConnectError), agent.client(verify=True) as client:
        client.get("/health")
    instance = find_instance(agent.data_dir)
    assert instance is not None
    assert health.is_answering(instance)


def test_files_that_are_no_pair_are_named(start_agent: Start, tls: Tls, tmp_path: Path) -> None:
    (tmp_path / "other.key").write_text("no key")
    for key in (tmp_path / "other.key", tmp_path / "none.key"):
        agent = start_agent(tls=Tls(tls.certificate, key))
        assert agent.wait() == 1
        assert "TLS cannot be served" in agent.stderr[0]
        assert len(agent.stderr) == 1


def test_a_head_without_an_end_is_cut_off(running_agent: AgentProcess) -> None:

    place = urlsplit(running_agent.endpoint)
    with socket.create_connection((place.hostname, place.port or 0), timeout=60) as link:
        link.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
        try:
            for number in range(2_000):
                link.sendall(b"X-%d: %s\r\n" % (number, b"x" * 200))
            answer = link.recv(100)
        except (ConnectionResetError, BrokenPipeError):
            answer = b""
    assert answer == b"" or answer.startswith(b"HTTP/1.1 400")


def test_a_second_host_header_is_refused(running_agent: AgentProcess) -> None:

    place = urlsplit(running_agent.endpoint)
    with socket.create_connection((place.hostname, place.port or 0), timeout=60) as link:
        good = place.netloc.encode()
        link.sendall(b"GET /health HTTP/1.1\r\nHost: " + good + b"\r\nHost: evil.example\r\n\r\n")
        assert link.recv(12) in {b"HTTP/1.1 403", b"HTTP/1.1 400"}
