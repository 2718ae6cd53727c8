"""One thread that commits: callers enqueue a job, and wait for its result until the commit has reached the disk.

While one commit is under way the next jobs gather, so that many requests share one (group commit): the price of
`synchronous=FULL` is paid per batch. A job is a function of a `Transaction`; it may run twice (see `_run_together`),
so it must have no effect but through its transaction.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from sqlalchemy import func, insert, select
from sqlalchemy.exc import SQLAlchemyError

from axonflow_hooks.agent.errors import StoreUnavailable
from axonflow_hooks.agent.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from axonflow_hooks.agent.store.records import AuditRecord, DecisionRecord

MAX_WAITING: Final = 4096
"""Jobs that may wait; one more is refused, so that a stuck disk shows as errors and not as growing memory."""

MAX_BATCH: Final = 256

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class Transaction:
    """What a job writes with. Rows are gathered and inserted at the end, many with one statement."""

    connection: Connection
    _decisions: list[dict[str, Any]] = field(default_factory=list)
    _audit: list[dict[str, Any]] = field(default_factory=list)

    def add_decision(self, record: DecisionRecord) -> None:
        """Insert a decision."""
        self._decisions.append(record.row())

    def append_audit(self, record: AuditRecord) -> None:
        """Append an entry to the audit trail; its place in the sequence is that of this call."""
        self._audit.append(record.row())

    def flush(self) -> None:
        """Insert what was gathered."""
        if self._decisions:
            self.connection.execute(insert(schema.decisions), self._decisions)
        if self._audit:
            last = self.connection.execute(select(func.max(schema.audit_log.c.sequence))).scalar() or 0
            for sequence, row in enumerate(self._audit, start=last + 1):
                row["sequence"] = sequence
            self.connection.execute(insert(schema.audit_log), self._audit)


@dataclass(frozen=True, slots=True)
class _Job(Generic[ResultT]):
    run: Callable[[Transaction], ResultT]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[ResultT]


@dataclass(frozen=True, slots=True)
class _Outcome:
    job: _Job[Any]
    result: Any = None
    error: Exception | None = None


class Writer:
    """Starts its thread at once; `close` commits what waits and ends it. `healthy` is False while commits fail."""

    def __init__(self, engine: Engine) -> None:
        self.healthy = True
        self._connection = engine.connect()
        self._waiting: deque[_Job[Any]] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="axonflow-store-writer", daemon=True)
        self._thread.start()

    async def submit(self, run: Callable[[Transaction], ResultT]) -> ResultT:
        """Give the result of `run` once its effects are durable.

        Raises StoreUnavailable when they could not be made durable, or what `run` raised.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[ResultT] = loop.create_future()
        job = _Job(run, loop, future)
        with self._changed:
            if self._closing or len(self._waiting) >= MAX_WAITING:
                raise StoreUnavailable("The audit database cannot keep up.")
            self._waiting.append(job)
            self._changed.notify()
        return await future

    def close(self) -> None:
        """Commit what waits, then end the thread; from now on `submit` refuses."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        try:
            with self._connection as connection:
                while batch := self._next_batch():
                    outcomes = _run_together(connection, batch)
                    self.healthy = not any(isinstance(outcome.error, StoreUnavailable) for outcome in outcomes)
                    _deliver(outcomes)
        finally:
            self._refuse_all()

    def _refuse_all(self) -> None:
        """Whatever ended the thread, nobody waits for it for ever."""
        with self._changed:
            self._closing = True
            left, self._waiting = list(self._waiting), deque()
        self.healthy = False
        _deliver([_Outcome(job, error=StoreUnavailable("The audit database is closed.")) for job in left])

    def _next_batch(self) -> list[_Job[Any]]:
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]


def _run_together(connection: Connection, batch: Sequence[_Job[Any]]) -> list[_Outcome]:
    try:
        return _commit(connection, batch)
    except Exception:  # noqa: BLE001 - whatever one job did must not take the others with it
        return [_run_alone(connection, job) for job in batch]


def _run_alone(connection: Connection, job: _Job[Any]) -> _Outcome:
    try:
        return _commit(connection, [job])[0]
    except SQLAlchemyError as error:
        cause = type(getattr(error, "orig", None) or error).__name__
        return _Outcome(job, error=StoreUnavailable(f"The audit database cannot be written ({cause})."))
    except Exception as error:  # noqa: BLE001 - it belongs to the job's caller
        return _Outcome(job, error=error)


def _commit(connection: Connection, batch: Sequence[_Job[Any]]) -> list[_Outcome]:
    with connection.begin():
        transaction = Transaction(connection)
        outcomes = [_Outcome(job, result=job.run(transaction)) for job in batch]
        transaction.flush()
    return outcomes


def _deliver(outcomes: Sequence[_Outcome]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Outcome]] = {}
    for outcome in outcomes:
        by_loop.setdefault(outcome.job.loop, []).append(outcome)
    for loop, own in by_loop.items():
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(_resolve, own)


def _resolve(outcomes: Sequence[_Outcome]) -> None:
    for outcome in outcomes:
        if outcome.job.future.done():  # the caller has gone away
            continue
        if outcome.error is not None:
            outcome.job.future.set_exception(outcome.error)
        else:
            outcome.job.future.set_result(outcome.result)
