"""What the writer does beside its jobs: continue the trail at the start, sign it once a minute, forget what is old."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.audit_trail.retention import cutoff, prune_piece
from axonflow_hooks.errors import CredentialError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from axonflow_hooks.agent.audit_trail.append import Appender, Trail
    from axonflow_hooks.agent.audit_trail.chain import Head
    from axonflow_hooks.agent.audit_trail.mark import Mark

logger: Final = logging.getLogger("axonflow.agent")

UPKEEP_S: Final = 60.0
PRUNE_S: Final = 3_600.0


class Upkeep:
    """Called by the writer's thread between batches; every method is a transaction of its own, or several.

    All raise SQLAlchemyError.
    """

    def __init__(
        self,
        appender: Appender,
        trail: Trail,
        retention_days: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._appender = appender
        self._trail = trail
        self._retention_days = retention_days
        self._clock = clock
        self._next = clock() + UPKEEP_S
        self._next_prune = clock()
        self._started = False

    def seconds_left(self) -> float:
        """Give how long there is nothing to do."""
        return max(0.0, self._next - self._clock())

    def due(self) -> bool:
        """Tell whether `run` is due."""
        return self._clock() >= self._next

    def start(self, connection: Connection) -> None:
        """Look whether the trail ends where it was left, note it in the trail if not, and keep the mark from now on."""
        with connection.begin():
            head, found = self._appender.resume(connection, self._read_mark())
        self._appender.committed(head)
        if found.contradicts_mark:
            self._trail.mark.set_aside()
        self._appender.open_mark()
        self._started = True

    def run(self, connection: Connection) -> None:
        """Sign what was appended since the last checkpoint; once an hour forget what is older than is to be kept."""
        self._next = self._clock() + UPKEEP_S
        if not self._started:
            self.start(connection)
        self._transact(connection, lambda head: self._appender.checkpoint(connection, head))
        if self._retention_days is not None and self._clock() >= self._next_prune:
            self._prune(connection, cutoff(self._retention_days))

    def finish(self, connection: Connection) -> None:
        """Sign the end, at a clean shutdown."""
        self._transact(connection, lambda head: self._appender.checkpoint(connection, head))

    def _prune(self, connection: Connection, before: str) -> None:
        if self._transact(connection, lambda head: prune_piece(connection, self._appender, head, before)):
            self._next = self._clock()  # the next piece, after the jobs that wait
        else:
            self._next_prune = self._clock() + PRUNE_S

    def _transact(self, connection: Connection, work: Callable[[Head], Head | None]) -> bool:
        with connection.begin():
            head = work(self._appender.begin(connection))
        if head is None:
            return False
        self._appender.committed(head)
        return True

    def _read_mark(self) -> Mark | None:
        try:
            return self._trail.mark.read()
        except CredentialError as error:
            logger.warning("The high-water mark of the audit trail is not used: %s", error)
            return None
