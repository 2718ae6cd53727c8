"""Messages of one turn of the event loop, written as one: each write may wake who reads, which costs both of them.

This is for asyncio's own event loops; uvloop's transports are given each message as it comes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axonflow_hooks.proxy.exact_json import one_line

if TYPE_CHECKING:
    from collections.abc import Callable


def as_line(message: str) -> bytes:
    """Give a message as it is written: line ends between its tokens become blanks."""
    return one_line(message).encode("utf-8", "surrogatepass") + b"\n"


@dataclass(slots=True)
class GatheredLines:
    """Gives `write` all the lines added in one turn of the loop, in order, when that turn is over."""

    write: Callable[[bytes], None]
    _waiting: list[bytes] = field(default_factory=list)
    _loop: asyncio.AbstractEventLoop | None = None
    _at_once: bool = False

    def add(self, message: str) -> None:
        """Add one message."""
        self.add_line(as_line(message))

    def add_line(self, line: bytes) -> None:
        """Add one message that is a line already."""
        if not self._waiting:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
                self._at_once = not isinstance(self._loop, asyncio.BaseEventLoop)
            if self._at_once:
                self.write(line)
                return
            self._loop.call_soon(self.flush)
        self._waiting.append(line)

    def flush(self) -> None:
        """Write what waits, now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            self.write(b"".join(waiting))
