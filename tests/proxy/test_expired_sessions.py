"""Sessions of HTTP servers that expire: what is sent once more, what becomes of others in flight, and what is told."""

from __future__ import annotations

import contextlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.proxy.conftest import DEADLINE_S

if TYPE_CHECKING:
    from tests.proxy.conftest import Client, World

READ = {"name": "read", "inputSchema": {"type": "object"}, "annotations": {"readOnlyHint": True}}
WRITE = {"name": "write", "inputSchema": {"type": "object"}}


@dataclass
class Server:
    """Gives each client a session. The next calls get the `refusals` (status and body; $ID is the id of the call).

    A call with `slow` is answered on the sign `go`. `executed` are the tools that were, `ended` the sessions that the
    proxy has ended.
    """

    url: str = ""
    refusals: deque[tuple[int, str]] = field(default_factory=deque)
    sessions: int = 0
    executed: list[str] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)
    at_work: threading.Event = field(default_factory=threading.Event)
    go: threading.Event = field(default_factory=threading.Event)

    def call(self, body: Any) -> tuple[int, str]:
        """Answer a call of a tool."""
        if body["params"].get("arguments", {}).get("slow"):
            self.at_work.set()
            self.go.wait(DEADLINE_S)
        elif self.refusals:
            status, text = self.refusals.popleft()
            return status, text.replace("$ID", str(body["id"]))
        self.executed.append(body["params"]["name"])
        return 200, json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": {"content": []}})


