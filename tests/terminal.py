"""A person at a terminal: runs a command that has one as its controlling terminal, reads its prompts and types."""

from __future__ import annotations

import errno
import os
import pty
import select
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DEADLINE_S: Final = 120
_END: Final = b"\x1eend of the screen\x1e"

# The first terminal that the leader of a session without one opens becomes its controlling terminal.
_WITH_TERMINAL: Final = """
import os, sys
os.setsid()
os.close(os.open(sys.argv[1], os.O_RDWR))
os.execv(sys.argv[2], sys.argv[2:])
"""


@dataclass(frozen=True, slots=True)
class Finished:
    """What a command left: `screen` is what was shown on the terminal itself, where prompts and echoes go."""

    code: int
    out: str
    err: str
    screen: str


def at_terminal(
    command: Sequence[str], environ: Mapping[str, str], *dialogue: tuple[str, str], streams: bool = False
) -> Finished:
    """Run a command (its program by its full path) and, for each (prompt, reply), type the reply when it is asked for.

    Its standard streams are no terminals, or with `streams` that terminal: all it writes is then on the screen. Fails
    when a prompt does not come, or the command does not end.
    """
    master, slave = pty.openpty()
    try:
        process = subprocess.Popen(
            [sys.executable, "-c", _WITH_TERMINAL, os.ttyname(slave), *command],
            env=dict(environ),
            stdin=slave if streams else subprocess.DEVNULL,
            stdout=slave if streams else subprocess.PIPE,
            stderr=slave if streams else subprocess.PIPE,
            text=True,
        )
        try:
            return _talk(process, (master, slave), dialogue)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(slave)
        os.close(master)


def _talk(process: subprocess.Popen[str], ends: tuple[int, int], dialogue: Sequence[tuple[str, str]]) -> Finished:
    master, slave = ends
    texts = {"out": "", "err": ""}

    def read(name: str, stream: IO[str]) -> None:
        with stream:
            texts[name] = stream.read()

    readers = [
        threading.Thread(target=read, args=(name, stream))
        for name, stream in (("out", process.stdout), ("err", process.stderr))
        if stream is not None
    ]
    for reader in readers:
        reader.start()
    screen, said = b"", 0
    for prompt, reply in dialogue:
        end = time.monotonic() + DEADLINE_S
        while prompt.encode() not in screen[said:]:
            assert time.monotonic() < end, f"{prompt!r} was not asked; the screen shows {screen!r}"
            if process.poll() is not None:
                break
            screen += _shown(master)
        said = len(screen)
        os.write(master, f"{reply}\n".encode())
    code = process.wait(DEADLINE_S)
    for reader in readers:
        reader.join(DEADLINE_S)
    shown = screen + _rest(master, slave)
    return Finished(code, texts["out"], texts["err"], shown.decode("utf-8", "replace"))


def _rest(master: int, slave: int) -> bytes:
    """Give what is still to come when nobody else writes: the system hands it on in its own time, but in order."""
    try:
        os.write(slave, _END)
    except OSError:  # some systems take the terminal away with the process that led its session
        return _shown(master)
    end, rest = time.monotonic() + DEADLINE_S, b""
    while _END not in rest:
        assert time.monotonic() < end, f"the screen did not end: {rest!r}"
        rest += _shown(master)
    return rest.partition(_END)[0]


def _shown(master: int) -> bytes:
    """Give what has appeared on the terminal, waiting a little for the first of it."""
    if not select.select([master], [], [], 0.1)[0]:
        return b""
    try:
        return os.read(master, 65_536)
    except OSError as error:
        if error.errno == errno.EIO:  # nobody has it open any more
            return b""
        raise
