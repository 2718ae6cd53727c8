"""Forgetting old entries, and what a pruned trail still proves."""

from __future__ import annotations

import sqlite3
import time
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.audit_trail import append, retention
from axonflow_hooks.agent.audit_trail.append import Appender, Trail
from axonflow_hooks.agent.audit_trail.mark import MARK_NAME, Mark, MarkFile
from axonflow_hooks.agent.audit_trail.retention import prune_piece
from axonflow_hooks.agent.store import upkeep
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.keys import load_keys
from axonflow_hooks.agent.store.options import StoreOptions
from axonflow_hooks.agent.store.writer import Writer
from tests.agent.audit_trail.conftest import checked_folder, plain, write

if TYPE_CHECKING:
    from pathlib import Path

OLD = "2020-01-01T00:00:00.000000Z"
NEVER = "9999-01-01T00:00:00.000000Z"


@pytest.fixture
def old_and_new(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder whose entries 1 to 20 were signed long ago, and 21 to 30 now; checkpoints at 10, 20, 30."""
    with monkeypatch.context() as patch:
        patch.setattr(append, "now", lambda: OLD)
        write(folder, range(1, 11))
        write(folder, range(11, 21))
    write(folder, range(21, 31))
    return folder


def prune(folder: Path, before: str) -> int:
    """Prune all pieces and give how many there were."""
    database = open_database(folder)
    trail = Trail(load_keys(folder).seal, MarkFile(folder / MARK_NAME))
    appender = Appender(trail, database.engine.dialect)
    pieces = 0
    while True:
        with database.engine.begin() as connection:
            head = prune_piece(connection, appender, appender.begin(connection), before)
        if head is None:
            break
        appender.committed(head)
        pieces += 1
    database.close()
    return pieces


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect(folder / "agent.db")
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_old_entries_go_with_their_decisions_and_the_rest_verifies(old_and_new: Path) -> None:
    assert prune(old_and_new, "2021-01-01T00:00:00.000000Z") == 1
    report = checked_folder(old_and_new)
    assert (report.findings, report.anchor_sequence, report.first_sequence, report.entries) == ([], 20, 21, 11)
    assert rows(old_and_new, "SELECT count(*) FROM decisions") == [(5,)]
    (told,) = rows(old_and_new, "SELECT query FROM audit_log WHERE request_type = 'audit_pruned'")
    assert "20 entries up to 20" in str(told[0])


def test_nothing_that_is_young_is_forgotten(old_and_new: Path) -> None:
    assert prune(old_and_new, "2019-01-01T00:00:00.000000Z") == 0
    assert checked_folder(old_and_new).entries == 30


def test_a_piece_is_bounded(old_and_new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PIECE_ENTRIES", 10)
    assert prune(old_and_new, "2021-01-01T00:00:00.000000Z") == 2
    assert checked_folder(old_and_new).findings == []


def test_a_mark_below_the_anchor_is_no_contradiction(old_and_new: Path) -> None:
    kept = rows(old_and_new, "SELECT sequence, row_hash FROM audit_log WHERE sequence IN (15, 20)")
    prune(old_and_new, "2021-01-01T00:00:00.000000Z")
    for sequence, row_hash in kept:
        assert checked_folder(old_and_new, Mark(int(str(sequence)), str(row_hash))).intact
    assert not checked_folder(old_and_new, Mark(20, "0" * 64)).intact


@pytest.mark.parametrize(
    "statement",
    [
        pytest.param(f"UPDATE audit_checkpoints SET timestamp = '{OLD}'", id="backdated"),
        pytest.param("UPDATE audit_log SET row_hash = 'x' WHERE sequence IN (10, 20)", id="contradicted"),
    ],
)
def test_a_checkpoint_that_is_not_genuine_frees_nothing(old_and_new: Path, statement: str) -> None:
    connection = plain(old_and_new / "agent.db")
    connection.execute("DELETE FROM audit_checkpoints WHERE sequence <= 20" if "timestamp" in statement else "SELECT 1")
    connection.execute(statement)
    connection.close()
    assert prune(old_and_new, "2021-01-01T00:00:00.000000Z") == 0
    assert rows(old_and_new, "SELECT count(*) FROM audit_log") == [(30,)]


def test_tampering_after_pruning_is_found(old_and_new: Path) -> None:
    prune(old_and_new, "2021-01-01T00:00:00.000000Z")
    connection = plain(old_and_new / "agent.db")
    connection.execute("DELETE FROM audit_log WHERE sequence = 21")
    connection.close()
    kinds = [(finding.kind, finding.sequence) for finding in checked_folder(old_and_new).findings]
    assert ("removed", 21) in kinds


def test_the_writer_prunes_by_itself(old_and_new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "UPKEEP_S", 0.01)
    database = open_database(old_and_new, StoreOptions(retention_days=365))
    writer = Writer(database.engine)
    deadline = time.monotonic() + 60
    while rows(old_and_new, "SELECT min(sequence) FROM audit_log") != [(21,)]:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    writer.close()
    database.close()
    report = checked_folder(old_and_new, MarkFile(old_and_new / MARK_NAME).read())
    assert (report.findings, report.anchor_sequence) == ([], 20)


def test_without_a_setting_nothing_is_pruned(old_and_new: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "UPKEEP_S", 0.01)
    write(old_and_new, range(31, 41))
    assert rows(old_and_new, "SELECT min(sequence) FROM audit_log") == [(1,)]
