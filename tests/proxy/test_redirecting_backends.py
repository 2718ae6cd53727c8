"""Streamable HTTP servers that redirect: the user is told what to set, and nothing is sent anywhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.proxy.conftest import World


@dataclass
class Server:
    """A server that redirects what comes to a path to another place; `asked` keeps paths and their Authorization."""

    url: str = ""
    location: str = ""
    asked: list[tuple[str, str]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    told = Server()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told.asked.append((self.path, self.headers["Authorization"]))
            self.send_response(307)
            self.send_header("Location", told.location)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads, http.block_on_close = True, False
    told.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield told
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.mark.parametrize(
    ("location", "remedy"),
    [
        pytest.param("/mcp/", "end its url's path with a slash", id="slash"),
        pytest.param("http://localhost:1/mcp/", "set its url to where the server is", id="another server"),
    ],
)
def test_the_user_is_told_what_to_set(world: World, server: Server, location: str, remedy: str) -> None:
    server.location = location
    headers = {"Authorization": {"env": "WEB_TOKEN"}}
    world.waits["backend.WAIT_FOR_RESTART_S"] = 0.1
    client = world.client({"id": "web", "url": f"{server.url}/mcp", "headers": headers}, WEB_TOKEN="Bearer something")
    told = f"it answered HTTP 307, a redirect, which is not followed: {remedy}"
    client.until(lambda: any(told in line for line in client.errors))
    client.until(lambda: told in client.call("look")["error"]["message"])  # while it is tried again, it is starting
    assert {path for path, _ in server.asked} == {"/mcp"}
    assert {sent for _, sent in server.asked} == {"Bearer something"}
