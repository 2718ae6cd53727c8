"""Streamable HTTP in front of a server on stdio, so that a suite that speaks HTTP can look at it.

One process for each session. What the server sends on its own account goes to the stream of the request that came last
and still runs, else to the stream that the client holds open.
"""

from __future__ import annotations

import contextlib
import json
import queue
import subprocess
import threading
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

LOCAL = ("127.0.0.1", "localhost", "[::1]")


class Session:
    """A server's process, and who waits for what of it."""

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._writing = threading.Lock()
        self._open: dict[Any, queue.Queue[bytes | None]] = {}
        self.own: queue.Queue[bytes | None] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def send(self, body: bytes) -> None:
        assert self.process.stdin is not None
        with self._writing, contextlib.suppress(BrokenPipeError):
            self.process.stdin.write(body.replace(b"\n", b" ") + b"\n")
            self.process.stdin.flush()

    def ask(self, identifier: Any, body: bytes) -> queue.Queue[bytes | None]:
        """Send a request and give where its stream comes from: messages, then None."""
        outbox = self._open[identifier] = queue.Queue()
        self.send(body)
        return outbox

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            if "method" in message:
                running = list(self._open.values())
                (running[-1] if running else self.own).put(line)
            elif outbox := self._open.pop(message["id"], None):
                outbox.put(line)
                outbox.put(None)
        for outbox in [*self._open.values(), self.own]:
            outbox.put(None)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                with contextlib.suppress(BrokenPipeError):
                    stream.close()


class Bridge(ThreadingHTTPServer):
    """The HTTP side."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # with the usual 5, the system resets some of many connections at once

    def __init__(self, command: list[str], environ: dict[str, str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.command, self.environ = command, environ
        self.sessions: dict[str, Session] = {}

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that went away are part of the suite


class Handler(BaseHTTPRequestHandler):
    """One request: a message for a session's process, or its own stream."""

    protocol_version = "HTTP/1.1"

    @property
    def bridge(self) -> Bridge:
        assert isinstance(self.server, Bridge)
        return self.server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if not self.is_local():
            self.plain(403)
            return
        message = json.loads(body)
        name = self.headers.get("Mcp-Session-Id", "")
        if message.get("method") == "initialize":
            name = uuid.uuid4().hex
            self.bridge.sessions[name] = Session(self.bridge.command, self.bridge.environ)
        session = self.bridge.sessions.get(name)
        if session is None:
            self.plain(404)
        elif "method" in message and "id" in message:
            self.stream(name, session.ask(message["id"], body))
        else:
            session.send(body)
            self.plain(202)

    def do_GET(self) -> None:
        session = self.bridge.sessions.get(self.headers.get("Mcp-Session-Id", ""))
        if session is None or not self.is_local():
            self.plain(404 if self.is_local() else 403)
        else:
            self.stream("", session.own)

    def do_DELETE(self) -> None:
        session = self.bridge.sessions.pop(self.headers.get("Mcp-Session-Id", ""), None)
        if session is not None:
            session.close()
        self.plain(200 if session is not None else 404)

    def is_local(self) -> bool:
        host = self.headers.get("Host", "").rpartition(":")[0]
        origin = self.headers.get("Origin", "http://localhost:1").partition("//")[2].rpartition(":")[0]
        return host in LOCAL and origin in LOCAL

    def stream(self, name: str, outbox: queue.Queue[bytes | None]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        if name:
            self.send_header("Mcp-Session-Id", name)
        self.end_headers()
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.flush()
            while line := outbox.get():
                self.wfile.write(b"event: message\ndata: " + line + b"\n")
                self.wfile.flush()

    def plain(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


@contextlib.contextmanager
def bridged(command: list[str], environ: dict[str, str]) -> Iterator[str]:
    """Serve a command over HTTP for the length of a `with` block; gives the URL."""
    server = Bridge(command, environ)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/mcp"
    finally:
        for session in server.sessions.values():
            session.close()
        server.shutdown()
        thread.join()
        server.server_close()
