"""Kept-alive HTTP to the agent: asyncio connections, httptools for the parsing.

Each governed call waits for two answers, so what a client library adds counts twice. Measured per exchange on loopback:
httpx 1.3 ms, httpcore 0.6 to 0.9, aiohttp 0.15, this 0.03; with 32 in flight 250, 310, 7,400 and 37,000 a second.
"""

from __future__ import annotations

import asyncio
import os
import re
import ssl
import sys
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import httptools

from axonflow_hooks.client import MAX_REPLY_BYTES
from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.proxy.agent_link import IDLE_S, Answer, Exchange

if TYPE_CHECKING:
    from axonflow_hooks.proxy.agent_link import Headers

MAX_CONNECTIONS: Final = 64

_OTHER_HEADERS: Final = (
    rb"(?:(?!content-length|transfer-encoding|connection|trailer|upgrade|retry-after)[a-z0-9-]+:[^\r\n]*\r\n)*"
)
_PLAIN: Final = re.compile(
    rb"HTTP/1\.1 200 [^\r\n]*\r\n"
    + _OTHER_HEADERS
    + rb"content-length:[ \t]*([0-9]{1,8})[ \t]*\r\n"
    + _OTHER_HEADERS
    + rb"\r\n",
    re.IGNORECASE,
)
"""The head of an answer that nearly all are like: 200, a length, and nothing that says how to read it."""


class _ConnectionLost(Exception):  # noqa: N818 - reads as what happened
    """The connection ended before the answer was complete."""


class _TooLate(_ConnectionLost):
    """The connection was ended, as its time was over before the answer was complete."""


