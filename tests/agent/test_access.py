"""Only this user's clients on this machine get in: Host, Origin, credential (real agent)."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import pytest

from axonflow_hooks import __version__

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import AgentProcess

MCP_PATH = "/api/v1/mcp-server"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def port_of(agent: AgentProcess) -> int:
    port = urlsplit(agent.endpoint).port
    assert port is not None
    return port


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:{port}", 200),
        ("localhost:{port}", 200),
        ("LOCALHOST:{port}", 200),
        ("[::1]:{port}", 200),
        ("localhost", 403),
        ("localhost:1", 403),
        ("127.0.0.1.nip.io:{port}", 403),
        ("localhost.evil.example:{port}", 403),
        ("evil.example:{port}", 403),
        ("localhost:{port}:{port}", 403),
        ("user@localhost:{port}", 403),
        ("", 403),
    ],
)
@pytest.mark.parametrize("path", ["/health", MCP_PATH], ids=["health", "mcp"])
def test_the_host_must_name_this_agent(running_agent: AgentProcess, path: str, host: str, status: int) -> None:
    headers = {"Host": host.format(port=port_of(running_agent))}
    with running_agent.client() as client:
        reply = client.request("POST" if path == MCP_PATH else "GET", path, json=PING, headers=headers)
    assert reply.status_code == status
    if status == 403:
        assert "message" in reply.json()["error"]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("http://127.0.0.1:{port}", True),
        ("http://localhost:{port}", True),
        ("https://localhost:{port}", False),
        ("http://localhost:3000", False),
        ("http://localhost", False),
        ("https://evil.example", False),
        ("http://localhost.evil.example:{port}", False),
        ("null", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("method", ["POST", "OPTIONS"])
def test_the_origin_must_be_the_agents_own(
    running_agent: AgentProcess, method: str, origin: str, allowed: bool
) -> None:
    origin = origin.format(port=port_of(running_agent))
    with running_agent.client() as client:
        reply = client.request(method, MCP_PATH, json=PING, headers={"Origin": origin})
    if allowed:
        assert reply.is_success
        assert reply.headers["access-control-allow-origin"] == origin
        assert "Origin" in reply.headers["vary"]
    else:
        assert reply.status_code == 403
        assert "access-control-allow-origin" not in reply.headers


def test_a_page_may_read_what_answers_say_in_their_headers(running_agent: AgentProcess) -> None:
    origin = f"http://127.0.0.1:{port_of(running_agent)}"
    with running_agent.client() as client:
        scoped = client.get("/api/v1/decisions", headers={"Origin": origin})
        export = client.get("/api/v1/audit/export", params={"format": "json"}, headers={"Origin": origin})
    for reply, name in ((scoped, "x-axonflow-read-scope"), (export, "x-audit-export-truncated")):
        assert name in reply.headers
        assert name in reply.headers["access-control-expose-headers"].lower().split(", ")


def test_without_an_origin_there_are_no_cors_headers(running_agent: AgentProcess) -> None:
    reply = running_agent.rpc("ping")
    assert not [name for name in reply.headers if name.startswith("access-control-")]


def basic(text: bytes) -> str:
    return "Basic " + base64.b64encode(text).decode()


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        "Basic",
        "Basic !!!",
        "Bearer abc",
        basic(b"local"),
        basic(b"local:"),
        basic(b":"),
        basic(b"local:wrong"),
        basic(b"other:{secret}"),
        basic(b"\xff\xfe:x"),
    ],
)
def test_a_wrong_credential_is_refused(running_agent: AgentProcess, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    with running_agent.client(auth=None) as client:
        reply = client.post(MCP_PATH, json=PING, headers=headers)
    assert reply.status_code == 401
    assert reply.json() == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32001, "message": "Authentication required"},
    }


def test_the_secret_of_another_name_is_refused(running_agent: AgentProcess) -> None:
    _name, secret = running_agent.credential
    with running_agent.client(auth=("other", secret)) as client:
        assert client.post(MCP_PATH, json=PING).status_code == 401


def test_the_scheme_is_case_insensitive(running_agent: AgentProcess) -> None:
    name, secret = running_agent.credential
    with running_agent.client(auth=None) as client:
        headers = {"Authorization": basic(f"{name}:{secret}".encode()).replace("Basic", "bASIC")}
        assert client.post(MCP_PATH, json=PING, headers=headers).json()["result"] == {}


def test_a_user_token_that_nobody_can_verify_is_refused(running_agent: AgentProcess) -> None:
    reply = running_agent.rpc("ping", headers={"X-User-Token": "a.b.c"})
    assert (reply.status_code, reply.json()["error"]["code"]) == (401, -32001)


@pytest.mark.parametrize("path", ["/api/v1/connectors", "/", "/nothing", "/api/v1/mcp-server/", "//api/v1/mcp-server"])
def test_unserved_routes_need_the_credential_too(running_agent: AgentProcess, path: str) -> None:
    url = running_agent.endpoint + path
    with running_agent.client(auth=None) as client:
        reply = client.get(url)
        assert reply.status_code == 401
        assert reply.json()["error"] == {"code": 401, "message": "Authentication required"}
        assert reply.headers["www-authenticate"].startswith("Basic realm=")
    with running_agent.client() as client:
        reply = client.get(url)
        assert (reply.status_code, reply.json()["success"]) == (404, False)


def test_the_credential_file_is_private(running_agent: AgentProcess) -> None:
    path = running_agent.home / ".config" / "axonflow" / "agent-credentials.json"
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    "path",
    [
        "/.well-known/oauth-protected-resource",
        "/.well-known/oauth-protected-resource/api/v1/mcp-server",
        "/.well-known/oauth-authorization-server",
    ],
)
def test_there_is_no_oauth_to_discover(running_agent: AgentProcess, path: str) -> None:
    with running_agent.client(auth=None) as client:
        reply = client.get(path)
    assert (reply.status_code, reply.json()["error"]) == (404, "oauth_not_supported")


def test_health_needs_no_credential(running_agent: AgentProcess) -> None:
    with running_agent.client(auth=None) as client:
        health: dict[str, Any] = client.get("/health").json()
        assert client.post("/health").status_code == 405
    assert (health["status"], health["service"], health["tier"]) == ("healthy", "axonflow-agent", "Community")
    assert (health["edition"], health["deployment_mode"]) == ("community", "community")
    assert health["version"].startswith("9.")
    served = {capability["name"] for capability in health["capabilities"]}
    assert served >= {"health_check", "version_discovery", "plugin_compatibility"}
    assert health["plugin_compatibility"]["recommended_plugin_version"]["claude-code"] == __version__
    assert health["sdk_compatibility"]["min_sdk_version"]["python"]


def test_localhost_listens_on_every_loopback_address(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent(host="localhost")
    assert agent.endpoint.startswith("http://localhost:")
    port = port_of(agent)
    with agent.client(auth=None) as client:
        assert client.get(f"http://127.0.0.1:{port}/health").status_code == 200
        assert client.get(f"http://[::1]:{port}/health").status_code == 200
