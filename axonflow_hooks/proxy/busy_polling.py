"""Busy polling: while one call waits for a quick answer, the event loop turns instead of sleeping.

A process that sleeps comes back to cold caches, and on a virtual machine by way of its host: that takes longer than all
that the proxy does for a call. So it stays awake where this is cheap: for one call at a time, for a bounded time, for
what has answered within it before, and as long as nobody else wants the processor, to whom it is offered in each turn.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MAX_POLL_S: Final = 0.000_25
"""Who takes longer is waited for asleep from the next time on: beside that, a wake-up is little."""
LOST_S: Final = 0.000_15
"""A turn that takes so long tells that somebody else has the processor: a process that slept would be given it."""
REST_S: Final = 1.0
"""How long it does without when somebody else wanted the processor."""
MAX_KNOWN: Final = 1_000


@dataclass(slots=True)
class BusyPolling:
    """Polls for the answer of one call. `give_way` lets other processes run; None where polling would hinder them."""

    give_way: Callable[[], None] | None
    clock: Callable[[], float] = time.monotonic
    _slow: set[Hashable] = field(default_factory=set)
    _peer: Hashable = None
    _since: float = 0.0
    _turned: float = 0.0
    _resting_until: float = 0.0
    _until: float = 0.0
    _turning: bool = False
    _loop: asyncio.AbstractEventLoop | None = None

    def begin(self, peer: Hashable) -> None:
        """Poll for an answer of `peer`, unless its last one took longer than polling may."""
        if self.give_way is None:
            return
        self._peer, self._since = peer, self.clock()
        if peer in self._slow or self._since < self._resting_until:
            return
        self._until = self._since + MAX_POLL_S
        self._turned = self._since
        if not self._turning:
            if self._loop is None:
                self._loop = asyncio.get_running_loop()
            self._turning = True
            self._loop.call_soon(self._turn)

    def end(self) -> None:
        """Take it that the answer is there."""
        peer, self._peer, self._until = self._peer, None, 0.0
        if peer is None:
            return
        if self.clock() - self._since <= MAX_POLL_S:
            self._slow.discard(peer)
        elif len(self._slow) < MAX_KNOWN:
            self._slow.add(peer)

    def stop(self) -> None:
        """Poll no more: there is other work."""
        self._peer, self._until = None, 0.0

    def _turn(self) -> None:
        now = self.clock()
        if self.give_way is None or self._loop is None or now >= self._until:
            self._turning = False
        elif now - self._turned > LOST_S:
            self._resting_until, self._turning = now + REST_S, False
        else:
            self._turned = now
            self.give_way()
            self._loop.call_soon(self._turn)


def busy_polling() -> BusyPolling:
    """Give what polls on this machine: nothing does on one processor, or where a process cannot give way."""
    if sys.platform == "win32":
        return BusyPolling(None)
    processors = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return BusyPolling(os.sched_yield if processors > 1 else None)
