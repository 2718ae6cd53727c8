"""Backends over Streamable HTTP: JSON and SSE, sessions that expire, streams that break, servers that refuse."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from tests.proxy.conftest import MASK, SSN

if TYPE_CHECKING:
    from tests.proxy.conftest import World


@dataclass
class Server:
    """A Streamable HTTP server; `style` is json or sse, `fail` maps a method to (status, body) for one time."""

    url: str = ""
    style: str = "json"
    sessions: set[str] = field(default_factory=set)
    seen: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)
    fail: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    breaks: bool = False
    parted: dict[str, Any] = field(default_factory=dict)
    pushed: list[Any] = field(default_factory=list)
    expired_status: int = 404
    over: threading.Event = field(default_factory=threading.Event)

    def methods(self) -> list[str]:
        return [body.get("method", "") for kind, _, body in self.seen if kind == "POST"]

    def result(self, body: Any) -> Any:
        method, params = body["method"], body.get("params", {})
        if method == "initialize":
            info = {"name": "http", "version": "1"}
            version = params["protocolVersion"]
            return {"protocolVersion": version, "capabilities": {"tools": {}}, "serverInfo": info}
        if method == "tools/list":
            return {"tools": [{"name": "echo", "inputSchema": {"type": "object"}}]}
        return {"content": [{"type": "text", "text": json.dumps(params.get("arguments"))}]}


@pytest.fixture
def server() -> Iterator[Server]:  # noqa: C901 - a whole server, and it needs what it is told
    made = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._note("POST", body)
            session = self.headers.get("Mcp-Session-Id", "")
            method = body.get("method", "")
            if method != "initialize" and session not in made.sessions:
                self._whole(
                    made.expired_status, b'{"jsonrpc":"2.0","error":{"code":-32000,"message":"Session not found"}}'
                )
            elif method in made.fail:
                status, content = made.fail.pop(method)
                self._whole(status, content)
            elif "id" not in body or not method:
                self._whole(202, b"")
            else:
                self._answer(body)

        def _answer(self, body: Any) -> None:
            headers = {}
            if body["method"] == "initialize":
                headers["Mcp-Session-Id"] = f"s{len(made.sessions)}"
                made.sessions.add(headers["Mcp-Session-Id"])
            message = {"jsonrpc": "2.0", "id": body["id"], "result": made.result(body)}
            if made.style == "json":
                self._whole(200, json.dumps(message).encode(), headers)
            elif made.breaks and body["method"] == "tools/call":
                made.parted["e1"] = message
                self._stream(b"id: e1\r\nretry: 10\r\ndata:\r\n\r\n", headers)
            else:
                other = {"jsonrpc": "2.0", "id": 999, "result": {"content": "not yours"}}
                events = f": hello\r\n\r\ndata: {json.dumps(other)}\r\n\r\nevent: message\r\n"
                first, second = json.dumps(message, indent=0).split("\n", 1)
                lines = "\r\n".join(f"data: {line}" for line in (first, *second.split("\n")))
                self._stream(f"{events}{lines}\r\n\r\n".encode(), headers)

        def do_GET(self) -> None:
            self._note("GET", {})
            last = self.headers.get("Last-Event-ID", "")
            if last in made.parted:
                self._stream(f"data: {json.dumps(made.parted.pop(last))}\n\n".encode(), {})
            elif made.pushed and not last:
                self.close_connection = True
                self.send_response(200)
                self.send_header("Content-Type", "text/event-stream")
                self.end_headers()
                for message in made.pushed:
                    self.wfile.write(f"data: {json.dumps(message)}\n\n".encode())
                self.wfile.flush()
                made.over.wait()
            else:
                self._whole(405, b"")

        def do_DELETE(self) -> None:
            self._note("DELETE", {})
            self._whole(200, b"")

        def _note(self, kind: str, body: Any) -> None:
            made.seen.append((kind, {name.lower(): value for name, value in self.headers.items()}, body))

        def _whole(self, status: int, content: bytes, headers: dict[str, str] | None = None) -> None:
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def _stream(self, content: bytes, headers: dict[str, str]) -> None:
            self.close_connection = True
            self.send_response(200)
            for name, value in {"Content-Type": "text/event-stream; charset=utf-8", **headers}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128  # with the usual 5, the system resets some of many calls at once

        def handle_error(self, request: object, client_address: object) -> None:
            pass

    http = Quiet(("127.0.0.1", 0), Handler)
    made.url = f"http://127.0.0.1:{http.server_address[1]}/mcp"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield made
    made.over.set()
    with contextlib.suppress(OSError):
        http.shutdown()
    thread.join()
    http.server_close()


@pytest.mark.parametrize("style", ["json", "sse"])
def test_calls_over_http(world: World, server: Server, style: str) -> None:
    server.style = style
    client = world.client({"id": "web", "url": server.url, "headers": {"Authorization": {"env": "TOKEN"}}}, TOKEN="t0")
    assert client.tools() == ["echo"]
    assert client.call("echo", {"who": SSN})["result"]["content"][0]["text"] == json.dumps({"who": MASK})
    client.close()
    calls = [headers for kind, headers, body in server.seen if body.get("method") == "tools/call"]
    assert calls[0]["authorization"] == "t0"
    assert calls[0]["mcp-session-id"] == "s0"
    assert calls[0]["mcp-protocol-version"] == "2025-11-25"
    assert calls[0]["accept"] == "application/json, text/event-stream"
    assert [kind for kind, _, _ in server.seen][-1] == "DELETE"
    assert server.methods()[:2] == ["initialize", "notifications/initialized"]


@pytest.mark.parametrize("status", [404, 400])
def test_expired_session_is_renewed_and_the_call_made_once(world: World, server: Server, status: int) -> None:
    server.expired_status = status
    client = world.client({"id": "web", "url": server.url})
    client.call("echo")
    server.sessions.clear()
    server.sessions.add("other")
    assert "result" in client.call("echo", {"n": 2})
    assert server.methods().count("initialize") == 2
    assert server.methods().count("tools/call") == 3  # the one in the middle was refused unread


def test_broken_stream_is_taken_up_by_its_last_event(world: World, server: Server) -> None:
    server.style, server.breaks = "sse", True
    client = world.client({"id": "web", "url": server.url})
    assert "result" in client.call("echo", {"n": 1})
    assert server.methods().count("tools/call") == 1


@pytest.mark.parametrize(
    ("status", "content", "code", "executed"),
    [
        pytest.param(500, b"<html>secret-body</html>", -32004, "unknown", id="500"),
        pytest.param(403, b"secret-body", -32004, False, id="403"),
        pytest.param(
            400, b'{"jsonrpc":"2.0","id":null,"error":{"code":-32602,"message":"bad"}}', -32602, None, id="error"
        ),
        pytest.param(200, b"not json", -32004, "unknown", id="not JSON"),
    ],
)
def test_refused_calls(world: World, server: Server, status: int, content: bytes, code: int, executed: object) -> None:
    client = world.client({"id": "web", "url": server.url})
    client.tools()
    server.fail["tools/call"] = (status, content)
    if executed is False:  # it may be sent again, and is refused each time
        server.fail = Always({"tools/call": (status, content)})
    answer = client.call("echo")
    assert answer["error"]["code"] == code
    assert "secret-body" not in client.raw[answer["id"]]
    assert answer["error"].get("data", {}).get("executed") == executed


class Always(dict[str, Any]):
    """Failures that stay."""

    def pop(self, key: str, *_: Any) -> Any:
        return self[key]


def test_server_messages_come_over_the_open_stream(world: World, server: Server) -> None:
    server.pushed = [
        {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": SSN}},
        {"jsonrpc": "2.0", "id": 1, "method": "ping"},
    ]
    client = world.client({"id": "web", "url": server.url})
    assert client.notification("notifications/message")["params"]["data"] == MASK
    client.until(lambda: [body for _, _, body in server.seen if body.get("id") == 1 and "result" in body])


def test_server_that_is_down_comes_up(world: World, server: Server, dead_url: str) -> None:
    world.waits["backend.WAIT_FOR_RESTART_S"] = 0.5
    client = world.client({"id": "web", "url": f"{dead_url}/mcp"}, world.backend("one"))
    assert not [tool for tool in client.tools() if tool.startswith("web")]
    assert client.call("web__echo")["error"]["code"] == -32004