class Http(ThreadingHTTPServer):
    """The HTTP side of a server."""

    daemon_threads = True
    block_on_close = False
    told: Server

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that went away


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Http

    def do_POST(self) -> None:
        told = self.server.told
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = body.get("method", "")
        if "id" not in body or not method:
            self.whole(202, "")
        elif method == "initialize":
            told.sessions += 1
            version = body["params"]["protocolVersion"]
            info = {"name": "http", "version": "1"}
            given = {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
            answer = {"jsonrpc": "2.0", "id": body["id"], "result": given}
            self.whole(200, json.dumps(answer), session=f"s{told.sessions}")
        elif method == "tools/list":
            self.whole(200, json.dumps({"jsonrpc": "2.0", "id": body["id"], "result": {"tools": [READ, WRITE]}}))
        else:
            self.whole(*told.call(body))

    def do_GET(self) -> None:
        self.whole(405, "")

    def do_DELETE(self) -> None:
        self.server.told.ended.append(self.headers["Mcp-Session-Id"])
        self.whole(200, "")

    def whole(self, status: int, text: str, session: str = "") -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        if session:
            self.send_header("Mcp-Session-Id", session)
        self.send_header("Content-Length", str(len(text.encode())))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    http = Http(("127.0.0.1", 0), Handler)
    http.told = Server(f"http://127.0.0.1:{http.server_address[1]}/mcp")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield http.told
    http.told.go.set()
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def client(world: World, server: Server) -> Client:
    """Give a client that knows the server's tools."""
    client = world.client({"id": "web", "url": server.url})
    assert client.tools() == ["read", "write"]
    return client


def _error(identifier: str, message: str) -> str:
    return f'{{"jsonrpc":"2.0","id":{identifier},"error":{{"code":-32001,"message":"{message}"}}}}'


CERTAIN = {
    "404 without words": (404, ""),
    "404 of nobody": (404, _error("null", "Session not found")),
    "404 as text": (404, "Session not found\n"),
    "400 of nobody": (400, _error('""', "Bad Request: No valid session ID provided")),
}
DOUBTFUL = {
    "404 that answers the call": (404, _error("$ID", "Session not found")),
    "400 that answers the call": (400, _error("$ID", "Invalid session ID")),
    "404 of nobody that speaks of something else": (404, _error("null", "order not found")),
    "404 for another id": (404, _error('"$ID"', "Session not found")),
    "404 with an error of its own": (404, '{"error":"order not found"}'),
    "404 of a web server": (404, "<html><h1>Not Found</h1></html>"),
}


@pytest.mark.parametrize("tool", ["read", "write"])
@pytest.mark.parametrize("refusal", CERTAIN.values(), ids=CERTAIN)
def test_call_that_was_certainly_not_looked_into_is_made_in_a_new_session(
    world: World, server: Server, client: Client, refusal: tuple[int, str], tool: str
) -> None:
    server.refusals.append(refusal)
    assert "result" in client.call(tool)
    assert (server.executed, server.sessions) == ([tool], 2)
    assert world.rows("outcome")[-1]["executed"] is True


@pytest.mark.parametrize("refusal", DOUBTFUL.values(), ids=DOUBTFUL)
def test_call_that_may_have_been_executed_is_made_again_where_it_may_be(
    world: World, server: Server, client: Client, refusal: tuple[int, str]
) -> None:
    server.refusals.append(refusal)
    assert "result" in client.call("read")
    assert (server.executed, server.sessions) == (["read"], 2)
    assert world.rows("outcome")[-1]["executed"] is True


@pytest.mark.parametrize("refusal", DOUBTFUL.values(), ids=DOUBTFUL)
def test_call_that_may_have_been_executed_and_may_not_be_repeated_is_told_so(
    world: World, server: Server, client: Client, refusal: tuple[int, str]
) -> None:
    server.refusals.append(refusal)
    error = client.call("write")["error"]
    assert (error["code"], error["data"]["executed"], error["data"]["retryable"]) == (-32004, "unknown", False)
    assert world.rows("outcome")[-1]["executed"] is None
    assert "result" in client.call("write"), "the next one has a new session"
    assert (server.executed, server.sessions) == (["write"], 2)


@pytest.mark.parametrize("refusal", [*CERTAIN.values(), *DOUBTFUL.values()], ids=[*CERTAIN, *DOUBTFUL])
def test_repeatable_call_is_made_again_only_once(server: Server, client: Client, refusal: tuple[int, str]) -> None:
    server.refusals.extend([refusal] * 2)
    error = client.call("read")["error"]
    assert (error["code"], error["data"]["executed"]) == (-32004, "unknown")
    assert (server.executed, list(server.refusals)) == ([], [])


@pytest.mark.parametrize("refusal", [*CERTAIN.values(), *DOUBTFUL.values()], ids=[*CERTAIN, *DOUBTFUL])
def test_calls_in_flight_are_not_lost_with_the_session_of_another(
    world: World, server: Server, client: Client, refusal: tuple[int, str]
) -> None:
    slow = client.ask("tools/call", {"name": "write", "arguments": {"slow": True}})
    client.until(server.at_work.is_set)
    server.refusals.append(refusal)
    assert "result" in client.call("read")
    server.go.set()
    assert "result" in client.answer(slow)
    assert (server.executed, server.sessions) == (["read", "write"], 2)
    assert client.close() == 0
    assert server.ended == ["s2"], "the server has said itself that the other one is over"


def test_proxy_ends_while_a_call_is_in_a_session_that_has_expired(world: World, server: Server, client: Client) -> None:
    client.ask("tools/call", {"name": "write", "arguments": {"slow": True}})
    client.until(server.at_work.is_set)
    server.refusals.append((404, ""))
    assert "result" in client.call("read")
    with contextlib.suppress(OSError):
        assert client.close() == 0
    assert [row["error"] for row in world.rows("outcome")] == [None, "cancelled"]


def test_call_in_an_expired_session_can_be_cancelled(world: World, server: Server, client: Client) -> None:
    slow = client.ask("tools/call", {"name": "write", "arguments": {"slow": True}})
    client.until(server.at_work.is_set)
    server.refusals.append((404, ""))
    assert "result" in client.call("read")
    client.send({"method": "notifications/cancelled", "params": {"requestId": slow}})
    client.until(lambda: [row for row in world.rows("outcome") if row["error"] == "cancelled"])
    assert "result" in client.call("write")
