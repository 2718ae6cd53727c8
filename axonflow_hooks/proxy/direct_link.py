"""Kept-alive HTTP to the agent: asyncio connections, httptools for the parsing.

Each governed call waits for two answers, so what a client library adds counts twice. Measured per exchange on loopback:
httpx 1.3 ms, httpcore 0.6 to 0.9, aiohttp 0.15, this 0.03; with 32 in flight 250, 310, 7,400 and 37,000 a second.

What listens on this machine has to prove on each new connection that it is the agent, before it is sent anything (see
`axonflow_hooks.recognition`); a connection carries only requests of the kind of credential that it was opened for.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

import httptools

from axonflow_hooks.client import MAX_REPLY_BYTES
from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.proxy.agent_link import IDLE_S, Answer, Exchange, tls_context
from axonflow_hooks.proxy.pending import Pending
from axonflow_hooks.recognition import PROOF_HEADER, Challenge, proving_key
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    import ssl

    from axonflow_hooks.proxy.agent_link import Headers

MAX_CONNECTIONS: Final = 64
MAX_HEADS: Final = 64
MAX_HEAD_BYTES: Final = 8_192

_OTHER_HEADERS: Final = (
    rb"(?:(?!content-length|transfer-encoding|connection|trailer|upgrade|retry-after|x-axonflow-proof)"
    rb"[a-z0-9-]+:[^\r\n]*\r\n)*"
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
_lengths: Final[dict[bytes, int]] = {}
_NO_HEADERS: Final[dict[str, str]] = {}


class _ConnectionLost(Exception):  # noqa: N818 - reads as what happened
    """The connection ended before the answer was complete."""


class _TooLate(_ConnectionLost):
    """The connection was ended, as its time was over before the answer was complete."""


class _Connection(asyncio.Protocol):
    """One connection: one exchange at a time, under a deadline. One timer serves all of its exchanges."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._transport: asyncio.Transport | None = None
        self._waiting: Pending[Answer] | None = None
        self._whole: Answer | None = None
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._size = 0
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self.answering = False
        self.usable = False
        self.idle_since = 0.0
        self.proven = b""
        self.begun: Pending[Answer] | None = None
        self._parsing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are not instances of asyncio's classes.
        self._transport, self.usable = cast("asyncio.Transport", transport), True

    def start(self, request: bytes, deadline: float) -> Pending[Answer]:
        """Send a request and give its answer to come, which comes before `deadline` (loop time) or not at all."""
        self.answering = False
        waiting = self._waiting = Pending()
        if self._transport is None or not self.usable:
            self._fail(_ConnectionLost())
            return waiting
        self._transport.write(request)  # at once, so that the agent works while the caller goes on
        self._deadline = deadline
        if self._timer is None or deadline < self._timer_at:
            self._stop_timer()
            self._look_at(deadline)
        return waiting

    async def recognise(self, challenge: Challenge, deadline: float) -> None:
        """Ask who listens there, before anything else is sent. Raises AgentUnavailable unless that is the agent."""
        transport = self._transport
        ends = [transport.get_extra_info(name) if transport is not None else None for name in ("sockname", "peername")]
        answered = ""
        try:
            try:
                answer = await self.start(challenge.request(), deadline)
                answered = answer.headers.get(PROOF_HEADER.lower(), "") if answer.status == 200 else ""
            except _ConnectionLost as lost:
                if isinstance(lost, _TooLate):
                    raise
            challenge.check(answered, *ends)
        except BaseException:
            self.abort()
            raise
        self.proven = challenge.key

    def now(self) -> float:
        """Give the time of its loop; to ask for the running loop is a system call before Python 3.12."""
        return self._loop.time()

    def _look_at_time(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() >= self._deadline:
            self._fail(_TooLate())
            self.abort()
        else:
            self._look_at(self._deadline)

    def _look_at(self, moment: float) -> None:
        self._timer_at = moment
        self._timer = self._loop.call_at(moment, self._look_at_time)

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
            start = data.find(b"\r\n\r\n") + 4
            if start <= MAX_HEAD_BYTES and len(data) - start == _plain_length(data[:start]):
                self._complete(Answer(200, _NO_HEADERS, data[start:]))
                return
        self._parsing = True
        self._size += len(data)
        if self._size > MAX_REPLY_BYTES:
            self.abort()
            return
        broken = False
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            broken = True
            self.usable = False
        # Who takes the answer may use this connection again at once: not while its parser is at work.
        whole, self._whole = self._whole, None
        if whole is not None:
            self._parsing = False
            self._complete(whole)
        if broken:
            self.abort()
        elif whole is not None and not self.usable and self._transport is not None:
            self._transport.close()

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name, value))

    def on_body(self, data: bytes) -> None:
        self._body.append(data)

    def on_message_complete(self) -> None:
        status = self._parser.get_status_code()
        headers, self._headers = self._headers, []
        if status < 200:  # 100 Continue, 103 Early Hints: the answer follows (RFC 9110, 15.2)
            return
        body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._body, self._size = [], 0
        if self._whole is not None:
            self.usable = False  # nobody has asked for more than one
            return
        self.usable = self.usable and self._parser.should_keep_alive()
        known = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
        self._whole = Answer(status, known, body)

    def _complete(self, answer: Answer) -> None:
        waiting, self._waiting = self._waiting, None
        self.idle_since = self._loop.time()
        if waiting is not None:
            waiting.set_result(answer)

    def eof_received(self) -> bool | None:
        self.usable = False
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
        if waiting is not None:
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
    _proving: tuple[Headers, bytes] | None = field(default=None, repr=False)

    def begin(self, path: str, headers: Headers, extra: Headers, body: bytes, timeout_s: float) -> Exchange | None:
        """Send a request where a kept connection is free."""
        if not self._idle or not self._free or self._queue:
            return None
        now = self._idle[-1].now()
        connection = self._take_idle(now, self._key(headers))
        if connection is None:
            return None
        self._free -= 1
        deadline = now + timeout_s
        answer = connection.begun = connection.start(self._request(path, headers, extra, body), deadline)
        return Exchange(answer, deadline, connection)

    def end(self, exchange: Exchange) -> None:
        """Let its connection be used again."""
        exchange.connection.begun = None
        self._let_go(exchange.connection)

    def drop(self, exchange: Exchange) -> None:
        """Close its connection where nobody waits for the answer: it would be taken for the next request's."""
        connection = exchange.connection
        if connection.begun is exchange.answer:
            connection.begun = None
            connection.abort()
            self._let_go(connection)

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
        request, key = self._request(path, headers, extra, body), self._key(headers)
        if begun is None:
            await self._slot(timeout_s)
        else:
            begun.connection.begun = None
        connection: _Connection | None = None
        try:
            while True:
                kept = self._take_idle(loop.time(), key) if begun is None else begun.connection
                connection = kept
                if connection is None:
                    opening = self._connect(loop, key, deadline)
                    connection = await asyncio.wait_for(opening, max(0.001, deadline - loop.time()))
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

    def _request(self, path: str, headers: Headers, extra: Headers, body: bytes) -> bytes:
        """Give a request; what every request begins with is written once."""
        known = self._heads.get(path)
        if known is None or known[0] is not headers:
            parts = urlsplit(self.endpoint)
            lines = (f"POST {parts.path}{path} HTTP/1.1", f"Host: {parts.netloc}", *_lines(headers), "")
            known = self._heads[path] = (headers, "\r\n".join(lines).encode("latin-1"))
        more = ""
        for name, value in extra.items():
            more += f"{name}: {value}\r\n"
        return b"%b%bContent-Length: %d\r\n\r\n%b" % (known[1], more.encode("latin-1"), len(body), body)

    def _no_answer(self, timeout_s: float) -> AgentUnavailable:
        return AgentUnavailable(f"{self.endpoint} gave no answer within {timeout_s:g} s.")

    def _key(self, headers: Headers) -> bytes:
        """Give the key by which what listens has to know the credential in these headers, b"" where it has not to."""
        known = self._proving
        if known is None or known[0] is not headers:
            near = self.endpoint.startswith("http://") and is_loopback_url(self.endpoint)
            known = self._proving = (headers, proving_key(headers.get("Authorization", "")) if near else b"")
        return known[1]

    def _take_idle(self, now: float, key: bytes) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < IDLE_S and connection.proven == key:
                return connection
            connection.abort()
        return None

    async def _connect(self, loop: asyncio.AbstractEventLoop, key: bytes, deadline: float) -> _Connection:
        parts = urlsplit(self.endpoint)
        if parts.scheme == "https" and self._tls is None:
            self._tls = tls_context()
        port = parts.port or (443 if parts.scheme == "https" else 80)
        _, connection = await loop.create_connection(
            lambda: _Connection(loop), parts.hostname or "", port, ssl=self._tls
        )
        if key:
            await connection.recognise(Challenge(self.endpoint, key), deadline)
        return connection


def _plain_length(head: bytes) -> int:
    """Give the length of the body that follows a plain head, -1 for any other; heads come again and again."""
    length = _lengths.get(head)
    if length is None:
        plain = _PLAIN.fullmatch(head)
        length = int(plain[1]) if plain is not None else -1
        if len(_lengths) >= MAX_HEADS:
            _lengths.clear()
        _lengths[head] = length
    return length


def _lines(headers: Headers) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]
