"""The parts of a running agent, and what it remembers of sessions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
from anyio import to_thread

from axonflow_hooks.policy import Placeholders

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from axonflow_hooks.agent.access import Access
    from axonflow_hooks.agent.mcp.sessions import Sessions
    from axonflow_hooks.agent.store.database import Database
    from axonflow_hooks.agent.store.writer import Writer
    from axonflow_hooks.policy import Engine

MAX_SESSIONS: Final = 256
"""Sessions whose placeholders are remembered; the one unused for longest is forgotten first."""

INLINE_CHARS: Final = 4_096
"""Shorter texts are evaluated on the event loop, where they take less time than the way to a thread and back."""

EVALUATION_THREADS: Final = 2
READ_THREADS: Final = 4

ResultT = TypeVar("ResultT")


class SessionPlaceholders:
    """Keeps placeholders stable within a session: one `Placeholders` per client and session."""

    def __init__(self, capacity: int = MAX_SESSIONS) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], Placeholders] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, client_id: str, session_id: str | None) -> Placeholders:
        """Give the placeholders of a session; without a session they are good for one call."""
        if session_id is None:
            return Placeholders()
        key = (client_id, session_id)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = Placeholders()
                if len(self._kept) > self._capacity:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
        return kept


@dataclass(frozen=True, slots=True)
class Agent:
    """Everything that a request needs; lives as long as the process."""

    engine: Engine
    database: Database
    writer: Writer
    access: Access
    sessions: Sessions
    integrations: frozenset[str]
    placeholders: SessionPlaceholders = field(default_factory=SessionPlaceholders)
    evaluations: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(EVALUATION_THREADS))
    reads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(READ_THREADS))

    async def compute(self, size: int, work: Callable[[], ResultT]) -> ResultT:
        """Run `work` on a text of `size` characters where it does not hold up other requests."""
        if size <= INLINE_CHARS:
            return work()
        return await to_thread.run_sync(work, limiter=self.evaluations)

    async def read(self, query: Callable[[Connection], ResultT]) -> ResultT:
        """Run a query on the database in a thread. Raises StoreUnavailable."""
        return await to_thread.run_sync(self.database.read, query, limiter=self.reads)
