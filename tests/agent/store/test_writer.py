"""The writer thread: durable before told, one job's fault is its own, bounded (real SQLite)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import event, select

from axonflow_hooks.agent.errors import StoreUnavailable
from axonflow_hooks.agent.store import writer
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.writer import Transaction, Writer
from axonflow_hooks.agent.tables import schema
from axonflow_hooks.agent.tables.records import AuditRecord, Caller

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from axonflow_hooks.agent.store.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    database = open_database(folder)
    yield database
    database.close()


def record(name: str, size: int = 10) -> AuditRecord:
    return AuditRecord(
        id=name,
        timestamp="2026-01-31T12:00:00.000000Z",
        request_type="tool_call_audit",
        tool_name="Bash",
        query="x" * size,
        caller=Caller("local"),
    )


def append(name: str, size: int = 10) -> Callable[[Transaction], str]:
    def job(transaction: Transaction) -> str:
        transaction.append_audit(record(name, size))
        return name

    return job


def ids(database: Database) -> list[str]:
    """Give the ids in the order of their sequence, read by another connection."""
    query = select(schema.audit_log.c.id).order_by(schema.audit_log.c.sequence)
    return database.read(lambda connection: list(connection.execute(query).scalars()))


def run(database: Database, work: Callable[[Writer], Any]) -> Any:
    writing = Writer(database.engine)
    try:
        return asyncio.run(work(writing))
    finally:
        writing.close()


def test_what_is_acknowledged_is_in_the_file(database: Database) -> None:
    async def work(writing: Writer) -> None:
        for number in range(3):
            assert await writing.submit(append(f"a{number}")) == f"a{number}"
            assert ids(database)[-1] == f"a{number}"

    run(database, work)


def test_many_jobs_share_commits_and_keep_their_order(database: Database) -> None:
    commits: list[int] = []
    event.listen(database.engine, "commit", lambda _connection: commits.append(1))

    async def work(writing: Writer) -> list[str]:
        return list(await asyncio.gather(*(writing.submit(append(f"a{number}")) for number in range(500))))

    names = run(database, work)
    assert ids(database) == names == [f"a{number}" for number in range(500)]
    assert len(commits) < 100


def test_what_is_ready_together_is_committed_together(database: Database) -> None:
    transactions: list[Transaction] = []

    def noting(name: str) -> Callable[[Transaction], str]:
        def job(transaction: Transaction) -> str:
            transactions.append(transaction)
            return append(name)(transaction)

        return job

    async def work(writing: Writer) -> None:
        await asyncio.gather(*(writing.submit(noting(f"a{number}")) for number in range(20)))

    run(database, work)
    assert len(transactions) == 20
    assert len({id(transaction) for transaction in transactions}) == 1


def test_after_a_commit_of_many_the_next_one_waits_for_half_of_them(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GATHER_S", 3600.0)  # only the others end the wait

    async def work(writing: Writer) -> None:
        await asyncio.gather(*(writing.submit(append(f"a{number}")) for number in range(8)))
        waiting = []
        for number in range(3):
            waiting.append(asyncio.ensure_future(writing.submit(append(f"b{number}"))))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        assert writing.backlog == 3
        await asyncio.gather(writing.submit(append("b3")), *waiting)

    run(database, work)
    assert len(ids(database)) == 12


def test_one_alone_does_not_wait_for_others(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GATHER_S", 3600.0)

    async def work(writing: Writer) -> None:
        for number in range(3):
            await writing.submit(append(f"a{number}"))

    run(database, work)
    assert len(ids(database)) == 3


def test_after_a_commit_of_many_one_alone_waits_a_moment_only(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "GATHER_S", 0.0)

    async def work(writing: Writer) -> None:
        await asyncio.gather(*(writing.submit(append(f"a{number}")) for number in range(8)))
        await writing.submit(append("alone"))

    run(database, work)
    assert ids(database)[-1] == "alone"


def test_a_wait_for_more_ends_when_the_writer_is_closed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "GATHER_S", 3600.0)
    writing = Writer(database.engine)

    async def work() -> None:
        await asyncio.gather(*(writing.submit(append(f"a{number}")) for number in range(8)))
        alone = asyncio.ensure_future(writing.submit(append("alone")))
        await asyncio.sleep(0)
        await asyncio.to_thread(writing.close)
        assert await alone == "alone"

    asyncio.run(work())


def test_jobs_of_a_loop_that_has_ended_hold_up_no_other(database: Database) -> None:
    writing = Writer(database.engine)

    async def left() -> None:
        task = asyncio.ensure_future(writing.submit(append("left")))
        await asyncio.sleep(0)
        task.cancel()

    try:
        asyncio.run(left())
        assert asyncio.run(writing.submit(append("next"))) == "next"
    finally:
        writing.close()
    assert ids(database) == ["left", "next"]


def test_a_job_that_fails_takes_no_other_with_it(database: Database) -> None:
    def broken(transaction: Transaction) -> None:
        transaction.append_audit(record("broken"))
        raise ValueError("my own")

    async def work(writing: Writer) -> list[Any]:
        jobs = [append("a"), broken, append("b"), append("a"), append("c")]
        return await asyncio.gather(*(writing.submit(job) for job in jobs), return_exceptions=True)

    first, failed, second, duplicate, third = run(database, work)
    assert (first, second, third) == ("a", "b", "c")
    assert isinstance(failed, ValueError)
    assert isinstance(duplicate, StoreUnavailable)
    assert ids(database) == ["a", "b", "c"]


def test_a_full_disk_is_told_and_gets_better(database: Database) -> None:
    def limit(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA max_page_count = 40")

    event.listen(database.engine, "connect", limit)
    database.engine.dispose()  # the next connections have the limit

    async def work(writing: Writer) -> None:
        with pytest.raises(StoreUnavailable, match="cannot be written"):
            await writing.submit(append("large", 1_000_000))
        assert not writing.healthy
        assert await writing.submit(append("small")) == "small"
        assert writing.healthy

    run(database, work)
    assert ids(database) == ["small"]


def test_more_jobs_than_may_wait_are_refused(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "MAX_WAITING", 3)
    held = threading.Event()
    holding = threading.Event()

    def hold(_transaction: Transaction) -> None:
        holding.set()
        held.wait()

    async def work(writing: Writer) -> list[Any]:
        first = asyncio.ensure_future(writing.submit(hold))
        await asyncio.to_thread(holding.wait)
        waiting = [asyncio.ensure_future(writing.submit(append(f"a{number}"))) for number in range(3)]
        await asyncio.sleep(0)
        with pytest.raises(StoreUnavailable, match="keep up"):
            await writing.submit(append("one too many"))
        held.set()
        return await asyncio.gather(first, *waiting)

    assert run(database, work) == [None, "a0", "a1", "a2"]
    assert ids(database) == ["a0", "a1", "a2"]


def test_a_caller_that_goes_away_does_not_stop_the_commit(database: Database) -> None:
    async def work(writing: Writer) -> None:
        gone = asyncio.ensure_future(writing.submit(append("gone")))
        await asyncio.sleep(0)
        gone.cancel()
        await asyncio.gather(gone, return_exceptions=True)
        await writing.submit(append("stays"))

    run(database, work)
    assert ids(database) == ["gone", "stays"]


def test_closing_commits_what_waits_and_refuses_the_rest(database: Database) -> None:
    writing = Writer(database.engine)

    async def work() -> None:
        waiting = [asyncio.ensure_future(writing.submit(append(f"a{number}"))) for number in range(100)]
        await asyncio.sleep(0)
        await asyncio.to_thread(writing.close)
        await asyncio.gather(*waiting)
        with pytest.raises(StoreUnavailable):
            await writing.submit(append("late"))

    asyncio.run(work())
    assert len(ids(database)) == 100


def test_the_write_ahead_log_is_synced_at_every_commit(database: Database) -> None:
    pragmas = ("journal_mode", "synchronous")
    with database.engine.connect() as connection:
        found = [connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in pragmas]
    assert found == ["wal", 2]


def test_the_database_can_be_read_by_sqlite_alone(database: Database, tmp_path: Path) -> None:
    run(database, lambda writing: writing.submit(append("a")))
    connection = sqlite3.connect(tmp_path / "data" / "agent.db")
    assert connection.execute("SELECT sequence, id FROM audit_log").fetchall() == [(1, "a")]
    connection.close()
