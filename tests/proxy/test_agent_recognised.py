"""What listens on the agent's port gets nothing of a proxy's before it has proved, once per connection, who it is."""

from __future__ import annotations

import asyncio
import base64
import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.account.local_agent import ensure_credential
from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.proxy.direct_link import DirectLink
from axonflow_hooks.recognition import CHALLENGE_HEADER, PROOF_HEADER, credential_key, proof
from tests.proxy.conftest import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from tests.proxy.conftest import Agent, World

LONG_S = 60.0
CREDENTIAL = b"local:axl1_secret"
HEADERS = {"Authorization": f"Basic {base64.b64encode(CREDENTIAL).decode()}"}


@dataclass
class Listener:
    """Answers on a port: while it is the agent it knows the credential. Keeps each connection's requests.

    With `goodbye` it closes a connection after that many requests; while it is `silent` it answers nothing.
    """

    known: bytes = CREDENTIAL
    goodbye: int = 1_000
    silent: bool = False
    connections: list[list[str]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        requests: list[str] = []
        self.connections.append(requests)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            for _ in range(self.goodbye):
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                requests.append(head.partition(" HTTP/")[0])
                lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:-2])
                await reader.readexactly(int(lines.get("content-length", "0")))
                if self.silent:
                    await reader.read()
                    break
                writer.write(self._reply(lines.get(CHALLENGE_HEADER.lower(), ""), writer))
        writer.close()

    def _reply(self, challenge: str, writer: asyncio.StreamWriter) -> bytes:
        ends: Any = writer.get_extra_info("peername"), writer.get_extra_info("sockname")
        more = f"{PROOF_HEADER}: {proof(credential_key(self.known), challenge, *ends)}\r\n" if challenge else ""
        return f"HTTP/1.1 200 OK\r\n{more}Content-Length: 2\r\n\r\nok".encode()


@contextlib.asynccontextmanager
async def _listening(listener: Listener) -> AsyncIterator[DirectLink]:
    server = await asyncio.start_server(listener.serve, "127.0.0.1", 0)
    link = DirectLink(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    try:
        yield link
    finally:
        await link.aclose()
        server.close()


def _run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(test(), DEADLINE_S)

    asyncio.run(bounded())


@pytest.mark.parametrize(
    ("goodbye", "seen"),
    [
        pytest.param(1_000, [["GET /health", "POST /p", "POST /p", "POST /p"]], id="kept connection"),
        pytest.param(2, [["GET /health", "POST /p"]] * 3, id="new connections"),
    ],
)
def test_the_agent_proves_itself_once_per_connection(goodbye: int, seen: list[list[str]]) -> None:
    async def test() -> None:
        listener = Listener(goodbye=goodbye)
        async with _listening(listener) as link:
            for _ in range(3):
                assert (await link.post("/p", HEADERS, {}, b"x", LONG_S)).body == b"ok"
        assert listener.connections == seen

    _run(test)


def test_a_call_goes_at_once_on_a_connection_that_has_proved_itself_only() -> None:
    async def test() -> None:
        listener = Listener()
        async with _listening(listener) as link:
            await link.post("/p", {}, {}, b"x", LONG_S)
            assert link.begin("/p", HEADERS, {}, b"x", LONG_S) is None
            await link.post("/p", HEADERS, {}, b"x", LONG_S)
            begun = link.begin("/p", HEADERS, {}, b"x", LONG_S)
            assert begun is not None
            assert (await begun.answer).body == b"ok"
            link.end(begun)
        assert listener.connections == [["POST /p"], ["GET /health", "POST /p", "POST /p"]]

    _run(test)


def test_who_takes_the_port_of_an_agent_that_has_left_gets_nothing() -> None:
    async def test() -> None:
        listener = Listener(goodbye=2)
        async with _listening(listener) as link:
            await link.post("/p", HEADERS, {}, b"x", LONG_S)
            listener.known = b"local:axl1_guessed"
            for _ in range(2):
                with pytest.raises(AgentUnavailable, match="has not proved to be your agent"):
                    await link.post("/p", HEADERS, {}, b"x", LONG_S)
        assert listener.connections == [["GET /health", "POST /p"], ["GET /health"], ["GET /health"]]

    _run(test)


@pytest.mark.parametrize("cancelled", [False, True], ids=["late", "cancelled"])
def test_a_listener_that_never_answers_is_given_up(cancelled: bool) -> None:
    async def test() -> None:
        listener = Listener(silent=True)
        async with _listening(listener) as link:
            call = asyncio.ensure_future(link.post("/p", HEADERS, {}, b"x", LONG_S if cancelled else 0.2))
            while cancelled and not (listener.connections and listener.connections[0]):
                await asyncio.sleep(0)
            if cancelled:
                call.cancel()
            with pytest.raises(asyncio.CancelledError if cancelled else AgentUnavailable):
                await call
            listener.silent = False
            assert (await link.post("/p", HEADERS, {}, b"x", LONG_S)).body == b"ok"
        assert listener.connections[-1] == ["GET /health", "POST /p"]
        assert all("POST /p" not in requests for requests in listener.connections[:-1])

    _run(test)


@pytest.mark.parametrize("fail_mode", ["closed", "open"])
def test_an_impostor_gets_neither_credential_nor_statement_nor_result(
    world: World, agent: Agent, fail_mode: str
) -> None:
    agent.server.knows = ensure_credential(resolve_paths({"HOME": str(world.home)}), world.endpoint)
    basic = base64.b64encode(":".join(agent.server.knows).encode()).decode()
    first = world.client()
    first.tools()  # accepted for good, so that the next proxy may call them
    assert "result" in first.call("count")
    assert first.close() == 0
    governed = agent.server.requests.copy()
    assert {request.headers["authorization"] for request in governed} == {f"Basic {basic}"}
    agent.server.knows = None
    client = world.client(AXONFLOW_FAIL_MODE=fail_mode)
    client.tools()
    error = client.call("count", {"text": "a statement"})["error"]
    assert error["code"] == -32003
    assert error["data"]["executed"] is (fail_mode == "open")
    assert "has not proved to be your agent" in error["message"]
    assert len(world.lines("one", "count.txt")) == (2 if fail_mode == "open" else 1)
    assert agent.server.requests[len(governed) :]
    for request in agent.server.requests[len(governed) :]:
        assert (request.method, request.path, request.content) == ("GET", "/health", b"")
        assert "authorization" not in request.headers
