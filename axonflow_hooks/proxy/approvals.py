"""Calls that wait for a person: the id of the hold, so that the same call made again can be let through (wire 1.4)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.proxy.verdicts import Decision

KEEP_S: Final = 24 * 3600.0
MAX_HELD: Final = 1_000

_OVER: Final = (
    "approval_rejected",
    "approval_already_consumed",
    "approval_not_found",
    "approval_expired",
    "bound_input_changed",
)

Key = tuple[str, str, str, int]
"""Backend, tool, the hash of the arguments, and which piece of them: each piece is a question and a hold of its own."""


@dataclass(slots=True)
class Approvals:
    """The holds of one life of the proxy."""

    clock: Callable[[], float] = time.monotonic
    _held: dict[Key, tuple[str, float, frozenset[str]]] = field(default_factory=dict)

    def id_for(self, key: Key) -> str:
        """Give the approval id of a call that was held before, "" for none."""
        held = self._held.get(key)
        return held[0] if held and self.clock() - held[1] < KEEP_S else ""

    def policies_of(self, key: Key) -> frozenset[str] | None:
        """Give the policies that held a call before, None for a call that was not held."""
        held = self._held.get(key)
        return held[2] if held and self.clock() - held[1] < KEEP_S else None

    def none(self) -> bool:
        """Tell that nothing is held."""
        return not self._held

    def hold(self, key: Key, decision: Decision) -> None:
        """Remember that a call waits; a hold that is over is forgotten, so that the next try asks for a new one."""
        if any(reason.startswith(_OVER) for reason in decision.reasons):
            self.settle(key)
        if not decision.approval_id:
            return
        self._held.pop(key, None)
        self._held[key] = (decision.approval_id, self.clock(), frozenset(decision.policies))
        while len(self._held) > MAX_HELD:
            del self._held[next(iter(self._held))]

    def settle(self, key: Key) -> None:
        """Forget a call: it was decided."""
        self._held.pop(key, None)
