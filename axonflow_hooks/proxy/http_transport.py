"""A backend that is a Streamable HTTP server (MCP 2025-06-18): JSON and SSE answers, sessions, resumption."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

import httpx

from axonflow_hooks.errors import AgentUnavailable, SettingsError
from axonflow_hooks.proxy.backend_map import resolve
from axonflow_hooks.proxy.exact_json import MAX_MESSAGE_BYTES, UnreadableMessage, read_text
from axonflow_hooks.proxy.http_answers import SESSION_ID, read_body, says_expired, told_redirect
from axonflow_hooks.proxy.rpc import Lost
from axonflow_hooks.proxy.sse import EventReader, EventTooLong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.proxy.backend_map import Backend
    from axonflow_hooks.proxy.rpc import Session

CONNECT_S: Final = 10.0
NOTICE_S: Final = 30.0
"""A server that takes longer over a notification or an answer does not read."""
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 30.0
MAX_RESUMES: Final = 5

MAX_CONNECTIONS: Final = 1_200
"""More than calls, answers and streams there can be at once: what waits for a connection would wait for each other."""

_UNREAD: Final = frozenset({401, 403, 405, 406, 411, 413, 414, 415, 421, 426, 429, 431})
"""Statuses that tell that a request was not looked into (RFC 9110, 15.5; RFC 6585)."""

_REFUSED: Final = _UNREAD | {400, 404}
"""Statuses that the same request would get again. Tools that have done half their work answer 400 and 404, too."""

_EXPIRED: Final = "its session has expired"
_DOUBTFUL: Final = "it answered as for a session that has expired (HTTP {})"

_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)


class HttpTransport:
    """The connection to one Streamable HTTP server; `protocol_version` is set once it is agreed."""

    def __init__(self, url: str, headers: Mapping[str, str], session: Session) -> None:
        from axonflow_hooks.client import new_http_client

        self._url = url
        self._headers = dict(headers)
        self._session = session
        self._tasks: set[asyncio.Task[None]] = set()
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._session_id = ""
        self._expired = False
        self.protocol_version = ""
        try:
            self._http = new_http_client(url, keep_alive_s=30.0, max_connections=MAX_CONNECTIONS)
        except AgentUnavailable as error:
            raise Lost(str(error), sent=False) from None

    async def send(self, message: str, request_id: int | None) -> None:
        """Send a message; a request is waited for in the background. Raises Lost for what is not a request."""
        if request_id is None:
            try:
                await asyncio.wait_for(self._exchange(message, None), NOTICE_S)
            except asyncio.TimeoutError:
                raise Lost(f"it did not take a message within {NOTICE_S:g} s", sent=True) from None
            return
        task = asyncio.get_running_loop().create_task(self._request(message, request_id))
        self._calls[request_id] = task
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._ended(request_id, done))

    def send_now(self, line: bytes) -> bool:
        """Give False: a request to a server is waited for."""
        del line
        return False

    def _ended(self, request_id: int, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        del self._calls[request_id]

    def forget(self, request_id: int) -> None:
        """Take it that nobody waits for a request any more: a server that never answers would keep the connection."""
        task = self._calls.get(request_id)
        if task is not None:
            task.cancel()

    def listen(self) -> None:
        """Open the stream for what the server sends on its own account, where it has one."""
        task = asyncio.get_running_loop().create_task(self._listen())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def aclose(self) -> None:
        """End the session at the server, then the connections."""
        for task in list(self._tasks):
            task.cancel()
        if self._session_id and not self._expired:
            with contextlib.suppress(Exception):  # it is left either way
                await asyncio.wait_for(self._http.delete(self._url, headers=self._sent()), 2.0)
        await self._http.aclose()

    async def _request(self, message: str, request_id: int) -> None:
        try:
            await self._exchange(message, request_id)
            self._session.fail(request_id, Lost("it ended the stream without an answer", sent=True))
        except Lost as lost:
            self._session.fail(request_id, lost)
            if lost.expired:
                self._retire()

    def _retire(self) -> None:
        """Take it that the session has expired: calls that the server has taken may still be answered."""
        self._expired = True
        self._session.retire(_EXPIRED)

    async def _exchange(self, message: str, request_id: int | None) -> None:
        content = message.encode("utf-8", "surrogatepass")
        sent = {**self._sent(), "Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
        timeout = httpx.Timeout(None, connect=CONNECT_S)
        try:
            async with self._http.stream("POST", self._url, content=content, headers=sent, timeout=timeout) as reply:
                self._note_session(reply)
                await self._take(reply, request_id)
        except Lost:
            raise
        except httpx.HTTPError as error:
            lost = Lost(f"it cannot be reached ({type(error).__name__})", sent=not isinstance(error, _NOT_SENT))
            raise lost from None
        except (EventTooLong, UnreadableMessage, UnicodeDecodeError):
            raise Lost("its answer is not readable or too long", sent=True) from None
        except Exception as error:  # noqa: BLE001 - who waits for the answer must be told, whatever it was
            raise Lost(f"speaking with it failed ({type(error).__name__})", sent=True) from None

    def _note_session(self, reply: httpx.Response) -> None:
        given = reply.headers.get("mcp-session-id", "")
        if given and SESSION_ID.fullmatch(given) is None:
            raise Lost("the id of its session (Mcp-Session-Id) is not visible ASCII, as MCP asks for", sent=True)
        self._session_id = given or self._session_id

    async def _take(self, reply: httpx.Response, request_id: int | None) -> None:
        status, kind = reply.status_code, reply.headers.get("content-type", "").partition(";")[0].strip().lower()
        if status in {200, 201} and kind == "text/event-stream":
            await self._events(reply, request_id)
            return
        if request_id is None:
            if status == 404 and self._session_id:
                raise Lost(_EXPIRED, sent=True, expired=True)
            return
        if status != 202:
            moved = told_redirect(self._url, status, reply.headers.get("location", ""))
            self._take_whole(status, await _bounded(reply), kind, request_id, moved)

    def _take_whole(self, status: int, content: bytes, kind: str, request_id: int, moved: str) -> None:
        """Take the content of an answer that is no stream. Raises Lost where nothing in it answers the request.

        What answers the request is its answer under any status: the backend has executed it, or knows that it has not.
        After any other 404 there has to be a new session (MCP 2025-06-18, transports: session management). But only one
        that says no more, or what SDKs say of a session, tells that the request was not looked into.
        """
        bodies = [read_body(text, request_id) for text in _texts(content, kind)]
        known = bool(self._session_id) and status in {400, 404}
        spoken = known and any(says_expired(body.said) for body in bodies)
        answer = next((body.answer for body in bodies if body.answer is not None), None)
        error = next((body.error for body in bodies if body.error is not None), None)
        if spoken or (known and status == 404 and answer is None):
            if answer is None and (spoken or not content.strip()):
                raise Lost(_EXPIRED, sent=True, expired=True)
            raise Lost(_DOUBTFUL.format(status), sent=True, expired=True, doubtful=True)
        if answer is None and error is not None:
            answer = f'{{"jsonrpc":"2.0","id":{request_id},"error":{error.raw}}}'  # as of a request that was refused
        if answer is not None:
            self._session.receive(answer)
        elif status >= 300:
            # The body is the backend's own text and has not been checked: the status says enough.
            raise Lost(f"it answered HTTP {status}{moved}", sent=status not in _UNREAD, refused=status in _REFUSED)

    async def _events(self, reply: httpx.Response, request_id: int | None) -> None:
        """Read a stream of events; where it breaks off before the answer, take it up again by its last event's id."""
        last, pause = await self._read_events(reply)
        for _ in range(MAX_RESUMES):
            if last is None or request_id is None or not self._session.waits_for(request_id):
                return
            await asyncio.sleep(pause if pause is not None else FIRST_PAUSE_S)
            sent = {**self._sent(), "Accept": "text/event-stream", "Last-Event-ID": last}
            try:
                async with self._http.stream("GET", self._url, headers=sent) as resumed:
                    if resumed.status_code != 200:
                        return
                    newest, asked = await self._read_events(resumed)
            except httpx.HTTPError:
                continue  # however that failed: the call itself has been sent
            last, pause = newest or last, asked if asked is not None else pause

    async def _read_events(self, reply: httpx.Response) -> tuple[str | None, float | None]:
        reader = EventReader()
        last: str | None = None
        pause: float | None = None
        try:
            async for chunk in reply.aiter_bytes():
                for event in reader.feed(chunk):
                    last = event.identifier or last
                    pause = event.retry_s if event.retry_s is not None else pause
                    if event.data:
                        self._session.receive(event.data)
        except httpx.HTTPError:
            if last is None:
                raise
        return last, pause

    async def _listen(self) -> None:
        pause, last = FIRST_PAUSE_S, ""
        while True:
            sent = {**self._sent(), "Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
            with contextlib.suppress(Exception):  # whatever it was, the stream is opened again
                async with self._http.stream("GET", self._url, headers=sent) as reply:
                    kind = reply.headers.get("content-type", "").partition(";")[0].strip().lower()
                    if reply.status_code == 404 and self._session_id:
                        self._retire()
                        return
                    if reply.status_code != 200 or kind != "text/event-stream":
                        return  # 405: it has no such stream
                    newest, _ = await self._read_events(reply)
                    last, pause = newest or last, FIRST_PAUSE_S
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE_S)

    def _sent(self) -> dict[str, str]:
        sent = dict(self._headers)
        if self._session_id:
            sent["Mcp-Session-Id"] = self._session_id
        if self.protocol_version:
            sent["MCP-Protocol-Version"] = self.protocol_version
        return sent


def _texts(body: bytes, kind: str) -> list[str]:
    """Give the texts in a body: that of each event where it is made of events; none where it is not UTF-8."""
    if kind == "text/event-stream":
        return [event.data for event in EventReader().feed(body + b"\n\n") if event.data]
    try:
        return [read_text(body)]
    except UnreadableMessage:
        return []


async def _bounded(reply: httpx.Response) -> bytes:
    content = bytearray()
    async for chunk in reply.aiter_bytes():
        content += chunk
        if len(content) > MAX_MESSAGE_BYTES:
            raise Lost("its answer is longer than any message may be", sent=True)
    return bytes(content)


def open_http(backend: Backend, session: Session, environ: Mapping[str, str]) -> HttpTransport:
    """Give the transport to a Streamable HTTP server. Raises SettingsError when its headers cannot be sent."""
    headers = {
        name: resolve(value, f"headers.{name} of backend {backend.id!r}", environ)
        for name, value in backend.headers.items()
    }
    for name, text in headers.items():
        if not text.isascii():
            raise SettingsError(f"headers.{name} of backend {backend.id!r} is not ASCII.", remedy="Correct it.")
    transport = HttpTransport(backend.url or "", headers, session)
    session.transport = transport
    return transport
