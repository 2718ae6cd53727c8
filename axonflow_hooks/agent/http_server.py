"""How uvicorn is run: bounded, quiet, with its fastest parts where they are installed, and no guesses about proxies."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import uvicorn

try:
    from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
except ImportError:  # PyPy, or a machine without wheels: uvicorn then parses with h11
    HttpToolsProtocol = None  # type: ignore[assignment,misc]

_run: Callable[[Coroutine[Any, Any, None]], None]
try:
    from uvloop import run as _run
except ImportError:  # Windows, PyPy
    _run = asyncio.run

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

    from starlette.types import ASGIApp

    from axonflow_hooks.agent.listening import Tls

KEEP_ALIVE_S: Final = 120
"""Longer than clients keep idle connections, so that it is they who close them and never in the middle of a call."""

SHUTDOWN_S: Final = 5
MAX_HEAD_BYTES: Final = 65_536
"""What a request line and headers may measure: nobody is known before they have been read."""


def server_of(app: ASGIApp, tls: Tls | None, ready: Callable[[uvicorn.Server], Awaitable[None]]) -> uvicorn.Server:
    """Give a server of `app`; `ready` is called with it once, when it accepts."""
    config = server_config(app, tls)
    server = uvicorn.Server(config)

    async def once() -> None:
        config.callback_notify = None  # uvicorn would call it again and again
        await ready(server)

    config.callback_notify = once
    return server


def server_config(app: ASGIApp, tls: Tls | None, notify: Callable[[], Awaitable[None]] | None = None) -> uvicorn.Config:
    """Give the configuration of a server; `notify` is called when it accepts, and each half minute from then on."""
    return uvicorn.Config(
        app,
        http="h11" if BoundedHttp is None else BoundedHttp,
        loop="none" if hasattr(uvicorn.Config, "get_loop_factory") else "asyncio",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=MAX_HEAD_BYTES,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=SHUTDOWN_S,
        callback_notify=notify,
        ssl_certfile=None if tls is None else str(tls.certificate),
        ssl_keyfile=None if tls is None else str(tls.key),
    )


def run(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine to its end on the fastest event loop that there is."""
    _run(work)


def _bounded() -> Any:
    if HttpToolsProtocol is None:
        return None

    class Bounded(HttpToolsProtocol):  # the parser has no limit of its own
        _head_bytes = 0
        _in_head = True

        def on_message_begin(self) -> None:
            self._head_bytes, self._in_head = 0, True
            super().on_message_begin()

        def on_headers_complete(self) -> None:
            self._in_head = False
            super().on_headers_complete()

        def data_received(self, data: bytes) -> None:
            if self._in_head:
                self._head_bytes += len(data)
                # What comes in one piece with its body may be large; it is the pieces without an end that add up.
                if self._head_bytes > MAX_HEAD_BYTES and b"\r\n\r\n" not in data:
                    self.send_400_response("The request's head is too large.")
                    return
            super().data_received(data)

    return Bounded


BoundedHttp: Final = _bounded()
