"""The second stage of the proxy: settings, backends, the event loop, until the client leaves."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.proxy.assembly import Assembly, assemble
from axonflow_hooks.proxy.backend_map import load_backends
from axonflow_hooks.proxy.client_link import ClientLink
from axonflow_hooks.proxy.diagnostics import Diagnostics
from axonflow_hooks.proxy.failed_start import answer_with_failure
from axonflow_hooks.proxy.settings import load_proxy_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.proxy.backend_map import Backend

GRACE_S: Final = 5.0
"""How long calls that run may go on when the client has closed its end."""
TICK_S: Final = 2.0
COLLECT_AFTER: Final = 20_000
"""So many objects come and go with some fifty calls, and nearly none is part of a cycle."""


def serve(buffered: bytes, *, answered: bool, environ: Mapping[str, str] | None = None) -> int:
    """Be the proxy on stdin and stdout and give the exit status: 0 when the client leaves, 2 for wrong settings.

    `buffered` is what was read of stdin already, from its first byte; `answered` tells that `initialize` was.
    """
    env = os.environ if environ is None else environ
    diagnostics = Diagnostics()
    try:
        settings = load_proxy_settings(env)
        backends = load_backends(settings)
        assembly = assemble(settings, env, diagnostics)
    except AxonFlowError as error:
        diagnostics.line(f"[AxonFlow] ERROR {error}")
        answer_with_failure(buffered, answered=answered, message=str(error))
        diagnostics.close()
        return 2
    gc.freeze()  # what is loaded stays: no collection need look at it
    gc.set_threshold(COLLECT_AFTER, 20, 50)
    try:
        read_fd, write_fd = _own_streams()
        return _run(_live(assembly, backends, env, Start(buffered, answered, read_fd, write_fd)))
    finally:
        diagnostics.close()


@dataclass(frozen=True, slots=True)
class Start:
    """How the first stage has left things: what it read, whether it answered, and the streams of the client."""

    buffered: bytes
    answered: bool
    read_fd: int
    write_fd: int


@dataclass(slots=True)
class _Life:
    """One life of the proxy; backends start when the client has said what it can do."""

    assembly: Assembly
    backends: list[Backend]
    environ: Mapping[str, str]
    started: bool = False
    initialized: bool = False
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)

    def start(self, capabilities: dict[str, Any]) -> None:
        if not self.started:
            self.started = True
            self.assembly.start_backends(self.backends, self.environ, capabilities)


async def _live(assembly: Assembly, backends: list[Backend], environ: Mapping[str, str], start: Start) -> int:
    life = _Life(assembly, backends, environ)
    router = assembly.router
    router.starting, router.answered_before = life.start, start.answered
    for text in assembly.warnings(backends):
        assembly.diagnostics.say(text)
    link = router.link = ClientLink(router, read_fd=start.read_fd, write_fd=start.write_fd)
    hurry = asyncio.Event()
    _end_on_signals(router.ended, hurry)
    upkeep = asyncio.get_running_loop().create_task(assembly.upkeep(TICK_S))
    try:
        await link.open(start.buffered)
        await router.ended.wait()
        await router.settle(GRACE_S, hurry)
    finally:
        upkeep.cancel()
        await asyncio.gather(upkeep, return_exceptions=True)
        await assembly.aclose()
        await link.aclose()
    return 0


def _end_on_signals(*events: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()

    def end() -> None:
        for event in events:
            event.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError, RuntimeError):
            loop.add_signal_handler(number, end)


def _own_streams() -> tuple[int, int]:
    """Give private copies of stdin and stdout: nothing else in this process can read or write between messages."""
    read_fd, write_fd = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return read_fd, write_fd


def _run(work: Any) -> int:
    if sys.platform != "win32":
        with contextlib.suppress(ModuleNotFoundError):
            import uvloop

            return int(uvloop.run(work))
    return int(asyncio.run(work))
