"""What the writer does beside its jobs: it signs, and it goes on after trouble."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import func, select

from axonflow_hooks.agent.audit_trail import append
from axonflow_hooks.agent.audit_trail.append import Appender, Trail
from axonflow_hooks.agent.audit_trail.mark import MARK_NAME, MarkFile
from axonflow_hooks.agent.store import upkeep
from axonflow_hooks.agent.store.database import Database, open_database
from axonflow_hooks.agent.store.keys import load_keys
from axonflow_hooks.agent.store.upkeep import UPKEEP_S, Upkeep
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.schema import audit_checkpoints
from tests.agent.audit_trail.conftest import verdict, write

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    tmp_path.chmod(0o700)
    opened = open_database(tmp_path)
    yield opened
    opened.close()


def signed(database: Database) -> list[int]:
    query = select(audit_checkpoints.c.sequence).order_by(audit_checkpoints.c.sequence)
    return database.read(lambda connection: list(connection.execute(query).scalars()))


def test_new_entries_are_signed_within_a_minute(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "UPKEEP_S", 0.01)
    writing = Writer(database.engine)
    asyncio.run(writing.submit(verdict(1)))
    deadline = time.monotonic() + 60
    while signed(database) != [1]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writing.close()
    assert signed(database) == [1]  # nothing new: nothing to sign


def test_many_entries_are_signed_with_their_commit(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append, "CHECKPOINT_ENTRIES", 10)
    write(tmp_path, range(1, 36), at_once=5)
    ends = signed(database)
    steps = [later - earlier for earlier, later in zip([0, *ends], ends, strict=False)]
    assert ends[-1] == 35
    assert all(10 <= step < 15 for step in steps[:-1])  # the commit that reaches 10 may hold up to 5
    assert len(steps) >= 3


def test_the_end_is_signed_at_a_clean_shutdown(database: Database, tmp_path: Path) -> None:
    write(tmp_path, range(1, 6))
    write(tmp_path, range(6, 8))
    assert signed(database) == [5, 7]


def test_upkeep_is_due_once_a_minute(database: Database, tmp_path: Path) -> None:
    clock = [100.0]
    trail = Trail(load_keys(tmp_path).seal, MarkFile(tmp_path / MARK_NAME))
    appender = Appender(trail, database.engine.dialect)
    care = Upkeep(appender, trail, clock=lambda: clock[0])
    with database.engine.connect() as connection:
        care.start(connection)
        assert (care.due(), care.seconds_left()) == (False, UPKEEP_S)
        clock[0] += UPKEEP_S
        assert (care.due(), care.seconds_left()) == (True, 0.0)
        care.run(connection)
        assert not care.due()
    appender.close()


def test_a_start_that_failed_is_made_up_for(database: Database, tmp_path: Path) -> None:
    """A mark that cannot be opened (here a folder is in its place) makes the agent unhealthy, and no more."""
    (tmp_path / MARK_NAME).mkdir()
    writing = Writer(database.engine)
    asyncio.run(writing.submit(verdict(1)))
    writing.close()
    (tmp_path / MARK_NAME).rmdir()
    write(tmp_path, range(2, 4))
    assert (
        database.read(
            lambda connection: connection.execute(select(func.count()).select_from(audit_checkpoints)).scalar()
        )
        == 2
    )
