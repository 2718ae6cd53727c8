"""Keeps calls from an agent that does not answer: after some failures in a row it is left alone for a while."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.errors import AgentUnavailable, RateLimited

if TYPE_CHECKING:
    from collections.abc import Callable

FAILURES_TO_OPEN: Final = 5
FIRST_PAUSE_S: Final = 0.5
LONGEST_PAUSE_S: Final = 15.0


@dataclass(slots=True)
class Breaker:
    """One agent's state. `clock` gives seconds. After a pause one call goes through: it decides for the others."""

    clock: Callable[[], float]
    _failures: int = 0
    _closed_until: float = 0.0
    _limited_until: float = 0.0
    _probing: bool = False

    def enter(self) -> None:
        """Ask before each exchange. Raises RateLimited or AgentUnavailable while the agent is to be left alone."""
        now = self.clock()
        if now < self._limited_until:
            left = self._limited_until - now
            raise RateLimited(f"The agent asked not to be called for another {left:.0f} s.", retry_after=max(1.0, left))
        if self._failures < FAILURES_TO_OPEN:
            return
        if now < self._closed_until or self._probing:
            left = max(0.0, self._closed_until - now)
            raise AgentUnavailable(
                f"The agent failed {self._failures} times in a row; it is tried again in {left:.1f} s."
            )
        self._probing = True

    def at_rest(self) -> bool:
        """Tell whether `enter` has no reason to say no, nor to note anything."""
        return not self._failures and (not self._limited_until or self.clock() >= self._limited_until)

    def succeeded(self) -> None:
        """The agent has answered."""
        self._failures, self._probing = 0, False

    def failed(self) -> None:
        """The agent could not be reached, or could not answer (5xx)."""
        self._failures, self._probing = self._failures + 1, False
        over = self._failures - FAILURES_TO_OPEN
        if over >= 0:
            self._closed_until = self.clock() + min(FIRST_PAUSE_S * 2.0 ** min(over, 10), LONGEST_PAUSE_S)

    def abandoned(self) -> None:
        """An exchange was cancelled: it says nothing about the agent."""
        self._probing = False

    def limited(self, retry_after_s: float) -> None:
        """The agent has answered 429: it is left alone for as long as it asks (RFC 9110, 10.2.3)."""
        self._failures, self._probing = 0, False
        self._limited_until = self.clock() + retry_after_s
