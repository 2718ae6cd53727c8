"""The MCP bridge as the host starts it: a real process between a host's stdio and an agent over HTTP."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Reply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.conftest import Received, StandIn

REPOSITORY = Path(__file__).resolve().parents[2]
MCP = "/api/v1/mcp-server"
BRIDGE = "from axonflow_hooks.claude_code import mcp_bridge; mcp_bridge.OPENING_WAIT_S = 60.0; "


class Host:
    """The host's side of stdio."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, message: object) -> None:
        line = message if isinstance(message, bytes) else json.dumps(message).encode()
        assert self.process.stdin is not None
        self.process.stdin.write(line + b"\n")
        self.process.stdin.flush()

    def receive(self) -> Any:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.endswith(b"\n"), "one line for each answer"
        return json.loads(line)

    def ask(self, method: str, params: object = None, request_id: object = 1) -> Any:
        self.send({"jsonrpc": "2.0", "id": request_id, "method": method, "params": params or {}})
        return self.receive()

    def end(self) -> bytes:
        """Close standard input and give what was still written."""
        out, _ = self.process.communicate(timeout=60)
        assert self.process.returncode == 0
        return out


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Host]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(endpoint: str, *, answered: bool = False, **environ: str) -> Host:
        code = f"{BRIDGE}mcp_bridge.main(answered={answered})"
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={
                "HOME": str(tmp_path),
                "PATH": "/usr/bin:/bin",
                "AXONFLOW_ENDPOINT": endpoint,
                "CLAUDE_CODE_SESSION_ID": "session-1",
                **environ,
            },
            cwd=REPOSITORY,
        )
        started.append(process)
        return Host(process)

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def agent_of(stand_in: StandIn) -> None:
    """Let the server speak MCP: echo what was asked, start a session at `initialize`."""

    def reply(request: Received) -> Reply:
        message = request.json()
        if "id" not in message:
            return Reply(202, b"")
        session = {"Mcp-Session-Id": "axonflow-0123"} if message["method"] == "initialize" else {}
        return Reply(200, {"jsonrpc": "2.0", "id": message["id"], "result": {"asked": message["params"]}}, session)

    stand_in.replies[MCP] = reply


def test_a_session_from_initialize_to_a_call(start: Callable[..., Host], stand_in: StandIn) -> None:
    agent_of(stand_in)
    host = start(stand_in.url, AXONFLOW_AUTH="team:s3cret")
    assert host.ask("initialize", {"protocolVersion": "2025-11-25"}, 0)["id"] == 0
    host.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    stand_in.wait_for(MCP, 2)
    assert host.ask("tools/list", {}, "list-1") == {"jsonrpc": "2.0", "id": "list-1", "result": {"asked": {}}}
    call = {
        "name": "explain_decision",
        "arguments": {"decision_id": "dé\n😀"},
        "_meta": {"progressToken": 2**60},
    }
    assert host.ask("tools/call", call, 2)["result"] == {"asked": call}
    assert host.end() == b"", "notifications are not answered"
    first, *later = stand_in.to(MCP)
    assert "mcp-session-id" not in first.headers
    for request in later:
        assert request.headers["mcp-session-id"] == "axonflow-0123"
    for request in (first, *later):
        assert request.headers["authorization"] == "Basic dGVhbTpzM2NyZXQ="
        assert request.headers["x-session-id"] == "session-1"
        assert request.headers["x-axonflow-client"].startswith("claude-code-plugin/2.")


def test_an_answered_initialize_begins_the_session_and_is_not_answered_again(
    start: Callable[..., Host], stand_in: StandIn
) -> None:
    agent_of(stand_in)
    host = start(stand_in.url, answered=True)
    host.send({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {"protocolVersion": "2025-11-25"}})
    assert host.ask("tools/list", {}, "list-1")["id"] == "list-1"
    assert host.end() == b""
    first, second = stand_in.to(MCP)
    assert first.json()["method"] == "initialize"
    assert second.headers["mcp-session-id"] == "axonflow-0123"


def test_calls_run_side_by_side(start: Callable[..., Host], stand_in: StandIn) -> None:
    agent_of(stand_in)
    echo = stand_in.replies[MCP]
    assert callable(echo)
    last_arrived = threading.Event()

    def in_reverse(request: Received) -> Reply:
        if request.json()["id"] == "last":
            last_arrived.set()
        else:
            assert last_arrived.wait(60), "the calls before must not hold up the last one"
        return echo(request)

    stand_in.replies[MCP] = in_reverse
    host = start(stand_in.url)
    for request_id in (*range(9), "last"):
        host.send({"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": {"of": request_id}})
    answers = [host.receive() for _ in range(10)]
    assert {answer["id"] for answer in answers} == {*range(9), "last"}
    assert all(answer["result"]["asked"]["of"] == answer["id"] for answer in answers)
    assert host.end() == b""


