"""Programs in processes of their own that need not import first: forked from a process that has (see `preload`).

The imports take most of the start of an agent or a proxy, and the tests start hundreds of them. The process to fork
from is that of `multiprocessing`, one for each process that runs tests.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import warnings
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from multiprocessing.connection import Connection

PRELOADED = "tests.preload"


class Warm:
    """A program that was forked, with what tests use of a `Popen`; `streams` names those that are pipes."""

    stdin: Any = None
    stdout: Any = None
    stderr: Any = None

    def __init__(
        self,
        work: Callable[..., int],
        arguments: Sequence[str] = (),
        *,
        env: Mapping[str, str],
        streams: Sequence[str] = ("stderr",),
    ) -> None:
        context: Any = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([PRELOADED])
        theirs: dict[str, Connection] = {}
        for name in streams:
            reader, writer = context.Pipe(duplex=False)
            ours, theirs[name] = (writer, reader) if name == "stdin" else (reader, writer)
            setattr(self, name, os.fdopen(os.dup(ours.fileno()), "wb" if name == "stdin" else "rb"))
            ours.close()
        self._process = context.Process(target=_forked, args=(work, arguments, dict(env), theirs), daemon=True)
        self._process.start()
        self._asking = threading.Lock()
        for end in theirs.values():
            end.close()
        self.pid: int = self._process.pid

    @property
    def returncode(self) -> int | None:
        """The exit status, minus the signal where one ended it, or None."""
        return self.poll()

    def poll(self) -> int | None:
        """Give the exit status, minus the signal where one ended it, or None."""
        with self._asking:  # the status can be read once
            status: int | None = self._process.exitcode
        return status

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the end and give the exit status; raises subprocess.TimeoutExpired."""
        wait([self._process.sentinel], timeout)
        status = self.poll()
        if status is None:
            raise subprocess.TimeoutExpired("a forked program", timeout or 0.0)
        return status

    def send_signal(self, number: signal.Signals) -> None:
        """Send a signal, unless the process has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it at once."""
        self.send_signal(signal.SIGKILL)


def _forked(
    work: Callable[..., int], arguments: Sequence[str], environ: dict[str, str], streams: dict[str, Connection]
) -> None:
    os.environ.clear()
    os.environ.update(environ)
    nothing = os.open(os.devnull, os.O_RDWR)
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        stream = streams.get(name)
        os.dup2(nothing if stream is None else stream.fileno(), number)
        if stream is not None:
            stream.close()
    if nothing > 2:
        os.close(nothing)
    sys.stdin = os.fdopen(0, closefd=False)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    warnings.simplefilter("error")
    sys.exit(work(*arguments))
