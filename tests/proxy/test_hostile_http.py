"""Streamable HTTP servers that fail in the middle: what was sent is not sent again, and who hangs holds up nobody."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.proxy.conftest import World

CALLS_THAT_HANG = 40


@dataclass
class Server:
    """A server that answers as told: `hang` names methods that get no answer, `status` is that of calls.

    With `leaves`, it begins the stream of a call's answer, stops to listen, and breaks the stream off.
    """

    url: str = ""
    hang: frozenset[str] = frozenset()
    status: int = 200
    leaves: bool = False
    methods: list[str] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


def _result(body: Any) -> Any:
    if body["method"] == "initialize":
        info = {"name": "http", "version": "1"}
        return {
            "protocolVersion": body["params"]["protocolVersion"],
            "capabilities": {"tools": {}},
            "serverInfo": info,
        }
    if body["method"] == "tools/list":
        return {"tools": [{"name": "write", "inputSchema": {"type": "object"}}]}
    return {"content": []}


class Http(ThreadingHTTPServer):
    """The HTTP side of a server."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 64
    told: Server

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that went away


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Http)
        told = self.server.told
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = body.get("method", "")
        told.methods.append(method)
        if method in told.hang:
            told.over.wait()
        elif method == "tools/call" and told.leaves:
            self.begin()
        elif "id" not in body:
            self.whole(202, b"")
        else:
            status = told.status if method == "tools/call" else 200
            answer = {"jsonrpc": "2.0", "id": body["id"], "result": _result(body)}
            self.whole(status, json.dumps(answer).encode() if status == 200 else b"no")

    def do_GET(self) -> None:
        self.whole(405, b"")

    def begin(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"id: e1\r\nretry: 10\r\ndata:\r\n\r\n")
        self.server.shutdown()
        self.server.server_close()

    def whole(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    http = Http(("127.0.0.1", 0), Handler)
    http.told = Server(f"http://127.0.0.1:{http.server_address[1]}/mcp")
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield http.told
    http.told.over.set()
    with contextlib.suppress(OSError):
        http.shutdown()
    thread.join()
    http.server_close()


def test_call_whose_stream_cannot_be_taken_up_is_not_sent_again(world: World, server: Server) -> None:
    client = world.client({"id": "web", "url": server.url})
    client.tools()
    server.leaves = True
    error = client.call("write")["error"]
    assert (error["code"], error["data"]["executed"], error["data"]["retryable"]) == (-32004, "unknown", False)
    assert server.methods.count("tools/call") == 1


@pytest.mark.parametrize(
    ("status", "executed"),
    [
        pytest.param(401, False, id="401"),
        pytest.param(429, False, id="429"),
        pytest.param(408, "unknown", id="408"),
        pytest.param(409, "unknown", id="409"),
        pytest.param(422, "unknown", id="422"),
        pytest.param(502, "unknown", id="502"),
    ],
)
def test_refused_call_is_not_sent_again(world: World, server: Server, status: int, executed: object) -> None:
    client = world.client({"id": "web", "url": server.url})
    client.tools()
    server.status = status
    error = client.call("write")["error"]
    assert (error["code"], error["data"]["executed"]) == (-32004, executed)
    assert server.methods.count("tools/call") == 1


def test_server_that_takes_nothing_holds_up_nobody(world: World, server: Server) -> None:
    client = world.client({"id": "web", "url": server.url}, AXONFLOW_BACKEND_TIMEOUT="3s")
    client.tools()
    server.hang = frozenset({"tools/call", "notifications/cancelled"})
    asked = [client.ask("tools/call", {"name": "write"}) for _ in range(CALLS_THAT_HANG)]
    errors = [client.answer(identifier)["error"] for identifier in asked]
    assert {(error["code"], error["data"]["executed"]) for error in errors} == {(-32004, "unknown")}
    server.hang = frozenset()
    assert "result" in client.call("write")
    assert server.methods.count("tools/call") == CALLS_THAT_HANG + 1