def test_agent_down_then_up(start: Callable[..., Host], stand_in: StandIn, tmp_path: Path, dead_url: str) -> None:
    config = tmp_path / ".config" / "axonflow" / "config.toml"
    config.parent.mkdir(parents=True)
    config.write_text(f'endpoint = "{dead_url}"\n', encoding="utf-8")
    host = start("")
    initialized = host.ask("initialize", {"protocolVersion": "2025-11-25"})
    assert initialized["result"]["capabilities"] == {"tools": {}}
    host.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
    failed = host.ask("tools/call", {"name": "list_policies"}, 7)
    assert failed["id"] == 7
    assert failed["error"]["code"] == -32603
    assert dead_url in failed["error"]["message"]
    agent_of(stand_in)
    config.write_text(f'endpoint = "{stand_in.url}"\n', encoding="utf-8")
    assert host.ask("tools/call", {"name": "x"}, 8)["result"] == {"asked": {"name": "x"}}
    assert host.end() == b""


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"AXONFLOW_ENDPOINT": "", "AXONFLOW_COMMUNITY_SAAS": "0"}, "No AxonFlow agent is configured"),
        ({"AXONFLOW_TIMEOUT_SECONDS": "abc"}, "AXONFLOW_TIMEOUT_SECONDS"),
        ({"AXONFLOW_AUTH": "s3cret-without-colon"}, "AXONFLOW_AUTH"),
    ],
)
def test_what_is_not_configured_is_a_clear_error(
    start: Callable[..., Host], stand_in: StandIn, environ: dict[str, str], said: str
) -> None:
    host = start(stand_in.url, **environ)
    error = host.ask("tools/list")["error"]
    assert said in error["message"]
    assert "s3cret" not in error["message"]
    assert stand_in.requests == []


def test_every_request_gets_its_answer(start: Callable[..., Host], stand_in: StandIn) -> None:
    refused = {"jsonrpc": "2.0", "id": None, "error": {"code": -32001, "message": "Auth"}}
    table = {
        "JSON-RPC error": (Reply(401, refused), -32001, "Auth"),
        "401": (Reply(401, {"error": {"code": 401, "message": "no"}}), -32603, "HTTP 401"),
        "502": (Reply(502, b"<html>"), -32603, "HTTP 502"),
        "empty": (Reply(200, b""), -32603, "HTTP 200"),
        "list": (Reply(200, [1]), -32603, "HTTP 200"),
        "deep": (Reply(200, b"[" * 100_000), -32603, "HTTP 200"),
        "reset": (Reply(act="reset"), -32603, "cannot be reached"),
        "garbage": (Reply(act="garbage"), -32603, "cannot be reached"),
        "cut": (Reply(act="cut"), -32603, "cannot be reached"),
    }
    host = start(stand_in.url)
    for name, (reply, code, said) in table.items():
        stand_in.replies[MCP] = reply
        answer = host.ask("tools/call", {"name": "x"}, name)
        assert answer["id"] == name
        assert answer["error"]["code"] == code, name
        assert said in answer["error"]["message"]
    host.send({"jsonrpc": "2.0", "method": "notifications/cancelled"})
    assert host.end() == b"", "a failed notification is not answered"


def test_lines_that_are_no_messages(start: Callable[..., Host], stand_in: StandIn) -> None:
    agent_of(stand_in)
    host = start(stand_in.url)
    host.send(b"")
    for line in (b"not json", b"[]", b"5", b"[" * 100_000, b"\xff\xfe", b'{"method": 5}'):
        host.send(line)
        answer = host.receive()
        assert (answer["id"], answer["error"]["code"]) == (None, -32700)
    assert "result" in host.ask("ping", {}, 5), "the next line is read as if nothing had been"
    assert len(stand_in.requests) == 1


def test_a_restarted_agent_that_forgot_the_session(start: Callable[..., Host], stand_in: StandIn) -> None:
    agent_of(stand_in)
    host = start(stand_in.url)
    host.ask("initialize")
    known = stand_in.replies[MCP]
    assert callable(known)
    stand_in.replies[MCP] = lambda request: Reply(404, {}) if "mcp-session-id" in request.headers else known(request)
    assert host.ask("tools/call", {"name": "x"}, 2)["result"] == {"asked": {"name": "x"}}
    assert host.ask("tools/call", {"name": "y"}, 3)["result"] == {"asked": {"name": "y"}}
    assert len(stand_in.requests) == 4, "the old session is tried once"


def test_a_credential_goes_only_to_its_endpoint(start: Callable[..., Host], stand_in: StandIn, tmp_path: Path) -> None:
    agent_of(stand_in)
    folder = tmp_path / ".config" / "axonflow"
    folder.mkdir(parents=True)
    kept = {
        "try-registration.json": {"tenant_id": "cs_1", "secret": "0123456789abcdef0123456789abcdef"},
        "self-hosted-auth.json": {"auth": "other:s3cret", "endpoint": "https://other.example.com"},
    }
    for name, value in kept.items():
        (folder / name).write_text(json.dumps(value), encoding="utf-8")
        (folder / name).chmod(0o600)
    host = start(stand_in.url)
    assert "result" in host.ask("tools/list")
    (request,) = stand_in.requests
    assert "authorization" not in request.headers
    assert b"s3cret" not in request.content
