"""Streamable HTTP servers that fail in the middle: what was sent is not sent again, and who hangs holds up nobody."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
from collections import Counter
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
    """A server that answers as told: `hang` names methods that get no answer, `status` and `body` are those of calls.

    With `leaves`, it begins the stream of a call's answer, stops to listen, and breaks the stream off; with `quits`, it
    stops to listen once it has answered a call. In a body, $ID is the id of the call. `session` is the id of a session.
    """

    url: str = ""
    hang: frozenset[str] = frozenset()
    status: int = 200
    body: str = "no"
    kind: str = "application/json"
    session: str = ""
    leaves: bool = False
    quits: bool = False
    methods: list[str] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
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
    request_queue_size = 128  # with the usual 5, the system resets some of many calls at once
    told: Server

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that went away


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        assert isinstance(self.server, Http)
        told = self.server.told
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        method = body.get("method", "")
        told.methods.append(method)
        if method == "tools/call" and "n" in body["params"].get("arguments", {}):
            told.numbers.append(body["params"]["arguments"]["n"])
        if method in told.hang:
            told.over.wait()
        elif method == "tools/call" and told.leaves:
            self.begin()
        elif "id" not in body:
            self.whole(202, b"")
        elif method == "tools/call" and told.status != 200:
            if told.quits:
                self.quit()
            text = told.body.replace("$ID", str(body["id"]))
            self.whole(told.status, text.encode("utf-8", "surrogateescape"), told.kind)
        else:
            answer = {"jsonrpc": "2.0", "id": body["id"], "result": _result(body)}
            self.whole(200, json.dumps(answer).encode())

    def do_GET(self) -> None:
        self.whole(405, b"")

    def begin(self) -> None:
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"id: e1\r\nretry: 10\r\ndata:\r\n\r\n")
        self.quit()

    def quit(self) -> None:
        self.close_connection = True
        self.server.shutdown()
        self.server.server_close()

    def whole(self, status: int, content: bytes, kind: str = "application/json") -> None:
        assert isinstance(self.server, Http)
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if self.server.told.session:
            self.send_header("Mcp-Session-Id", self.server.told.session)
        self.send_header("Content-Length", str(len(content)))
        if self.close_connection:  # an end that is not told could meet a request on its way
            self.send_header("Connection", "close")
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


def _error(identifier: str, message: str) -> str:
    return f'{{"jsonrpc":"2.0","id":{identifier},"error":{{"code":-32000,"message":"{message}"}}}}'


FULL = "booked, but the training session is full"
DECLINED = '{"error":"card declined, checkout session closed after charge"}'


@pytest.mark.parametrize(
    ("status", "body", "sent", "code"),
    [
        pytest.param(400, DECLINED, 1, -32004, id="400 that speaks of another session"),
        pytest.param(400, "", 1, -32004, id="400 without words"),
        pytest.param(400, _error("$ID", FULL), 1, -32000, id="400 that answers the call"),
        pytest.param(400, _error("null", FULL), 1, -32000, id="400 of nobody"),
        pytest.param(404, _error("$ID", "charged, but order not found"), 1, -32000, id="404 that answers the call"),
        pytest.param(503, _error("$ID", "half done"), 1, -32000, id="503 that answers the call"),
        pytest.param(500, f"data: {_error('$ID', 'half done')}", 1, -32000, id="500 with an event"),
        pytest.param(404, "", 2, -32004, id="404 without words"),
        pytest.param(404, DECLINED, 1, -32004, id="404 with another body"),
        pytest.param(404, "<html>not found</html>", 1, -32004, id="404 of a web server"),
        pytest.param(404, "\udcff", 1, -32004, id="404 that is not UTF-8"),
        pytest.param(404, _error("null", FULL), 1, -32004, id="404 of nobody that speaks of something else"),
        pytest.param(404, _error('"$ID"', FULL), 1, -32004, id="404 for another id"),
        pytest.param(404, f"data: {_error('null', FULL)}", 1, -32004, id="404 with an event"),
        pytest.param(404, _error("$ID", "Session not found"), 1, -32004, id="404 that answers the call as if expired"),
        pytest.param(400, _error("$ID", "Session not found"), 1, -32004, id="400 that answers the call as if expired"),
        pytest.param(404, _error("null", "Session not found"), 2, -32004, id="404 of nobody"),
        pytest.param(404, _error('"server-error"', "Session not found"), 2, -32004, id="404 of the server"),
        pytest.param(400, _error("null", "Bad Request: No valid session ID provided"), 2, -32004, id="400 for 404"),
        pytest.param(400, "Invalid session ID", 2, -32004, id="400 for 404 as text"),
    ],
)
def test_call_that_was_executed_is_never_said_not_to_be(
    world: World, server: Server, status: int, body: str, sent: int, code: int
) -> None:
    server.session, server.status, server.body = "s-1", status, body
    server.kind = "text/event-stream" if body.startswith("data:") else "application/json"
    client = world.client({"id": "web", "url": server.url})
    error = client.call("write", {"n": 1})["error"]
    assert (error["code"], server.methods.count("tools/call")) == (code, sent)
    if code == -32004:
        assert (error["data"]["executed"], error["data"]["retryable"]) == ("unknown", False)
        assert "not made" not in error["message"]
    assert world.rows("outcome")[-1]["executed"] is not False


def test_call_whose_new_session_never_comes_may_have_been_executed(world: World, server: Server) -> None:
    server.session, server.status, server.body, server.quits = "s-1", 404, "", True
    world.waits["backend.WAIT_FOR_RESTART_S"] = 1.0
    client = world.client({"id": "web", "url": server.url})
    assert client.tools() == ["write"]
    error = client.call("write")["error"]
    assert (error["code"], error["data"]["executed"]) == (-32004, "unknown")
    assert server.methods.count("tools/call") == 1


def test_session_id_that_is_not_visible_ascii_is_refused(world: World, server: Server) -> None:
    server.session = "s\u00e9"
    world.waits["backend.WAIT_FOR_RESTART_S"] = 0.5
    client = world.client({"id": "web", "url": server.url}, world.backend("two"))
    assert "two__echo" in client.tools()
    error = client.call("web__write")["error"]
    assert error["code"] == -32004
    assert "visible ASCII" in error["message"]
    client.until(lambda: [line for line in client.errors if "backend web:" in line and "visible ASCII" in line])
    server.session = "s-1"
    client.until(lambda: "result" in client.call("web__write"))  # it is tried again


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
    client.until(lambda: client.tools() == ["write"])  # on a busy machine that can take longer, too
    server.hang = frozenset({"tools/call", "notifications/cancelled"})
    numbers = itertools.count()
    asked = [
        client.ask("tools/call", {"name": "write", "arguments": {"n": next(numbers)}}) for _ in range(CALLS_THAT_HANG)
    ]
    errors = [client.answer(identifier)["error"] for identifier in asked]
    assert {(error["code"], error["data"]["executed"]) for error in errors} == {(-32004, "unknown")}
    server.hang = frozenset()
    client.until(lambda: "result" in client.call("write", {"n": next(numbers)}))
    assert set(Counter(server.numbers).values()) == {1}
