"""One thread that commits: callers enqueue a job, and wait for its result until the commit has reached the disk.

While one commit is under way the next jobs gather, so that many requests share one (group commit): the price of
`synchronous=FULL` is paid per batch. The thread hears of jobs once the event loop has run what was ready with the first
of them. After a commit of many it expects many again, and waits a moment until half of them are there: while the loop
judges the others, these are written. One client alone never waits.

A job is a function of a `Transaction`; it may run twice (see `_run_together`), so it must have no effect but through
its transaction. Where several agents share a database, their batches run one after the other: what a job reads stays
true until it is committed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from axonflow_hooks.agent.audit_trail.append import Appender, Trail
from axonflow_hooks.agent.errors import StoreUnavailable
from axonflow_hooks.agent.store.upkeep import Upkeep

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from axonflow_hooks.agent.audit_trail.chain import Head
    from axonflow_hooks.agent.tables.records import AuditRecord, DecisionRecord

logger: Final = logging.getLogger("axonflow.agent")

MAX_WAITING: Final = 4096
"""Jobs that may wait; one more is refused, so that a stuck disk shows as errors and not as growing memory."""

MAX_BATCH: Final = 256

GATHER_S: Final = 0.002
"""How long a commit waits for more jobs, after one of many: about what a commit takes by itself."""

ENGINE_TRAIL: Final = "axonflow_audit_trail"
ENGINE_RETENTION_DAYS: Final = "axonflow_audit_retention_days"
"""The execution options by which an engine carries what its writer needs to know."""

ResultT = TypeVar("ResultT")


@dataclass(slots=True)
class Transaction:
    """What a job writes with. Rows are gathered and inserted at the end, many with one statement."""

    connection: Connection
    _appender: Appender
    head: Head
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
        decisions, self._decisions = self._decisions, []
        audit, self._audit = self._audit, []
        self.head = self._appender.append(self.connection, self.head, decisions, audit)


class _Job(NamedTuple):
    run: Callable[[Transaction], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]


class _Outcome(NamedTuple):
    job: _Job
    result: Any = None
    error: Exception | None = None


class Writer:
    """Starts its thread at once; `close` commits what waits, signs it and ends it.

    `healthy` is False while commits fail. Takes the engine of `open_database`, which carries the trail.
    """

    def __init__(self, engine: Engine) -> None:
        self.healthy = True
        options = engine.get_execution_options()
        trail: Trail = options[ENGINE_TRAIL]
        self._appender = Appender(trail, engine.dialect)
        self._upkeep = Upkeep(self._appender, trail, options.get(ENGINE_RETENTION_DAYS))
        self._connection = engine.connect()
        self._waiting: deque[_Job] = deque()
        self._telling: asyncio.AbstractEventLoop | None = None
        self._told = False
        self._expected = 0
        self._changed = threading.Condition()
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="axonflow-store-writer", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """How many jobs wait for a commit."""
        return len(self._waiting)

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
            if self._telling is not loop:
                self._telling = loop
                loop.call_soon(self._tell)
        return await future

    def _tell(self) -> None:
        """Let the thread begin: everything that was ready with the first of the jobs that wait has run."""
        with self._changed:
            self._telling = None
            if self._waiting and (not self._told or len(self._waiting) >= self._expected):
                self._told = True
                self._changed.notify()

    def close(self) -> None:
        """Commit what waits, then end the thread; from now on `submit` refuses."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join()

    def _work(self) -> None:
        try:
            with self._connection as connection:
                self._care(connection, self._upkeep.start)
                while (batch := self._next_batch()) is not None:
                    if batch:
                        outcomes = self._run_together(connection, batch)
                        self.healthy = not any(isinstance(outcome.error, StoreUnavailable) for outcome in outcomes)
                        _deliver(outcomes)
                    if self._upkeep.due():
                        self._care(connection, self._upkeep.run)
                self._care(connection, self._upkeep.finish)
        finally:
            self._appender.close()
            self._refuse_all()

    def _care(self, connection: Connection, work: Callable[[Connection], None]) -> None:
        """Do upkeep; what keeps it from being done shows as unhealthy, and it is tried again."""
        try:
            work(connection)
        except Exception as error:  # noqa: BLE001 - the thread must go on: records wait for it
            logger.warning("The audit trail's upkeep failed (%s).", type(error).__name__)
            self._appender.forget()
            self.healthy = False
        else:
            self.healthy = True

    def _refuse_all(self) -> None:
        """Whatever ended the thread, nobody waits for it for ever."""
        with self._changed:
            self._closing = True
            left, self._waiting = list(self._waiting), deque()
        self.healthy = False
        _deliver([_Outcome(job, error=StoreUnavailable("The audit database is closed.")) for job in left])

    def _next_batch(self) -> list[_Job] | None:
        """Give what waits, nothing when upkeep is due first, None at the end."""
        with self._changed:
            if not self._told and not self._closing:
                self._changed.wait(self._upkeep.seconds_left())
            if self._told and not self._closing and len(self._waiting) < self._expected:
                self._changed.wait(GATHER_S)
            if not self._waiting and self._closing:
                return None
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            self._told = bool(self._waiting)
            self._expected = len(batch) // 2
            return batch

    def _run_together(self, connection: Connection, batch: Sequence[_Job]) -> list[_Outcome]:
        for _attempt in range(2):
            try:
                return self._commit(connection, batch)
            except DBAPIError as error:
                if not error.connection_invalidated:
                    break
                lost = _unavailable(error)  # the server went away: one attempt on a new connection, for all at once
            except Exception:  # noqa: BLE001 - whatever one job did must not take the others with it
                break
        else:
            return [_Outcome(job, error=lost) for job in batch]
        return [self._run_alone(connection, job) for job in batch]

    def _run_alone(self, connection: Connection, job: _Job) -> _Outcome:
        try:
            return self._commit(connection, [job])[0]
        except SQLAlchemyError as error:
            return _Outcome(job, error=_unavailable(error))
        except Exception as error:  # noqa: BLE001 - it belongs to the job's caller
            return _Outcome(job, error=error)

    def _commit(self, connection: Connection, batch: Sequence[_Job]) -> list[_Outcome]:
        try:
            with connection.begin():
                transaction = Transaction(connection, self._appender, self._appender.begin(connection))
                outcomes = [_Outcome(job, result=job.run(transaction)) for job in batch]
                transaction.flush()
        except BaseException:
            self._appender.forget()
            raise
        self._appender.committed(transaction.head)
        return outcomes


def _unavailable(error: SQLAlchemyError) -> StoreUnavailable:
    cause = type(getattr(error, "orig", None) or error).__name__
    return StoreUnavailable(f"The audit database cannot be written ({cause}).")


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
