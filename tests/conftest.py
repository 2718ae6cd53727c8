"""What tests of several rooms share: a home folder of their own and a real HTTP server that answers as told."""

from __future__ import annotations

import contextlib
import json
import secrets
import socket
import ssl
import struct
import sys
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Final

import pytest
from hypothesis import HealthCheck, settings

from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.recognition import CHALLENGE_HEADER, PROOF_HEADER, credential_key, proof
from tests.patience import copy_patient

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from axonflow_hooks.paths import Paths

# A busy machine is slow now and then, and the same code passes or fails the same way: neither is a finding.
# To look for new examples: pytest --hypothesis-profile=explore
settings.register_profile("steady", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("explore", settings.get_profile("steady"), derandomize=False)
settings.load_profile("steady")

WAIT_S: Final = 60.0
"""Longer than what is waited for takes on a busy machine: past it, it does not come."""

UNKNOWN_HOST: Final = "agent.invalid"

NO_TLS: Final = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""What HTTP clients without TLS get as `verify`: to read the certificates of the world takes longer than a call."""


@dataclass
class Reply:
    """What the server does with a request; `act` is reply, hang (until the test ends), reset, garbage or cut."""

    status: int = 200
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict)
    act: str = "reply"

    def content(self) -> bytes:
        return self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()


@dataclass
class Received:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    content: bytes

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass
class StandIn:
    """A server on 127.0.0.1. `replies` holds, by path, one reply, a list of them (the last one stays) or a function.

    With the credential that it `knows` it proves to clients that it is their agent.
    """

    url: str = ""
    replies: dict[str, Reply | list[Reply] | Callable[[Received], Reply]] = field(default_factory=dict)
    requests: list[Received] = field(default_factory=list)
    arrived: threading.Condition = field(default_factory=threading.Condition)
    over: threading.Event = field(default_factory=threading.Event)
    knows: tuple[str, str] | None = None

    def to(self, path: str) -> list[Received]:
        with self.arrived:
            return [request for request in self.requests if request.path == path]

    def wait_for(self, path: str, count: int = 1) -> None:
        """Wait until `count` requests to `path` have arrived."""
        with self.arrived:
            there = self.arrived.wait_for(lambda: sum(r.path == path for r in self.requests) >= count, timeout=WAIT_S)
        assert there, f"no {count} requests to {path}"

    def reply_to(self, request: Received) -> Reply:
        with self.arrived:
            self.requests.append(request)
            self.arrived.notify_all()
            chosen = self.replies.get(request.path.partition("?")[0], Reply(404, {"error": "no such route"}))
            if isinstance(chosen, list):
                chosen = chosen.pop(0) if len(chosen) > 1 else chosen[0]
        return chosen if isinstance(chosen, Reply) else chosen(request)


@pytest.fixture
def paths(tmp_path: Path) -> Paths:
    return resolve_paths({"HOME": str(tmp_path / "home")})


@pytest.fixture(scope="session")
def patient_plugin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a copy of the plugin whose hooks are not given up because the machine is busy (see `patience`).

    As in a checkout, its environment is beside it: nothing is to be set up.
    """
    copy = copy_patient(tmp_path_factory.mktemp("patient"))
    (copy / ".venv").symlink_to(sys.prefix)
    return copy


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    server = StandIn()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def answer(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            if server.knows and CHALLENGE_HEADER.lower() in headers:
                key = credential_key(":".join(server.knows).encode())
                ends = self.client_address, self.connection.getsockname()
                self.send(Reply(200, {}, {PROOF_HEADER: proof(key, headers[CHALLENGE_HEADER.lower()], *ends)}))
                return
            reply = server.reply_to(Received(self.command, self.path, headers, content))
            self.close_connection = True
            if reply.act == "hang":
                server.over.wait()
            elif reply.act == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            elif reply.act == "garbage":
                self.wfile.write(b"this is not HTTP\r\n\r\n")
            else:
                self.send(reply)

        def send(self, reply: Reply) -> None:
            body = reply.content()
            self.send_response(reply.status)
            # An end that is not told meets a client's next request on its way, and not every request is repeated.
            ends = {"Connection": "close"} if self.close_connection else {}
            for name, value in {"Content-Type": "application/json", **ends, **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + (100 if reply.act == "cut" else 0)))
            self.end_headers()
            with contextlib.suppress(OSError):
                self.wfile.write(body)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128  # with the usual 5, the system resets some of many calls at once

        def handle_error(self, request: object, client_address: object) -> None:
            pass  # clients that went away are part of many tests

    http = Quiet(("127.0.0.1", 0), Handler)
    server.url = f"http://127.0.0.1:{http.server_address[1]}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.over.set()
    http.shutdown()
    thread.join()
    http.server_close()


@pytest.fixture
def dead_url() -> Iterator[str]:
    """Give the URL of a port on which nothing listens, and nobody else can."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"


@pytest.fixture
def unknown_host(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `UNKNOWN_HOST` be unknown at once: a real name service may take its time, or be away."""
    look_up = socket.getaddrinfo

    def answer(host: Any, *rest: Any, **options: Any) -> Any:
        if host in (UNKNOWN_HOST, UNKNOWN_HOST.encode()):
            raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
        return look_up(host, *rest, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def free_port() -> int:
    """Give a port of this machine that nothing listens on, for a server that is started (again) later.

    It is none of those that the system gives to outgoing connections and to who asks for any: they come and go.
    """
    while True:
        port = secrets.choice(range(10_000, 30_000))
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
