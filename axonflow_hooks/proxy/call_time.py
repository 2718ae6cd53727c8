"""The time that a call has spent already, so that all its steps at a backend share one deadline.

A call that waits for a list of its backend first has less time left for its own answer. What the agent takes is bounded
by its own timeouts and does not count.
"""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

waited_s: Final[ContextVar[float | None]] = ContextVar("waited_s", default=None)
"""The seconds that the call of this task has waited for lists; None in a task that is no call's."""


def left_of(timeout_s: float) -> float:
    """Give what is left of a timeout (s) for the call of this task; 0 or less when it is over."""
    return timeout_s - (waited_s.get() or 0.0)


def add_wait(seconds: float) -> None:
    """Count a wait against the call of this task, where it is one's."""
    before = waited_s.get()
    if before is not None:
        waited_s.set(before + seconds)
