"""MCP sessions: optional for callers, bounded in number and age (wire 1.3)."""

from __future__ import annotations

import secrets
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_SESSIONS: Final = 1000
SESSION_TTL_S: Final = 24 * 3600.0
ID_PREFIX: Final = "axonflow-"


@dataclass(slots=True)
class Session:
    """One client's session; `integrations` are those that the client is known to be (wire 2.3)."""

    client_id: str
    used_at: float
    integrations: frozenset[str] = frozenset()


class Sessions:
    """The sessions of this process, the least recently used first. Used from the event loop only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, capacity: int = MAX_SESSIONS) -> None:
        self._clock = clock
        self._capacity = capacity
        self._open: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._open)

    def start(self, client_id: str, integrations: frozenset[str]) -> str:
        """Open a session and give its id; at the limit the one that was unused for longest is closed."""
        self._drop_expired()
        while len(self._open) >= self._capacity:
            self._open.popitem(last=False)
        session_id = ID_PREFIX + secrets.token_hex(12)
        self._open[session_id] = Session(client_id, self._clock(), integrations)
        return session_id

    def use(self, session_id: str) -> Session | None:
        """Give an open session and count this as its last use; None for an unknown or expired one."""
        self._drop_expired()
        session = self._open.get(session_id)
        if session is not None:
            session.used_at = self._clock()
            self._open.move_to_end(session_id)
        return session

    def end(self, session_id: str) -> None:
        """Close a session."""
        self._open.pop(session_id, None)

    def _drop_expired(self) -> None:
        oldest_allowed = self._clock() - SESSION_TTL_S
        while self._open and next(iter(self._open.values())).used_at < oldest_allowed:
            self._open.popitem(last=False)
