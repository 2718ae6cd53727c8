"""The credential goes to the agent and to nobody who has taken its port (real sockets, real agent)."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import socketserver
import threading
from functools import partial
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest

from axonflow_hooks.account.local_agent import ensure_credential
from axonflow_hooks.client import AgentClient, Connection, new_http_client
from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.proxy.agent_link import HttpxLink
from axonflow_hooks.proxy.direct_link import DirectLink
from axonflow_hooks.recognition import (
    CHALLENGE_HEADER,
    PROOF_HEADER,
    credential_key,
    is_challenge,
    proof,
    wants_proof,
)
from axonflow_hooks.wire.mcp_tools import CheckPolicyArguments
from tests.agent.conftest import running_agent as running_agent
from tests.conftest import NO_TLS

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.paths import Paths
    from tests.agent.conftest import AgentProcess

CHECK = CheckPolicyArguments(connector_type="claude_code.Bash", statement="ls -la")
KEY = credential_key(b"local:axl1_secret")
ENDS = (("127.0.0.1", 4000), ("127.0.0.1", 8080))


def basic_of(credential: tuple[str, str]) -> str:
    return base64.b64encode(":".join(credential).encode()).decode()


def check(endpoint: str, basic: str, times: int = 1) -> list[bool]:
    async def work() -> list[bool]:
        async with new_http_client(endpoint) as http:
            agent = AgentClient(Connection(endpoint, basic=basic), http)
            return [(await agent.check_policy(CHECK, session_id="", timeout_s=60)).allowed for _ in range(times)]

    return asyncio.run(work())


async def _ask(http: httpx.AsyncClient, endpoint: str, basic: str) -> None:
    agent = AgentClient(Connection(endpoint, basic=basic), http)
    if basic:
        await agent.check_policy(CHECK, session_id="", timeout_s=60)
    else:
        await agent.health(timeout_s=60)


def by_client(endpoint: str, *basics: str) -> None:
    """Ask through the client of the hooks and commands, once with each credential ("" for none)."""

    async def work() -> None:
        async with new_http_client(endpoint) as http:
            for basic in basics:
                await _ask(http, endpoint, basic)

    asyncio.run(work())


def by_link(kind: type[DirectLink] | type[HttpxLink], endpoint: str, *basics: str) -> None:
    """Ask through a link of the proxy, once with each credential ("" for none)."""

    async def work() -> None:
        link = kind(endpoint)
        try:
            for basic in basics:
                headers = {"Authorization": f"Basic {basic}"} if basic else {}
                await link.post("/api/v1/decide", headers, {}, b'{"query":"ls -la"}', 60.0)
        finally:
            await link.aclose()

    asyncio.run(work())


WAYS = pytest.mark.parametrize(
    "ask",
    [
        pytest.param(by_client, id="client"),
        pytest.param(partial(by_link, DirectLink), id="direct link"),
        pytest.param(partial(by_link, HttpxLink), id="link through httpx"),
    ],
)


def test_the_agent_is_recognised_and_the_connection_kept(running_agent: AgentProcess) -> None:
    assert check(running_agent.endpoint, basic_of(running_agent.credential), times=3) == [True] * 3


@WAYS
@pytest.mark.parametrize("name", ["localhost", "127.0.0.1"])
def test_it_is_recognised_by_every_name(running_agent: AgentProcess, name: str, ask: Callable[..., None]) -> None:
    endpoint, basic = f"http://{name}:{urlsplit(running_agent.endpoint).port}", basic_of(running_agent.credential)
    ask(endpoint, basic, basic)


class Impostor:
    """Listens and keeps all that it is sent; answers with what `reply` gives for what came, None to close."""

    def __init__(self, reply: Callable[[bytes], bytes | None]) -> None:
        self.received = b""
        outer = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                while data := self.request.recv(65_536):
                    outer.received += data
                    answer = reply(data)
                    if answer is None:
                        return
                    self.request.sendall(answer)

        self.server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"

    def __enter__(self) -> Impostor:
        self._thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self._thread.join()
        self.server.server_close()


def ok(body: bytes = b"{}", headers: dict[str, str] | None = None) -> bytes:
    lines = [f"Content-Length: {len(body)}", *(f"{name}: {value}" for name, value in (headers or {}).items())]
    return "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode() + body


@WAYS
@pytest.mark.parametrize(
    "reply",
    [
        pytest.param(lambda _: ok(), id="no-proof"),
        pytest.param(lambda _: ok(headers={PROOF_HEADER: "0" * 64}), id="false-proof"),
        pytest.param(lambda _: ok(headers={PROOF_HEADER: "é"}), id="no-hex"),
        pytest.param(lambda _: b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", id="another-server"),
        pytest.param(lambda _: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="chunked"),
        pytest.param(lambda _: b"SSH-2.0-x\r\n\r\n", id="no-http"),
        pytest.param(lambda _: b"x" * 70_000, id="endless"),
        pytest.param(lambda _: None, id="closed"),
    ],
)
def test_nobody_else_gets_the_credential_or_the_statement(
    paths: Paths, reply: Callable[[bytes], bytes | None], ask: Callable[..., None]
) -> None:
    with Impostor(reply) as impostor:
        basic = basic_of(ensure_credential(paths, impostor.endpoint))
        with pytest.raises(AgentUnavailable, match="has not proved to be your agent, so nothing was sent to it"):
            ask(impostor.endpoint, basic)
    assert impostor.received.startswith(b"GET /health HTTP/1.1\r\n")
    assert basic.encode() not in impostor.received
    assert b"authorization" not in impostor.received.lower()
    assert b"ls -la" not in impostor.received


@WAYS
@pytest.mark.parametrize("before", ["", basic_of(("org", "licence"))], ids=["none", "another"])
def test_a_connection_opened_without_a_proof_never_carries_the_credential(
    paths: Paths, ask: Callable[..., None], before: str
) -> None:
    """Whoever listens may answer what carries another credential or none, and wait for the next request."""
    text = '{"allowed":true}'
    told = {"status": "healthy", "jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}]}}
    with Impostor(lambda _: ok(json.dumps(told).encode())) as impostor:
        basic = basic_of(ensure_credential(paths, impostor.endpoint))
        with pytest.raises(AgentUnavailable, match="has not proved"):
            ask(impostor.endpoint, before, basic)
    assert impostor.received.count(CHALLENGE_HEADER.encode()) == 1
    assert basic.encode() not in impostor.received


@WAYS
def test_a_proof_fetched_from_the_true_agent_is_for_another_connection(
    running_agent: AgentProcess, ask: Callable[..., None]
) -> None:
    place = urlsplit(running_agent.endpoint)

    def relayed(request: bytes) -> bytes:
        with socket.create_connection((place.hostname, place.port or 0), timeout=60) as link:
            host = f"Host: {place.netloc}".encode()
            lines = [host if line.lower().startswith(b"host:") else line for line in request.split(b"\r\n")]
            link.sendall(b"\r\n".join([lines[0], b"Connection: close", *lines[1:]]))
            with link.makefile("rb") as answer:
                return answer.read()

    with Impostor(relayed) as impostor:
        basic = basic_of(running_agent.credential)
        with pytest.raises(AgentUnavailable, match="has not proved"):
            ask(impostor.endpoint, basic)
    assert basic.encode() not in impostor.received


def test_other_credentials_go_to_agents_that_know_no_challenge() -> None:
    body = b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"{\\"allowed\\":true}"}]}}'
    with Impostor(lambda _: ok(body)) as platform:
        assert check(platform.endpoint, basic_of(("org", "licence"))) == [True]
    assert CHALLENGE_HEADER.encode() not in platform.received


def test_the_proof_is_bound_to_all_that_it_is_for() -> None:
    challenge = "ab" * 32
    good = proof(KEY, challenge, *ENDS)
    others: list[tuple[bytes, str, Any, Any]] = [
        (credential_key(b"local:axl1_other"), challenge, *ENDS),
        (KEY, "cd" * 32, *ENDS),
        (KEY, challenge, ("127.0.0.1", 4001), ENDS[1]),
        (KEY, challenge, ENDS[0], ("::1", 8080)),
        (KEY, challenge, ENDS[0], ("127.0.0.1", 8081)),
        (KEY, challenge, ENDS[1], ENDS[0]),
    ]
    assert len({good, *(proof(*other) for other in others)}) == 7
    assert proof(KEY, challenge, ("::ffff:127.0.0.1", 4000, 0, 0), ENDS[1]) == good


@pytest.mark.parametrize("end", [None, "127.0.0.1", ("127.0.0.1",), ("nowhere", 1)], ids=str)
def test_an_end_that_is_none_is_refused(end: Any) -> None:
    with pytest.raises(ValueError, match=r".*"):
        proof(KEY, "ab" * 32, end, ENDS[1])


@pytest.mark.parametrize(
    ("text", "expected"),
    [("ab" * 32, True), ("AB" * 32, False), ("ab" * 31, False), ("", False), ("ab" * 32 + "\n", False)],
)
def test_what_a_challenge_is(text: str, expected: bool) -> None:
    assert is_challenge(text) is expected


def test_only_credentials_of_this_kind_want_a_proof(paths: Paths) -> None:
    assert wants_proof(":".join(ensure_credential(paths, "http://localhost:8080")).encode())
    assert not wants_proof(b"axl1_x:secret")
    assert not wants_proof(b"local:secret")


def test_health_without_a_challenge_proves_nothing(running_agent: AgentProcess) -> None:
    for headers in ({}, {CHALLENGE_HEADER: "not one"}):
        reply = httpx.get(
            f"{running_agent.endpoint}/health", headers=headers, timeout=60, trust_env=False, verify=NO_TLS
        )
        assert PROOF_HEADER.lower() not in reply.headers
