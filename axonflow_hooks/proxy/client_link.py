"""The proxy's own stdin and stdout: lines of the client in, lines for it out, in order, never blocking the loop."""

from __future__ import annotations

import asyncio
import contextlib
import os
import stat
import sys
import threading
from collections import deque
from typing import TYPE_CHECKING, Final, Protocol, cast

from axonflow_hooks.proxy.gathered import GatheredLines
from axonflow_hooks.proxy.lines import LineBuffer

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_UNREAD_BYTES: Final = 64_000_000
"""So much may wait for a client that does not read; then its own messages wait too."""
LAST_WORDS_S: Final = 1.0


class LineTaker(Protocol):
    """Takes what the client sends."""

    def take(self, line: bytes) -> None:
        """Take one line."""

    def take_too_long(self, limit: int) -> None:
        """Take it that a line was left out, as it has more bytes than the limit of a message."""

    def take_end(self, reason: str) -> None:
        """Take the end: the client is gone."""


class ClientLink:
    """One client. `send` takes whole messages; `pause` and `resume` hold the client's own messages back."""

    def __init__(self, taker: LineTaker, *, read_fd: int, write_fd: int) -> None:
        self._taker = taker
        self._read_fd, self._write_fd = read_fd, write_fd
        self._lines = LineBuffer(too_long=taker.take_too_long)
        self._reader: asyncio.ReadTransport | None = None
        self._writer: asyncio.WriteTransport | None = None
        self._thread_writer: _ThreadWriter | None = None
        self._out = GatheredLines(self._write)
        self._ended = False
        self._written = asyncio.Event()

    async def open(self, buffered: bytes) -> None:
        """Start to read, beginning with what was read before."""
        loop = asyncio.get_running_loop()
        if _is_pipe(self._write_fd):
            self._writer, _ = await loop.connect_write_pipe(
                lambda: _WriterProtocol(self), os.fdopen(self._write_fd, "wb", 0)
            )
        else:
            self._thread_writer = _ThreadWriter(self._write_fd)
        self.fed(buffered)
        if _is_pipe(self._read_fd):
            self._reader, _ = await loop.connect_read_pipe(
                lambda: _ReaderProtocol(self), os.fdopen(self._read_fd, "rb", 0)
            )
        else:
            threading.Thread(target=_read_in_thread, args=(self._read_fd, loop, self), daemon=True).start()

    def send(self, message: str) -> None:
        """Send one message; line ends between its tokens become blanks."""
        self._out.add(message)

    def send_line(self, line: bytes) -> None:
        """Send one message that is a line already."""
        self._out.add_line(line)

    def unread(self) -> int:
        """Give how many bytes wait for the client to read them."""
        if self._writer is not None:
            return self._writer.get_write_buffer_size()
        return self._thread_writer.unread() if self._thread_writer is not None else 0

    def _write(self, data: bytes) -> None:
        if self._writer is not None:
            if not self._writer.is_closing():
                self._writer.write(data)
        elif self._thread_writer is not None:
            self._thread_writer.write(data)

    def fed(self, data: bytes) -> None:
        """Take bytes of the client."""
        for line in self._lines.feed(data):
            self._taker.take(line)

    def ended(self, reason: str) -> None:
        """Take the end of the client's messages."""
        if not self._ended:
            self._ended = True
            self._taker.take_end(reason)

    def written(self) -> None:
        """Take the end of the way to the client."""
        self._written.set()

    def pause(self) -> None:
        """Hold the client's own messages back."""
        if self._reader is not None and not self._ended:
            self._reader.pause_reading()

    def resume(self) -> None:
        """Read on."""
        if self._reader is not None and not self._ended:
            self._reader.resume_reading()

    async def aclose(self) -> None:
        """Write what waits, as far as the client takes it within a second, and close."""
        self._out.flush()
        if self._thread_writer is not None:
            await asyncio.to_thread(self._thread_writer.close)
        if self._writer is not None:
            self._writer.close()  # what waits is written first
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._written.wait(), LAST_WORDS_S)
        if self._reader is not None:
            self._reader.close()


class _ReaderProtocol(asyncio.Protocol):
    def __init__(self, link: ClientLink) -> None:
        self._link = link

    def data_received(self, data: bytes) -> None:
        self._link.fed(data)

    def eof_received(self) -> bool | None:
        self._link.ended("the client closed its end")
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        self._link.ended("the client closed its end")


class _WriterProtocol(asyncio.BaseProtocol):
    def __init__(self, link: ClientLink) -> None:
        self._link = link

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        cast("asyncio.WriteTransport", transport).set_write_buffer_limits(high=MAX_UNREAD_BYTES)

    def pause_writing(self) -> None:
        self._link.pause()

    def resume_writing(self) -> None:
        self._link.resume()

    def connection_lost(self, exc: Exception | None) -> None:
        self._link.written()
        self._link.ended("the client does not listen any more")


class _ThreadWriter:
    """Writes to what the event loop cannot wait for: a file, a terminal, the console of Windows."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def write(self, data: bytes) -> None:
        with self._changed:
            self._waiting.append(data)
            self._changed.notify()

    def unread(self) -> int:
        with self._changed:
            return sum(map(len, self._waiting))

    def close(self) -> None:
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(1.0)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                data = b"".join(self._waiting)
                self._waiting.clear()
                closing = self._closing
            try:
                while data:
                    data = data[os.write(self._descriptor, data) :]
            except OSError:
                return
            if closing:
                return


def _read_in_thread(descriptor: int, loop: asyncio.AbstractEventLoop, link: ClientLink) -> None:
    def hand_over(call: Callable[..., None], *arguments: object) -> bool:
        try:
            loop.call_soon_threadsafe(call, *arguments)
        except RuntimeError:
            return False  # the loop has ended
        return True

    while True:
        try:
            data = os.read(descriptor, 1 << 16)
        except OSError:
            data = b""
        if not data:
            hand_over(link.ended, "the client closed its end")
            return
        if not hand_over(link.fed, data):
            return


def _is_pipe(descriptor: int) -> bool:
    if sys.platform == "win32":
        return False
    mode = os.fstat(descriptor).st_mode
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