class _Connection(asyncio.Protocol):
    """One connection: one exchange at a time, under a deadline. One timer serves all of its exchanges."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiting: asyncio.Future[Answer] | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._body_size = 0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self.answering = False
        self.usable = False
        self.idle_since = 0.0
        self._descriptor = -1
        self._parsing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not instances of asyncio's classes.
        self._transport, self.usable = cast("asyncio.Transport", transport), True
        if sys.platform != "win32" and transport.get_extra_info("sslcontext") is None:
            self._descriptor = transport.get_extra_info("socket").fileno()

    def start(self, request: bytes, deadline: float) -> asyncio.Future[Answer]:
        """Send a request and give the future of its answer, which comes before `deadline` (loop time) or not at all."""
        self.answering = False
        self._deadline = deadline
        if self._timer is None or deadline < self._timer.when():
            self._stop_timer()
            self._timer = self._loop.call_at(deadline, self._look_at_time)
        waiting = self._waiting = self._loop.create_future()
        if self._transport is None or not self.usable:
            self._fail(_ConnectionLost())
        else:
            self._write(self._transport, request)
        return waiting

    def _write(self, transport: asyncio.Transport, request: bytes) -> None:
        """Write at once, so that the agent works while the caller goes on; event loops write when it is done."""
        sent = 0
        if self._descriptor >= 0 and not transport.get_write_buffer_size():
            try:
                sent = os.write(self._descriptor, request)  # open as long as the connection is usable
            except OSError:
                sent = 0  # what is wrong, and whether that is more than a full buffer, shows to the transport
        if sent < len(request):
            transport.write(request[sent:])

    def _look_at_time(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() >= self._deadline:
            self._fail(_TooLate())
            self.abort()
        else:
            self._timer = self._loop.call_at(self._deadline, self._look_at_time)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:
            self.abort()  # nobody has asked
            return
        self.answering = True
        if not self._parsing:
            plain = _PLAIN.match(data)
            if plain is not None and len(data) - plain.end() == int(plain[1]):
                self._complete(Answer(200, {}, data[plain.end() :]))
                return
        self._parsing = True
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, data: bytes) -> None:
        self._body.append(data)
        self._body_size += len(data)
        if self._body_size > MAX_REPLY_BYTES:
            self.abort()

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        if status < 200:  # 100 Continue, 103 Early Hints: the answer follows (RFC 9110, 15.2)
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body, self._body_size = [], 0
        self._parsing = False
        self.usable = self.usable and self._parser.should_keep_alive()
        known = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
        self._complete(Answer(status, known, body))
        if not self.usable and self._transport is not None:
            self._transport.close()

    def _complete(self, answer: Answer) -> None:
        waiting, self._waiting = self._waiting, None
        self.idle_since = self._loop.time()
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)

    def eof_received(self) -> bool | None:
        self.usable = False  # its descriptor may be closed from now on
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self.usable = False
        self._stop_timer()
        self._fail(_ConnectionLost())

    def abort(self) -> None:
        """End the connection at once."""
        self.usable = False
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()
        self._fail(_ConnectionLost())

    def _fail(self, error: _ConnectionLost) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.done():
            waiting.set_exception(error)


@dataclass(slots=True)
class DirectLink:
    """Connections to one endpoint, the latest used first."""

    endpoint: str
    _idle: list[_Connection] = field(default_factory=list)
    _free: int = MAX_CONNECTIONS
    _queue: deque[asyncio.Future[None]] = field(default_factory=deque)
    _tls: ssl.SSLContext | None = None
    _heads: dict[str, tuple[Headers, bytes]] = field(default_factory=dict)

    def begin(self, path: str, headers: Headers, extra: Headers, body: bytes, timeout_s: float) -> Exchange | None:
        """Send a request where a kept connection is free."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        connection = self._take_idle(now) if self._free and not self._queue else None
        if connection is None:
            return None
        self._free -= 1
        deadline = now + timeout_s
        answer = connection.start(self._head(path, headers, extra, len(body)) + body, deadline)
        return Exchange(answer, deadline, connection)

    def end(self, exchange: Exchange) -> None:
        """Let its connection be used again."""
        self._let_go(cast("_Connection", exchange.connection))

    async def post(
        self,
        path: str,
        headers: Headers,
        extra: Headers,
        body: bytes,
        timeout_s: float,
        begun: Exchange | None = None,
    ) -> Answer:
        """Send a request that may be repeated: again where it took a kept connection that the server had closed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s if begun is None else begun.deadline
        request = self._head(path, headers, extra, len(body)) + body
        if begun is None:
            await self._slot(timeout_s)
        connection: _Connection | None = None
        try:
            while True:
                kept = self._take_idle(loop.time()) if begun is None else cast("_Connection", begun.connection)
                connection = kept
                if connection is None:
                    connection = await asyncio.wait_for(self._connect(loop), max(0.001, deadline - loop.time()))
                answer = connection.start(request, deadline) if begun is None else begun.answer
                begun = None
                try:
                    return await answer
                except _ConnectionLost as lost:
                    if kept is None or connection.answering or isinstance(lost, _TooLate):
                        raise
                except asyncio.CancelledError:
                    connection.abort()  # the answer would be taken for the next request's
                    raise
        except (asyncio.TimeoutError, TimeoutError, _TooLate):
            raise self._no_answer(timeout_s) from None
        except (OSError, _ConnectionLost) as error:
            name = type(error).__name__.lstrip("_")
            raise AgentUnavailable(f"{self.endpoint} cannot be reached ({name}).") from None
        finally:
            self._let_go(connection)

    async def _slot(self, timeout_s: float) -> None:
        """Wait until one connection more may be used. Raises AgentUnavailable."""
        if self._free and not self._queue:
            self._free -= 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await asyncio.wait_for(asyncio.shield(turn), timeout_s)
        except (asyncio.TimeoutError, asyncio.CancelledError) as error:
            if turn.done():
                self._let_go(None)  # it came too late
            else:
                turn.cancel()
            if isinstance(error, asyncio.CancelledError):
                raise
            raise self._no_answer(timeout_s) from None

    def _let_go(self, connection: _Connection | None) -> None:
        if connection is not None and connection.usable:
            self._idle.append(connection)
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1

    async def aclose(self) -> None:
        """Close what is open."""
        while self._idle:
            self._idle.pop().abort()

    def _head(self, path: str, headers: Headers, extra: Headers, length: int) -> bytes:
        """Give a request up to its body; what every request begins with is written once."""
        known = self._heads.get(path)
        if known is None or known[0] is not headers:
            parts = urlsplit(self.endpoint)
            lines = (f"POST {parts.path}{path} HTTP/1.1", f"Host: {parts.netloc}", *_lines(headers), "")
            known = self._heads[path] = (headers, "\r\n".join(lines).encode("latin-1"))
        more = "".join([f"{name}: {value}\r\n" for name, value in extra.items()])
        return known[1] + f"{more}Content-Length: {length}\r\n\r\n".encode("latin-1")

    def _no_answer(self, timeout_s: float) -> AgentUnavailable:
        return AgentUnavailable(f"{self.endpoint} gave no answer within {timeout_s:g} s.")

    def _take_idle(self, now: float) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < IDLE_S:
                return connection
            connection.abort()
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop) -> _Connection:
        parts = urlsplit(self.endpoint)
        if parts.scheme == "https" and self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        port = parts.port or (443 if parts.scheme == "https" else 80)
        _, connection = await loop.create_connection(
            lambda: _Connection(loop), parts.hostname or "", port, ssl=self._tls
        )
        return connection


def _lines(headers: Headers) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]
