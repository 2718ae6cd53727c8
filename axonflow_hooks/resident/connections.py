"""Kept connections to agents: one HTTP client for each endpoint, shared by all hook calls that name it.

The proxies and certificates are those of this process, and only calls that agree in them come to it (relay.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from axonflow_hooks.client import new_http_client
from axonflow_hooks.errors import AgentUnavailable

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    import httpx

    from axonflow_hooks.settings import Settings

KEEP_ALIVE_S: Final = 300.0
"""An unused connection is kept this long; one that the server has closed meanwhile is recognised before it is used."""
MAX_ENDPOINTS: Final = 8
LOOK_UP_EVERY_S: Final = 1.0
"""Calls that come closer together than this share the answer of the name server."""
LOOK_UP_WAIT_S: Final = 0.25
"""A call waits no longer than this for the name server: what it says later holds for the next call."""
PATIENCE_S: Final = 60.0
"""After a name server was slow or failed, no call waits for it this long."""
SLEPT_S: Final = 20.0
"""When the wall clock is this far ahead of the monotonic one, the machine has slept and the connections are dead."""


@dataclass(slots=True)
class _Held:
    http: httpx.AsyncClient
    users: int = 0
    retired: bool = False
    host: str = ""
    addresses: frozenset[str] = frozenset()
    looked_up: float = float("-inf")
    slow_at: float = float("-inf")
    look_up: asyncio.Task[None] | None = None
    used: float = field(default_factory=time.monotonic)
    asleep: float = field(default_factory=lambda: time.time() - time.monotonic())


class Connections:
    """The HTTP clients of one event loop. A client is closed once nobody uses it and another has taken its place."""

    def __init__(self) -> None:
        self._held: dict[str, _Held] = {}
        self._background: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def http_for(self, settings: Settings) -> AsyncIterator[httpx.AsyncClient]:
        """Give the client for an endpoint. Raises AgentUnavailable as `new_http_client` does."""
        held = self._current(settings.endpoint)
        if held.host:
            await self._follow_name(settings.endpoint, held)
            held = self._current(settings.endpoint)
        held.users += 1
        try:
            yield held.http
        finally:
            held.users -= 1
            held.used = time.monotonic()
            if held.retired and not held.users:
                await _close(held)

    async def close(self) -> None:
        """Close every client that is not in use."""
        for task in self._background:
            task.cancel()
        for endpoint in list(self._held):
            self._retire(endpoint)
        await asyncio.gather(*self._background, return_exceptions=True)

    def _current(self, endpoint: str) -> _Held:
        held = self._held.get(endpoint)
        if held and abs(time.time() - time.monotonic() - held.asleep) > SLEPT_S:
            self._retire(endpoint)
            held = None
        if held is None:
            if len(self._held) >= MAX_ENDPOINTS:
                self._retire(min(self._held, key=lambda name: self._held[name].used))
            http = new_http_client(endpoint, keep_alive_s=KEEP_ALIVE_S)
            held = self._held[endpoint] = _Held(http, host=_name_in(endpoint))
        return held

    def _retire(self, endpoint: str) -> None:
        held = self._held.pop(endpoint)
        held.retired = True
        if not held.users:
            self._run(_close(held))

    async def _follow_name(self, endpoint: str, held: _Held) -> None:
        """See whether the endpoint's name still means the machine that the connections go to, and retire them if not.

        The name server is asked before each call, but no call waits long for it, nor for one that was slow lately.
        """
        now = time.monotonic()
        if held.look_up is None and now - held.looked_up > LOOK_UP_EVERY_S:
            held.look_up = self._run(self._look_up(endpoint, held))
        if held.look_up and now - held.slow_at > PATIENCE_S:
            _, waiting = await asyncio.wait([held.look_up], timeout=LOOK_UP_WAIT_S)
            if waiting:
                held.slow_at = time.monotonic()

    async def _look_up(self, endpoint: str, held: _Held) -> None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(held.host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            held.slow_at = time.monotonic()
            return
        finally:
            held.looked_up, held.look_up = time.monotonic(), None
        addresses = frozenset(str(entry[4][0]) for entry in found)
        # A name with many addresses may give a few of them at a time, in turn: all seen so far are the same place.
        if held.addresses and not held.addresses & addresses and self._held.get(endpoint) is held:
            self._retire(endpoint)
            try:
                held = self._current(endpoint)
            except AgentUnavailable:
                return  # the next call will say so
            held.looked_up = time.monotonic()
        held.addresses |= addresses

    def _run(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
        return task


async def _close(held: _Held) -> None:
    with contextlib.suppress(Exception):
        await held.http.aclose()


def _name_in(endpoint: str) -> str:
    """Give the name in an endpoint that a name server may give another meaning, "" for an address or this machine."""
    host = urlsplit(endpoint).hostname or ""
    return "" if host == "localhost" or _is_address(host) else host


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(family, host.partition("%")[0])
            return True
    return False
