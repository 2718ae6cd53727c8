"""Kept-alive connections to an agent: used again, replaced when they are stale, never mixed up."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.proxy.agent_link import Answer, HttpxLink, link_to, needs_proxy
from axonflow_hooks.proxy.direct_link import DirectLink, _Connection
from axonflow_hooks.proxy.pending import Pending
from tests.proxy.conftest import DEADLINE_S

LONG_S = 60.0
Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def _serving(handle: Handler) -> AsyncIterator[str]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await handle(reader, writer)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


class _Transport(asyncio.Transport):
    """Takes what is written."""

    def __init__(self) -> None:
        super().__init__()
        self.written: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written.append(bytes(data))

    def close(self) -> None:
        """Nothing is open."""

    def abort(self) -> None:
        """Nothing is open."""


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    length = next(int(line[15:]) for line in head.split("\r\n") if line.lower().startswith("content-length:"))
    return head, await reader.readexactly(length)


def _reply(body: bytes, status: str = "200 OK", more: str = "") -> bytes:
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\n{more}\r\n".encode() + body


def _run(test: Callable[[], Awaitable[Any]]) -> Any:
    async def bounded() -> Any:
        return await asyncio.wait_for(test(), DEADLINE_S)

    return asyncio.run(bounded())


def test_one_connection_is_used_again() -> None:
    connections: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            head, body = await _request(reader)
            assert head.startswith("POST /base/p HTTP/1.1\r\nHost: 127.0.0.1:")
            assert "X-A: 1\r\nX-B: 2\r\n" in head
            writer.write(_reply(body, more="Retry-After: 3\r\n"))

    async def test() -> None:
        async with _serving(handle) as url:
            link, static = DirectLink(f"{url}/base"), {"X-A": "1"}
            for number in range(5):
                answer = await link.post("/p", static, {"X-B": "2"}, b"%d" % number, LONG_S)
                assert (answer.status, answer.body) == (200, b"%d" % number)
                assert answer.headers["retry-after"] == "3"
            await link.aclose()

    _run(test)
    assert len(connections) == 1


def test_changed_headers_are_sent() -> None:
    seen: list[str] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            head, _ = await _request(reader)
            seen.append(head)
            writer.write(_reply(b""))

    async def test() -> None:
        async with _serving(handle) as url:
            link = DirectLink(url)
            await link.post("/p", {"X-A": "old"}, {}, b"", LONG_S)
            await link.post("/p", {"X-A": "new"}, {}, b"", LONG_S)
            await link.aclose()

    _run(test)
    assert "X-A: new" in seen[1]


@pytest.mark.parametrize("goodbye", ["", "Connection: close\r\n"], ids=["silently", "announced"])
def test_connection_that_the_server_has_closed_is_replaced(goodbye: str) -> None:
    connections: list[int] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        await _request(reader)
        writer.write(_reply(b"ok", more=goodbye))
        await writer.drain()

    async def test() -> None:
        async with _serving(handle) as url:
            link = DirectLink(url)
            for _ in range(3):
                assert (await link.post("/p", {}, {}, b"x", LONG_S)).body == b"ok"
            await link.aclose()

    _run(test)
    assert len(connections) == 3


def test_exchange_that_was_begun_is_waited_for() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, body = await _request(reader)
            if body == b"lost":
                break
            writer.write(_reply(body))

    async def test() -> None:
        async with _serving(handle) as url:
            link = DirectLink(url)
            assert link.begin("/p", {}, {}, b"early", LONG_S) is None  # there is no connection yet
            await link.post("/p", {}, {}, b"first", LONG_S)
            begun = link.begin("/p", {}, {}, b"one", LONG_S)
            assert begun is not None
            assert link.begin("/p", {}, {}, b"two", LONG_S) is None  # the connection is in use
            assert (await begun.answer).body == b"one"
            link.end(begun)
            again = link.begin("/p", {}, {}, b"two", LONG_S)
            assert again is not None
            assert (await link.post("/p", {}, {}, b"two", LONG_S, again)).body == b"two"
            lost = link.begin("/p", {}, {}, b"lost", LONG_S)
            assert lost is not None
            assert (await link.post("/p", {}, {}, b"sent again", LONG_S, lost)).body == b"sent again"
            await link.aclose()

    _run(test)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"], id="whole"),
        pytest.param([b"HTTP/1.1 200 OK\r\nDate: x\r\ncontent-length:2\r\nServer: y\r\n\r\nok"], id="other headers"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-", b"Length: 2\r\n\r\no", b"k"], id="in pieces"),
        pytest.param([b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", b"ok"], id="head alone"),
        pytest.param([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"], id="chunked"),
        pytest.param([b"HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok"], id="kept"),
    ],
)
def test_answers_are_read_however_they_come(pieces: list[bytes]) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        transport = _Transport()
        connection = _Connection(loop)
        connection.connection_made(transport)
        for _ in range(2):
            answer = connection.start(b"x", loop.time() + 60.0)
            for piece in pieces:
                connection.data_received(piece)
            assert (await answer)[::2] == (200, b"ok")
        assert transport.written == [b"x", b"x"]
        assert connection.usable
        connection.connection_lost(None)

    _run(test)


def test_who_waits_for_a_connection_is_served_or_gives_up() -> None:
    async def test() -> None:
        gate = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                _, body = await _request(reader)
                await gate.wait()
                writer.write(_reply(body))

        async with _serving(handle) as url:
            link = DirectLink(url, _free=1)
            first = asyncio.ensure_future(link.post("/p", {}, {}, b"first", LONG_S))
            await asyncio.sleep(0)
            second = asyncio.ensure_future(link.post("/p", {}, {}, b"second", LONG_S))
            cancelled = asyncio.ensure_future(link.post("/p", {}, {}, b"cancelled", LONG_S))
            with pytest.raises(AgentUnavailable, match=r"within 0\.05 s"):
                await link.post("/p", {}, {}, b"late", 0.05)
            cancelled.cancel()
            gate.set()
            assert [(await task).body for task in (first, second)] == [b"first", b"second"]
            third = link.begin("/p", {}, {}, b"third", LONG_S)
            assert third is not None
            assert (await third.answer).body == b"third"
            link.end(third)
            await link.aclose()

    _run(test)


def test_many_at_once_get_their_own_answers() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            _, body = await _request(reader)
            await asyncio.sleep(0)
            writer.write(b"HTTP/1.1 100 Continue\r\n\r\n" + _reply(body))

    async def test() -> None:
        async with _serving(handle) as url:
            link = DirectLink(url)
            answers = await asyncio.gather(*(link.post("/p", {}, {}, b"%d" % n, LONG_S) for n in range(200)))
            assert [answer.body for answer in answers] == [b"%d" % n for n in range(200)]
            await link.aclose()

    _run(test)


def test_answer_after_the_deadline_is_not_taken_for_another() -> None:
    async def test() -> None:
        gate = asyncio.Event()

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while True:
                _, body = await _request(reader)
                if body == b"slow":
                    await gate.wait()
                writer.write(_reply(body))

        async with _serving(handle) as url:
            link = DirectLink(url)
            with pytest.raises(AgentUnavailable, match=r"within 0\.1 s"):
                await link.post("/p", {}, {}, b"slow", 0.1)
            gate.set()
            assert (await link.post("/p", {}, {}, b"next", LONG_S)).body == b"next"
            task = asyncio.ensure_future(link.post("/p", {}, {}, b"cancelled", LONG_S))
            await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert (await link.post("/p", {}, {}, b"after", LONG_S)).body == b"after"
            await link.aclose()

    _run(test)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort", id="cut"),
        pytest.param(b"this is not HTTP\r\n\r\n", id="not HTTP"),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", id="upgrade"),
    ],
)
def test_what_is_no_answer_is_unavailable(sent: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _request(reader)
        writer.write(sent)
        await writer.drain()

    async def test() -> None:
        async with _serving(handle) as url:
            with pytest.raises(AgentUnavailable):
                await DirectLink(url).post("/p", {}, {}, b"x", LONG_S)

    _run(test)


def test_nobody_there(dead_url: str) -> None:
    async def test() -> None:
        with pytest.raises(AgentUnavailable, match="cannot be reached"):
            await DirectLink(dead_url).post("/p", {}, {}, b"x", LONG_S)

    _run(test)


@pytest.mark.parametrize(
    ("endpoint", "environ", "wanted"),
    [
        ("https://a.example", {"https_proxy": "http://p.example:3128"}, True),
        ("https://a.example", {"https_proxy": "http://p.example:3128", "no_proxy": "a.example"}, False),
        ("http://127.0.0.1:8080", {"http_proxy": "http://p.example:3128"}, False),
        ("https://a.example", {}, False),
    ],
)
def test_proxy_servers_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, environ: dict[str, str], wanted: bool
) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert needs_proxy(endpoint) is wanted
    assert isinstance(link_to(endpoint, behind_proxy=wanted), HttpxLink if wanted else DirectLink)


def test_link_through_httpx_answers_the_same() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head, body = await _request(reader)
        writer.write(_reply(body + str(head.lower().count("x-")).encode(), "403 Forbidden"))
        await writer.drain()

    async def test() -> None:
        async with _serving(handle) as url:
            link = HttpxLink(url)
            answer = await link.post("/p", {"X-A": "1"}, {"X-B": "2"}, b"n", LONG_S)
            assert (answer.status, answer.body) == (403, b"n2")
            await link.aclose()

    _run(test)


def test_without_httptools_httpx_takes_over(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "axonflow_hooks.proxy.direct_link")
    monkeypatch.setitem(sys.modules, "httptools", None)
    assert isinstance(link_to("http://127.0.0.1:1", behind_proxy=False), HttpxLink)


@pytest.mark.parametrize(
    ("answer", "usable"),
    [
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True, id="plain"),
        pytest.param(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True, id="parsed"),
        pytest.param(2 * b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", False, id="twice"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok\0\0", False, id="and rubbish"),
    ],
)
def test_who_takes_an_answer_may_ask_again_at_once(answer: bytes, usable: bool) -> None:
    async def test() -> None:
        loop = asyncio.get_running_loop()
        transport = _Transport()
        connection = _Connection(loop)
        connection.connection_made(transport)
        link = DirectLink("http://agent", _idle=[connection])
        connection.idle_since = loop.time()
        first = link.begin("/p", {}, {}, b"one", 60.0)
        assert first is not None
        taken: list[bytes] = []
        again: list[object] = []

        def take(pending: Pending[Answer]) -> None:
            taken.append(pending.result().body)
            link.end(first)
            again.append(link.begin("/p", {}, {}, b"two", 60.0))

        first.answer.then(take)
        connection.data_received(answer)
        assert taken == [b"ok"]
        assert [exchange is not None for exchange in again] == [usable]  # nothing left over answers what is asked next
        assert len(transport.written) == (2 if usable else 1)
        connection.connection_lost(None)

    _run(test)
