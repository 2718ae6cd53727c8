"""A backend that is a program: messages as lines on its stdin and stdout, its stderr on ours, with its name."""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Any, BinaryIO, Final, cast

from axonflow_hooks.proxy.backend_map import resolve
from axonflow_hooks.proxy.child_process import end_group, find_program, group_options, minimal_environment
from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_text
from axonflow_hooks.proxy.gathered import GatheredLines, as_line
from axonflow_hooks.proxy.lines import LineBuffer, LineTooLong
from axonflow_hooks.proxy.rpc import Lost

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.proxy.backend_map import Backend
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.guardian import Guardian
    from axonflow_hooks.proxy.rpc import Session

OWN_PIPES: Final = sys.platform != "win32"
"""An event loop of Windows cannot wait for such pipes: there the subprocess' own are used."""
LEAVE_S: Final = 0.8
"""Twice this is less than the 2 s after which hosts lose patience with a server that is to end."""
DRAIN_S: Final = 1.0
MAX_STDERR_LINE: Final = 64_000
MAX_UNREAD_ANSWERS: Final = 16_000_000
"""So many bytes may wait for a program that does not read; then it is sent calls alone."""
MAX_UNREAD: Final = 64_000_000
"""So many may wait; then it is sent no calls, either."""


class StdioTransport(asyncio.SubprocessProtocol):
    """The running program of one backend."""

    def __init__(self, name: str, session: Session, diagnostics: Diagnostics, guardian: Guardian) -> None:
        self._name = name
        self._guardian = guardian
        self._session = session
        self._diagnostics = diagnostics
        self._lines = LineBuffer()
        self._errors = LineBuffer(limit=MAX_STDERR_LINE)
        self._process: asyncio.SubprocessTransport | None = None
        self._stdin: asyncio.WriteTransport | None = None
        self._stdout: asyncio.ReadTransport | None = None
        self._out = GatheredLines(self._write)
        self._exited = asyncio.Event()
        self._over = False
        self._closing = False
        self._dropping = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._process = cast("asyncio.SubprocessTransport", transport)
        # None where the program has pipes of ours.
        self._stdin = cast("asyncio.WriteTransport | None", self._process.get_pipe_transport(0))
        self._guardian.watch(self._process.get_pid())

    async def connect(self, pipes: _Pipes) -> None:
        """Speak with the program over pipes of ours."""
        loop = asyncio.get_running_loop()
        self._stdin, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, pipes.take_input())
        self._stdout, _ = await loop.connect_read_pipe(lambda: _Output(self), pipes.take_output())

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == 2:
            self._pass_on_errors(data)
        else:
            self.received(data)

    def received(self, data: bytes) -> None:
        """Take what the program has written to its stdout."""
        try:
            lines = self._lines.feed(data)
        except LineTooLong:
            self._give_up("it sent a line that is longer than any message may be")
            return
        for line in lines:
            try:
                self._session.receive(read_text(line))
            except UnreadableMessage as error:
                self._session.note(f"A line was dropped, as {error}.")

    def _pass_on_errors(self, data: bytes) -> None:
        try:
            lines = self._errors.feed(data)
        except LineTooLong:
            lines = [b"(a very long line)"]
        for line in lines:
            text = "".join(char if char.isprintable() else " " for char in line.decode("utf-8", "replace"))
            self._diagnostics.line(f"[{self._name}] {text}")

    def pipe_connection_lost(self, fd: int, exc: Exception | None) -> None:
        if fd == 1:
            self.ended()

    def ended(self) -> None:
        """Take the end of its stdout."""
        self._give_up("it closed its output")

    def process_exited(self) -> None:
        self._over = True
        self._exited.set()
        if self._process is not None:
            end_group(self._process.get_pid(), kill=True)  # what it has started holds its output open
            self._guardian.forget(self._process.get_pid())
        # What it has written before is still to be read: the end of its output tells that it is over.
        asyncio.get_running_loop().call_later(DRAIN_S, self._session.lose, "its process ended")

    def _give_up(self, reason: str) -> None:
        code = self._process.get_returncode() if self._process else None
        self._session.lose(reason if code is None else f"its process ended (status {code})")
        if self._process is not None and not self._closing:
            end_group(self._process.get_pid(), kill=True)

    async def send(self, message: str, request_id: int | None) -> None:
        """Write a line. Raises Lost, with nothing sent, when the program is gone already, or has not read for long."""
        if request_id is None and self._drops():
            return
        self.send_now(as_line(message))

    def _drops(self) -> bool:
        """Tell whether what is no call is dropped, as too much waits already."""
        full = self._unread() > MAX_UNREAD_ANSWERS
        if full and not self._dropping:
            self._session.note("Answers and notifications to it are dropped, as it does not read what it is sent.")
        self._dropping = full
        return full

    def send_now(self, line: bytes) -> bool:
        """Write a line as `send` does; gives True, as nothing has to be waited for."""
        if self._stdin is None or self._over or self._stdin.is_closing():
            raise Lost("its process has ended", sent=False)
        if self._unread() > MAX_UNREAD:
            raise Lost("it does not read what it is sent", sent=False)
        self._out.add_line(line)
        return True

    def _unread(self) -> int:
        return self._stdin.get_write_buffer_size() if self._stdin is not None else 0

    def forget(self, request_id: int) -> None:
        """Nothing is kept for a request here."""

    def _write(self, data: bytes) -> None:
        if self._stdin is not None and not self._stdin.is_closing():
            self._stdin.write(data)

    async def aclose(self) -> None:
        """End the program and all it has started: by closing its input, then asking it to, then at once."""
        if self._process is None:
            return
        pid = self._process.get_pid()
        self._closing = True
        if self._stdin is not None:
            self._out.flush()
            self._stdin.close()
        for kill in (False, True):
            try:
                await asyncio.wait_for(self._exited.wait(), LEAVE_S)
                break
            except asyncio.TimeoutError:
                end_group(pid, kill=kill)
        else:
            await self._exited.wait()
        end_group(pid, kill=True)  # what its leader has left behind
        if self._stdout is not None:
            self._stdout.close()
        self._process.close()


