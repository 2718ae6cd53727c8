"""One backend's life: started, shaken hands with, watched, started again with a growing pause when it is lost."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks import __version__
from axonflow_hooks.errors import SettingsError
from axonflow_hooks.proxy.call_time import left_of
from axonflow_hooks.proxy.exact_json import write_value
from axonflow_hooks.proxy.http_transport import HttpTransport, open_http
from axonflow_hooks.proxy.refusals import Refusal, backend_failed
from axonflow_hooks.proxy.rpc import Lost, Session, TimedOut
from axonflow_hooks.proxy.start import VERSIONS
from axonflow_hooks.proxy.stdio_transport import start_program

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axonflow_hooks.proxy.backend_map import Backend
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.guardian import Guardian
    from axonflow_hooks.proxy.rpc import Listener, Reply, Waiting

FIRST_PAUSE_S: Final = 0.25
LONGEST_PAUSE_S: Final = 30.0
WAIT_FOR_RESTART_S: Final = 5.0
HANDSHAKE_S: Final = 60.0
"""A first `npx` or `uvx` downloads the server before it answers."""

ACCEPTED_VERSIONS: Final = (*VERSIONS, "2025-03-26", "2024-11-05")
"""What a backend may answer: older releases differ in nothing that the proxy passes on."""

_VERSION: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class HandshakeFailed(Exception):  # noqa: N818 - reads as what happened
    """The backend runs and cannot be spoken with."""


@dataclass(slots=True)
class BackendHost:
    """A backend that is kept running. `on_up` is called after each handshake, `on_down` after each loss."""

    spec: Backend
    environ: Mapping[str, str]
    listener: Listener
    diagnostics: Diagnostics
    guardian: Guardian
    client_capabilities: Mapping[str, Any]
    default_timeout_s: float
    on_up: Callable[[BackendHost], None]
    on_down: Callable[[BackendHost], None]
    session: Session | None = None
    capabilities: dict[str, Any] = field(default_factory=dict)
    problem: str = ""
    first_try_over: asyncio.Event = field(default_factory=asyncio.Event)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _next_try: float = 0.0
    _retired: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def id(self) -> str:
        """The backend's id in the map."""
        return self.spec.id

    @property
    def timeout_s(self) -> float:
        """The seconds a call may take."""
        return self.spec.timeout_s(self.default_timeout_s)

    def offers(self, capability: str) -> bool:
        """Tell whether the backend has declared a capability."""
        return capability in self.capabilities

    async def run(self) -> None:
        """Keep the backend running until this is cancelled; then end it."""
        try:
            await self._run()
        finally:
            if self._retired:
                await asyncio.sleep(0)  # a task that has not begun would end nothing
                for task in self._retired:
                    task.cancel()
                await asyncio.shield(asyncio.gather(*self._retired, return_exceptions=True))

    async def _run(self) -> None:
        failures = 0
        while True:
            session, retired = Session(self.listener, self._note), False
            try:
                await self._open(session)
                self._enter(session)
                await session.gone.wait()
                failures = 0 if session.served else failures + 1
                retired = not session.lost.is_set()
                self._leave(f"it was lost: {session.reason}")
            except Exception as error:  # noqa: BLE001 - whatever it was, it is tried again
                failures += 1
                self._leave(_reason(error))
            finally:
                self.session = None
                if retired:
                    self._end_once_idle(session)
                elif session.transport is not None:
                    session.lose("it is being ended")
                    await asyncio.shield(_close(session))
            pause = min(FIRST_PAUSE_S * 2.0 ** min(failures, 16), LONGEST_PAUSE_S)
            self._next_try = time.monotonic() + pause
            await asyncio.sleep(pause)

    def _end_once_idle(self, session: Session) -> None:
        """End a session that has been replaced, once those who wait in it have their answers."""
        task = asyncio.get_running_loop().create_task(_end_once_idle(session))
        self._retired.add(task)
        task.add_done_callback(self._retired.discard)

    async def _open(self, session: Session) -> None:
        if self.spec.command is not None:
            await start_program(self.spec, session, self.diagnostics, self.environ, self.guardian)
        else:
            open_http(self.spec, session, self.environ)
        asked = {
            "protocolVersion": VERSIONS[0],
            "capabilities": passed_on_capabilities(self.client_capabilities),
            "clientInfo": {"name": "axonflow-governance", "title": "AxonFlow Governance", "version": __version__},
        }
        reply = await session.request("initialize", write_value(asked), timeout_s=HANDSHAKE_S)
        result = reply.result.value if reply.result is not None else None
        version = result.get("protocolVersion") if isinstance(result, dict) else None
        if not isinstance(result, dict) or version not in ACCEPTED_VERSIONS:
            # Whatever else it says there has not been checked.
            dated = isinstance(version, str) and _VERSION.fullmatch(version) is not None
            said = f"protocol version {version}" if dated else "no protocol version"
            raise HandshakeFailed(f"it answered initialize with {said}; known are {', '.join(ACCEPTED_VERSIONS)}")
        offered = result.get("capabilities")
        self.capabilities = offered if isinstance(offered, dict) else {}
        transport = session.transport
        if isinstance(transport, HttpTransport):
            transport.protocol_version = version
        await session.notify("notifications/initialized")
        if isinstance(transport, HttpTransport):
            transport.listen()

    def _enter(self, session: Session) -> None:
        self.session, self.problem = session, ""
        self.first_try_over.set()
        self._announce()
        self.on_up(self)

    def _leave(self, problem: str) -> None:
        was_up = self.session is not None
        self.session = None
        if problem != self.problem:
            self._note(f"{problem}; it is tried again.")
        self.problem = problem
        self.first_try_over.set()
        self._announce()
        if was_up:
            self.on_down(self)

    def _announce(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _note(self, text: str) -> None:
        self.diagnostics.say(f"backend {self.id}: {text}")

    async def ready(self, deadline: float) -> Session:
        """Give the session, waiting for a restart where one is near (`deadline` in loop time). Raises Refusal."""
        loop = asyncio.get_running_loop()
        last = min(deadline, loop.time() + WAIT_FOR_RESTART_S)
        while self.session is None or self.session.gone.is_set():
            left = last - loop.time()
            if left <= 0 or (self._next_try - time.monotonic()) > left:
                wait = max(0.0, self._next_try - time.monotonic())
                problem = self.problem or "it is still starting"
                message = f"The server {self.id!r} is not available: {problem}. The call was not made; try again."
                raise backend_failed(message, self.id, executed=False, retry_after_s=wait)
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left, 0.5))
        return self.session

    async def request(
        self,
        method: str,
        params: str | None,
        *,
        repeatable: bool,
        token: str | int | None = None,
        begun: Waiting | None = None,
    ) -> Reply:
        """Send a request and give its answer: at most once, unless it is `repeatable`. Raises Refusal.

        It is sent again only when the backend has certainly seen nothing of it, or may see it twice; and once, in a new
        session, where the server says that the session has expired (MCP 2025-06-18, transports: session management),
        beyond doubt for a request that is not repeatable.
        `begun` is what `Session.begin` has given for this request.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + left_of(self.timeout_s)
        before: Lost | None = None  # what the backend may have executed
        for last_try in (False, False, True):
            session = begun.session if begun is not None else await self._ready_again(deadline, before)
            left, waiting, begun = deadline - loop.time(), begun, None
            if waiting is None and left <= 0:
                raise self._late(executed=None if before is not None else False)
            try:
                reply = await session.request(method, params, timeout_s=left, token=token, begun=waiting)
            except TimedOut:
                raise self._late(executed=None) from None
            except Lost as lost:
                renewed = lost.expired and not (before is not None and before.expired)
                again = (renewed and not lost.doubtful) or (repeatable and renewed == lost.expired)
                if last_try or lost.refused or (lost.sent and not again):
                    raise self._lost(lost if before is None or lost.sent else before) from None
                before = lost if lost.sent else before
                if not session.gone.is_set() and not lost.expired:
                    await asyncio.sleep(FIRST_PAUSE_S)  # a server that is reached over HTTP is not restarted by us
                continue
            session.served = True
            return reply
        raise AssertionError("unreachable")

    async def _ready_again(self, deadline: float, before: Lost | None) -> Session:
        """Give the session as `ready` does, for a request that was lost `before` and may have been executed."""
        try:
            return await self.ready(deadline)
        except Refusal:
            if before is not None:
                raise self._lost(before) from None
            raise

    def _late(self, *, executed: bool | None) -> Refusal:
        if executed is False:
            message = (
                f"The server {self.id!r} was not ready within {self.timeout_s:g} s. The call was not made; try again."
            )
        else:
            message = f"The server {self.id!r} gave no answer within {self.timeout_s:g} s; it was told to stop."
        return backend_failed(message, self.id, executed=executed)

    def _lost(self, lost: Lost) -> Refusal:
        if not lost.sent:
            message = f"The server {self.id!r} is not available: {lost.reason}. The call was not made; try again."
            return backend_failed(message, self.id, executed=False)
        message = (
            f"The server {self.id!r} was lost during the call: {lost.reason}. Whether it was executed is not known. "
            "Check before you try again."
        )
        return backend_failed(message, self.id, executed=None)


def passed_on_capabilities(client: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the proxy declares to a backend: what its client can do, of that which the proxy passes on."""
    return {name: client[name] for name in ("roots", "sampling", "elicitation") if isinstance(client.get(name), dict)}


def _reason(error: Exception) -> str:
    if isinstance(error, TimedOut):
        return f"it did not answer initialize within {HANDSHAKE_S:g} s"
    if isinstance(error, (SettingsError, Lost, HandshakeFailed)):
        return str(error).rstrip(".")
    return f"it cannot be started or spoken with ({type(error).__name__})"  # the text of any error could quote data


async def _end_once_idle(session: Session) -> None:
    try:
        await session.idle()
    finally:
        session.lose("it is being ended")
        await asyncio.shield(_close(session))


async def _close(session: Session) -> None:
    if session.transport is not None:
        with contextlib.suppress(Exception):  # it is over either way
            await session.transport.aclose()
