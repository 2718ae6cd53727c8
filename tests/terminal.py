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

DEADLINE_S: Final = 60

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
            return _talk(process, master, dialogue)
        finally:
            process.kill()
            process.wait()
    finally:
        os.close(slave)
        os.close(master)


def _talk(process: subprocess.Popen[str], master: int, dialogue: Sequence[tuple[str, str]]) -> Finished:
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
    screen, said = "", 0
    for prompt, reply in dialogue:
        end = time.monotonic() + DEADLINE_S
        while prompt not in screen[said:]:
            assert time.monotonic() < end, f"{prompt!r} was not asked; the screen shows {screen!r}"
            if process.poll() is not None:
                break
            screen += _shown(master)
        said = len(screen)
        os.write(master, f"{reply}\n".encode())
    code = process.wait(DEADLINE_S)
    for reader in readers:
        reader.join(DEADLINE_S)
    return Finished(code, texts["out"], texts["err"], screen + _shown(master))


def _shown(master: int) -> str:
    """Give what has appeared on the terminal, waiting a little for the first of it."""
    if not select.select([master], [], [], 0.1)[0]:
        return ""
    try:
        return os.read(master, 65_536).decode("utf-8", "replace")
    except OSError as error:
        if error.errno == errno.EIO:  # nobody has it open any more
            return ""
        raise
