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

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    import httpx

    from axonflow_hooks.settings import Settings

KEEP_ALIVE_S: Final = 300.0
"""An unused connection is kept this long; one that the server has closed meanwhile is recognised before it is used."""
MAX_ENDPOINTS: Final = 8
LOOK_UP_EVERY_S: Final = 5.0
SLEPT_S: Final = 20.0
"""When the wall clock is this far ahead of the monotonic one, the machine has slept and the connections are dead."""


@dataclass(slots=True)
class _Held:
    http: httpx.AsyncClient
    users: int = 0
    retired: bool = False
    addresses: frozenset[str] = frozenset()
    looked_up: float = 0.0
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
        held.users += 1
        try:
            yield held.http
        finally:
            held.users -= 1
            held.used = time.monotonic()
            self._start_look_up(settings.endpoint, held)
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
            held = self._held[endpoint] = _Held(new_http_client(endpoint, keep_alive_s=KEEP_ALIVE_S))
        return held

    def _retire(self, endpoint: str) -> None:
        held = self._held.pop(endpoint)
        held.retired = True
        if not held.users:
            self._run(_close(held))

    def _start_look_up(self, endpoint: str, held: _Held) -> None:
        """See in the background whether the endpoint's name still means the machine that the connections go to."""
        due = time.monotonic() - held.looked_up > LOOK_UP_EVERY_S
        host = urlsplit(endpoint).hostname or ""
        if due and not held.retired and host not in {"", "localhost"} and not _is_address(host):
            held.looked_up = time.monotonic()
            self._run(self._look_up(endpoint, host, held))

    async def _look_up(self, endpoint: str, host: str, held: _Held) -> None:
        try:
            found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            return
        addresses = frozenset(str(entry[4][0]) for entry in found)
        # A name with many addresses gives a few of them at a time, in turn.
        if held.addresses and not held.addresses & addresses and self._held.get(endpoint) is held:
            self._retire(endpoint)
        held.addresses |= addresses

    def _run(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)


async def _close(held: _Held) -> None:
    with contextlib.suppress(Exception):
        await held.http.aclose()


def _is_address(host: str) -> bool:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(family, host.partition("%")[0])
            return True
    return False
