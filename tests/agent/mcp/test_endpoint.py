"""The HTTP layer of the MCP server, bullet by bullet (wire 1.3), against a real agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.jsonrpc import MAX_BODY_BYTES

if TYPE_CHECKING:
    import httpx

    from tests.agent.conftest import AgentProcess

MCP_PATH = "/api/v1/mcp-server"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


def post(agent: AgentProcess, content: bytes, **headers: str) -> httpx.Response:
    sent = {"Content-Type": "application/json", **{name.replace("_", "-"): value for name, value in headers.items()}}
    with agent.client() as client:
        return client.post(MCP_PATH, content=content, headers=sent)


def error_of(reply: httpx.Response) -> tuple[int, int]:
    """Give the HTTP status and the JSON-RPC code."""
    return reply.status_code, reply.json()["error"]["code"]


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "HEAD"])
def test_other_methods_are_405(running_agent: AgentProcess, method: str) -> None:
    with running_agent.client() as client:
        reply = client.request(method, MCP_PATH)
    assert reply.status_code == 405
    assert reply.headers["allow"] == "POST, DELETE, OPTIONS"
    assert reply.headers["content-type"].startswith("text/plain")


def test_preflight_of_the_agents_own_origin(running_agent: AgentProcess) -> None:
    with running_agent.client(auth=None) as client:
        reply = client.options(MCP_PATH, headers={"Origin": running_agent.endpoint})
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply.headers["access-control-allow-origin"] == running_agent.endpoint
    allowed = reply.headers["access-control-allow-headers"]
    assert {name.strip() for name in allowed.split(",")} == {
        "Content-Type",
        "Authorization",
        "Accept",
        "Mcp-Session-Id",
        "MCP-Protocol-Version",
    }


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 200),
        ("application/json; charset=utf-8", 200),
        ("Application/JSON", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonx", 415),
        ("", 415),
    ],
)
def test_content_type(running_agent: AgentProcess, content_type: str, status: int) -> None:
    reply = post(running_agent, json.dumps(PING).encode(), Content_Type=content_type)
    assert reply.status_code == status
    if status == 415:
        assert reply.json()["error"]["code"] == -32600


def test_a_missing_content_type_is_accepted(running_agent: AgentProcess) -> None:
    with running_agent.client() as client:
        request = client.build_request("POST", MCP_PATH, content=json.dumps(PING).encode())
        assert "content-type" not in request.headers
        assert client.send(request).json()["result"] == {}


@pytest.mark.parametrize(
    ("version", "expected"),
    [("2025-06-18", None), ("2024-11-05", None), ("2025-11-25", (400, -32600)), ("nonsense", (400, -32600))],
)
def test_protocol_version_header(running_agent: AgentProcess, version: str, expected: tuple[int, int] | None) -> None:
    reply = post(running_agent, json.dumps(PING).encode(), MCP_Protocol_Version=version)
    if expected is None:
        assert reply.json() == {"jsonrpc": "2.0", "id": 1, "result": {}}
    else:
        assert error_of(reply) == expected


def test_discovery_of_a_newer_protocol_is_an_unknown_method(running_agent: AgentProcess) -> None:
    body = {"jsonrpc": "2.0", "id": "d", "method": "server/discover", "params": {}}
    reply = post(running_agent, json.dumps(body).encode(), MCP_Protocol_Version="2026-07-28")
    assert error_of(reply) == (200, -32601)
    assert reply.json()["id"] == "d"


DEEP = b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b"[" * 200 + b"]" * 200 + b"}"
VERY_DEEP = b"[" * 200_000


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        json.dumps(PING).encode("utf-16"),
        b"\xef\xbb\xbf" + json.dumps(PING).encode(),
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}',
        b'{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":1e999}}',
        b'{"jsonrpc":"2.0","id":' + b"9" * 5000 + b',"method":"ping"}',
        DEEP,
        VERY_DEEP,
    ],
    ids=["empty", "cut", "not-utf8", "utf16", "bom", "nan", "huge-float", "huge-int", "deep", "very-deep"],
)
def test_invalid_json(running_agent: AgentProcess, content: bytes) -> None:
    reply = post(running_agent, content)
    assert error_of(reply) == (400, -32700)
    assert reply.json()["error"]["message"] == "Parse error: invalid JSON"
    assert reply.json()["id"] is None


def padded(size: int) -> bytes:
    message = json.dumps(PING).encode()
    return message + b" " * (size - len(message))


def test_the_largest_body_is_accepted(running_agent: AgentProcess) -> None:
    assert post(running_agent, padded(MAX_BODY_BYTES)).json()["result"] == {}


@pytest.mark.parametrize("chunked", [False, True], ids=["declared", "chunked"])
def test_a_larger_body_is_a_parse_error_and_the_connection_lives_on(running_agent: AgentProcess, chunked: bool) -> None:
    body = padded(MAX_BODY_BYTES + 1)
    content: Any = iter([body[:500_000], body[500_000:]]) if chunked else body
    with running_agent.client() as client:
        reply = client.post(MCP_PATH, content=content, headers={"Content-Type": "application/json"})
        assert error_of(reply) == (400, -32700)
        assert client.post(MCP_PATH, json=PING).json()["result"] == {}


@pytest.mark.parametrize(
    ("message", "echoed"),
    [
        ([PING], None),
        ([], None),
        ("ping", None),
        (None, None),
        ({"id": 1, "method": "ping"}, 1),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, 1),
        ({"jsonrpc": 2.0, "id": 1, "method": "ping"}, 1),
        ({"jsonrpc": "2.0", "id": 1}, 1),
        ({"jsonrpc": "2.0"}, None),
        ({"jsonrpc": "2.0", "id": "a", "method": 5}, "a"),
        ({"jsonrpc": "2.0", "id": None, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": True, "method": "ping"}, None),
        ({"jsonrpc": "2.0", "id": {}, "method": "ping"}, None),
    ],
    ids=lambda value: json.dumps(value)[:40],
)
def test_invalid_request(running_agent: AgentProcess, message: Any, echoed: Any) -> None:
    reply = post(running_agent, json.dumps(message).encode())
    assert error_of(reply) == (400, -32600)
    assert reply.json()["id"] == echoed


@pytest.mark.parametrize(
    "message",
    [
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": 1}},
        {"jsonrpc": "2.0", "method": "no/such/method"},
        {"jsonrpc": "2.0", "id": 3, "result": {}},
    ],
    ids=["initialized", "cancelled", "unknown", "response"],
)
def test_notifications_and_responses_are_202(running_agent: AgentProcess, message: dict[str, Any]) -> None:
    reply = post(running_agent, json.dumps(message).encode())
    assert (reply.status_code, reply.content) == (202, b"")


def test_a_notification_executes_nothing(running_agent: AgentProcess) -> None:
    def total() -> int:
        found: int = running_agent.tool("search_audit_events", {"request_type": "check_policy"})["total"]
        return found

    before = total()
    arguments = {"connector_type": "claude_code.Bash", "statement": "ls"}
    message = {"jsonrpc": "2.0", "method": "tools/call", "params": {"name": "check_policy", "arguments": arguments}}
    assert post(running_agent, json.dumps(message).encode()).status_code == 202
    assert total() == before


@pytest.mark.parametrize("request_id", [1, "one", 1.5, 0, ""], ids=repr)
def test_the_id_is_echoed(running_agent: AgentProcess, request_id: Any) -> None:
    reply = post(running_agent, json.dumps({**PING, "id": request_id}).encode())
    assert reply.json() == {"jsonrpc": "2.0", "id": request_id, "result": {}}


def test_a_wrong_credential_is_401(running_agent: AgentProcess) -> None:
    with running_agent.client(auth=("local", "wrong")) as client:
        reply = client.post(MCP_PATH, json=PING)
    assert error_of(reply) == (401, -32001)
    assert reply.json()["error"]["message"] == "Authentication required"
    assert reply.headers["www-authenticate"] == 'Basic realm="AxonFlow MCP Server"'


def test_answers_are_single_json_objects_whatever_the_client_accepts(running_agent: AgentProcess) -> None:
    reply = post(running_agent, json.dumps(PING).encode(), Accept="text/event-stream")
    assert reply.headers["content-type"] == "application/json"


def start_session(agent: AgentProcess) -> str:
    reply = agent.rpc("initialize", {"protocolVersion": "2025-06-18", "clientInfo": {"name": "test"}})
    session_id: str = reply.headers["mcp-session-id"]
    return session_id


def test_a_session_can_be_used_and_ended(running_agent: AgentProcess) -> None:
    session = {"Mcp-Session-Id": start_session(running_agent)}
    assert running_agent.rpc("ping", headers=session).json()["result"] == {}
    with running_agent.client() as client:
        assert client.delete(MCP_PATH, headers=session).status_code == 200
        assert client.delete(MCP_PATH, headers=session).status_code == 404
    assert error_of(running_agent.rpc("ping", headers=session)) == (404, -32600)


def test_ending_a_session_needs_a_session_and_a_credential(running_agent: AgentProcess) -> None:
    session = {"Mcp-Session-Id": start_session(running_agent)}
    with running_agent.client() as client:
        assert client.delete(MCP_PATH).status_code == 400
        assert client.delete(MCP_PATH, headers={"Mcp-Session-Id": "axonflow-" + "0" * 24}).status_code == 404
    with running_agent.client(auth=None) as client:
        assert client.delete(MCP_PATH, headers=session).status_code == 401


def test_initialize_ignores_the_session_of_before(running_agent: AgentProcess) -> None:
    reply = running_agent.rpc("initialize", {}, headers={"Mcp-Session-Id": "axonflow-gone"})
    assert reply.json()["result"]["serverInfo"]["name"] == "axonflow"


@pytest.mark.parametrize("key", ["", "a b", "ä", "x" * 257])
def test_a_malformed_idempotency_key(running_agent: AgentProcess, key: str) -> None:
    with running_agent.client() as client:
        reply = client.post(MCP_PATH, json=PING, headers=[(b"Idempotency-Key", key.encode())])
    assert error_of(reply) == (400, -32600)
