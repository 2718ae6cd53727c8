"""Messages of one turn of the event loop, written as one: each write may wake who reads, which costs both of them.

uvloop's transports do so by themselves; asyncio's write each message at once.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axonflow_hooks.proxy.exact_json import one_line

if TYPE_CHECKING:
    from collections.abc import Callable


@dataclass(slots=True)
class GatheredLines:
    """Gives `write` all the lines added in one turn of the loop, in order, when that turn is over."""

    write: Callable[[bytes], None]
    _waiting: list[bytes] = field(default_factory=list)

    def add(self, message: str) -> None:
        """Add one message; line ends between its tokens become blanks."""
        line = one_line(message).encode("utf-8", "surrogatepass")
        if not self._waiting:
            loop = asyncio.get_running_loop()
            if not isinstance(loop, asyncio.BaseEventLoop):
                self.write(line + b"\n")
                return
            loop.call_soon(self.flush)
        self._waiting.append(line)

    def flush(self) -> None:
        """Write what waits, now."""
        if self._waiting:
            waiting, self._waiting = self._waiting, []
            waiting.append(b"")
            self.write(b"\n".join(waiting))
