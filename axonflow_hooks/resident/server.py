"""The resident's event loop: takes hook calls from relays, hands them to the handler, and leaves when it is time."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import hmac
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.context import Services
from axonflow_hooks.claude_code.hook import answer
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.resident import frames, instance
from axonflow_hooks.resident.audit_queue import AuditQueue, SpoolThread
from axonflow_hooks.resident.background import Upkeep, with_messages
from axonflow_hooks.resident.connections import Connections
from axonflow_hooks.resident.delivery import Delivery
from axonflow_hooks.resident.life import CHECK_EVERY_S, IDLE_S, Life
from axonflow_hooks.resident.log import log

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    import httpx

    from axonflow_hooks.resident.frames import Request
    from axonflow_hooks.settings import Settings

MAX_AT_ONCE: Final = 16
"""Calls that are handled at the same time; the others wait, and their relays know that they do."""
MAX_LARGE_AT_ONCE: Final = 4
LARGE_BYTES: Final = 100_000
SIGN_OF_LIFE_S: Final = 1.0
READ_WAIT_S: Final = 10.0
ANSWER_RESERVE_S: Final = 0.2
"""What the relay needs to hand an answer on before its own deadline."""
LEAVE_WAIT_S: Final = 13.5


def serve(root: str, address: str, descriptor: int, proofs: tuple[str, str] | None) -> None:
    """Serve on a listening socket until there is a reason to leave; the address is removed at the end."""
    listening = socket.socket(fileno=descriptor)
    asyncio.run(_Resident(root, address, proofs).run(listening))


class _Resident:
    def __init__(self, root: str, address: str, proofs: tuple[str, str] | None) -> None:
        self._paths = resolve_paths(os.environ)
        self._proofs = proofs
        self._life = Life(root, address, idle_s=_idle_s())
        self._connections = Connections()
        self._spool = SpoolThread(self._paths.spool_dir)
        self._delivery = Delivery(self._spool, self._paths, self._connections.http_for, self._log)
        self._upkeep = Upkeep()
        self._calls = asyncio.Semaphore(MAX_AT_ONCE)
        self._large = asyncio.Semaphore(MAX_LARGE_AT_ONCE)
        self._open: set[asyncio.Task[None]] = set()
        self._leave = asyncio.Event()
        self._why = ""

    async def run(self, listening: socket.socket) -> None:
        self._life.begin()
        if sys.platform != "win32":
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop, "it was told to")
        start = asyncio.start_unix_server if listening.family.name == "AF_UNIX" else asyncio.start_server
        server = await start(self._accept, sock=listening, backlog=instance.BACKLOG)
        tasks = [asyncio.create_task(self._delivery.run()), asyncio.create_task(self._watch())]
        self._log("started")
        gc.freeze()  # what was loaded stays: no collection needs to look at it
        gc.enable()  # __main__ has switched it off
        await self._leave.wait()
        self._remove_address()
        server.close()
        if self._open:
            await asyncio.wait(self._open, timeout=LEAVE_WAIT_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._upkeep.close()
        await self._spool.close()
        await self._connections.close()
        self._log(f"left: {self._why}")

    def _stop(self, why: str) -> None:
        self._why = self._why or why
        self._leave.set()

    def _remove_address(self) -> None:
        """Remove the socket, unless it is another resident's."""
        with contextlib.suppress(OSError):
            if self._life.owns_socket():
                instance.remove(self._life.address)

    async def _watch(self) -> None:
        tidy = False
        while True:
            await asyncio.sleep(min(CHECK_EVERY_S, self._life.idle_s))
            if self._open:
                self._life.touch()
            elif not tidy:
                tidy = True
                gc.unfreeze()
                gc.collect()  # once, of what the imports have left; no call waits for it
                gc.freeze()
            why = self._life.reason_to_leave()
            if why:
                self._stop(why)

    def _log(self, text: str) -> None:
        log(self._paths.resident_log, text)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is None:
            return
        self._open.add(task)
        silent = asyncio.get_running_loop().call_later(READ_WAIT_S, writer.transport.abort)
        try:
            if await self._is_admitted(reader, writer):
                await self._converse(reader, writer, silent)
        except (EOFError, OSError):
            pass  # the relay has gone
        except Exception as error:  # noqa: BLE001 - this call fails, and its relay turns to the fallback
            self._log(f"a call failed: {type(error).__name__}")
        finally:
            silent.cancel()
            self._open.discard(task)
            self._life.touch()
            writer.close()

    async def _is_admitted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Tell whether the other end is this user's."""
        if self._proofs:
            theirs, ours = (proof.encode() for proof in self._proofs)
            proof = await reader.readexactly(len(theirs))
            if not hmac.compare_digest(proof, theirs):
                return False
            writer.write(ours)
        elif hasattr(socket, "SO_PEERCRED"):
            link = writer.get_extra_info("socket")
            credentials = link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            return int.from_bytes(credentials[4:8], sys.byteorder) == os.getuid()
        return True

    async def _converse(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, silent: asyncio.TimerHandle
    ) -> None:
        """Read the request and write the answer, with signs of life meanwhile; `silent` ends one that is not sent."""
        signs = _SignsOfLife(writer)
        try:
            length = await frames.read_length(reader)
            async with self._large if length > LARGE_BYTES else contextlib.nullcontext():
                request = frames.parse_request(await reader.readexactly(length))
                silent.cancel()
                reply = await self._answer(request)
        except frames.BadFrameError:
            reply = frames.REFUSED
        finally:
            signs.stop()
        writer.write(reply)
        await writer.drain()

    async def _answer(self, request: Request) -> bytes:
        arrived = asyncio.get_running_loop().time()
        endpoints: list[str] = []

        def http_for(settings: Settings) -> AbstractAsyncContextManager[httpx.AsyncClient]:
            endpoints.append(settings.endpoint)
            self._delivery.learn(settings)
            return self._connections.http_for(settings)

        async with self._calls:
            waited = asyncio.get_running_loop().time() - arrived
            services = Services(http_for=http_for, audit=self._audit_for(request), upkeep=self._upkeep)
            result = await answer(
                request.event_word,
                request.payload,
                request.environ,
                max(0.0, request.deadline_s - waited - ANSWER_RESERVE_S),
                services,
            )
        for endpoint in endpoints:
            result = with_messages(result, self._upkeep.take_messages(endpoint))
        stderr = f"{result.stderr}\n".encode("utf-8", "replace") if result.stderr else b""
        return frames.encode_answer(result.stdout, stderr)

    def _audit_for(self, request: Request) -> AuditQueue:
        return AuditQueue(
            thread=self._spool,
            folder=self._paths.spool_dir,
            call_id=request.call_id,
            on_written=self._delivery.wake,
            on_failed=lambda error: self._log(f"an audit record could not be written: {type(error).__name__}"),
        )


class _SignsOfLife:
    """Tells a relay every second that its call is not forgotten."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._next = asyncio.get_running_loop().call_later(SIGN_OF_LIFE_S, self._show)

    def stop(self) -> None:
        """The answer comes next."""
        self._next.cancel()

    def _show(self) -> None:
        if not self._writer.is_closing():
            self._writer.write(frames.ALIVE)
            self._next = asyncio.get_running_loop().call_later(SIGN_OF_LIFE_S, self._show)


def _idle_s() -> float:
    seconds = os.environ.get("AXONFLOW_RESIDENT_IDLE_S", "")
    return float(seconds) if seconds.replace(".", "", 1).isdigit() else IDLE_S