class _Output(asyncio.Protocol):
    """Reads a program's stdout: at once, where a subprocess' own transport waits for a turn of the loop."""

    def __init__(self, program: StdioTransport) -> None:
        self._program = program

    def data_received(self, data: bytes) -> None:
        self._program.received(data)

    def connection_lost(self, exc: Exception | None) -> None:
        self._program.ended()


class _Pipes:
    """Two pipes between us and a program, of which no other program can inherit an end."""

    def __init__(self) -> None:
        self.stdin, self._input = os.pipe()
        try:
            self._output, self.stdout = os.pipe()
        except OSError:
            os.close(self.stdin)
            os.close(self._input)
            raise

    def take_input(self) -> BinaryIO:
        """Give our end of its stdin, which is the taker's from now on."""
        descriptor, self._input = self._input, -1
        return os.fdopen(descriptor, "wb", 0)

    def take_output(self) -> BinaryIO:
        """Give our end of its stdout, which is the taker's from now on."""
        descriptor, self._output = self._output, -1
        return os.fdopen(descriptor, "rb", 0)

    def close_theirs(self) -> None:
        """Let go of the program's ends, which it has by now."""
        os.close(self.stdin)
        os.close(self.stdout)

    def close_ours(self) -> None:
        """Close those of our ends that nobody has taken."""
        for descriptor in (self._input, self._output):
            if descriptor >= 0:
                os.close(descriptor)
        self._input = self._output = -1


async def start_program(
    backend: Backend, session: Session, diagnostics: Diagnostics, environ: Mapping[str, str], guardian: Guardian
) -> StdioTransport:
    """Start a backend's program. Raises SettingsError when the map does not fit this machine, Lost when it fails."""
    given = {
        name: resolve(value, f"env.{name} of backend {backend.id!r}", environ) for name, value in backend.env.items()
    }
    environment = minimal_environment(environ, given)
    program = find_program(backend.command or "", environment, backend.id)
    pipes: _Pipes | None = None
    try:
        pipes = _Pipes() if OWN_PIPES else None
        options = {"env": environment, "cwd": backend.cwd, **group_options()}
        transport = StdioTransport(backend.id, session, diagnostics, guardian)
        await _start(transport, [program, *backend.args], pipes, options)
        session.transport = transport
        if pipes is not None:
            await transport.connect(pipes)
    except (OSError, ValueError) as error:
        raise Lost(f"its program cannot be started ({getattr(error, 'strerror', None) or error})", sent=False) from None
    finally:
        if pipes is not None:
            pipes.close_ours()
    return transport


async def _start(
    transport: StdioTransport, command: list[str], pipes: _Pipes | None, options: Mapping[str, Any]
) -> None:
    program, *arguments = command
    given: dict[str, Any] = {"stdin": pipes.stdin, "stdout": pipes.stdout} if pipes is not None else {}
    try:
        await asyncio.get_running_loop().subprocess_exec(lambda: transport, program, *arguments, **given, **options)
    finally:
        if pipes is not None:
            pipes.close_theirs()
