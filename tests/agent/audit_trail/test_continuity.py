"""What an agent finds when it continues a trail that somebody has worked on in the meantime."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.audit_trail.mark import MARK_NAME, Mark, MarkFile
from tests.agent.audit_trail.conftest import checked_folder, plain, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def mark_of(folder: Path) -> Mark | None:
    return MarkFile(folder / MARK_NAME).read()


def tampered(*statements: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        connection = plain(folder / "agent.db")
        for statement in statements:
            connection.execute(statement)
        connection.close()

    return act


def without(name: str) -> Callable[[Path], None]:
    def act(folder: Path) -> None:
        (folder / name).unlink()

    return act


def test_a_trail_is_continued_without_a_word(folder: Path) -> None:
    write(folder, range(1, 30))
    write(folder, range(30, 40))
    report = checked_folder(folder, mark_of(folder))
    assert (report.findings, report.entries) == ([], 39)


@pytest.mark.parametrize(
    ("act", "told"),
    [
        pytest.param(
            tampered("DELETE FROM audit_log WHERE sequence > 15"), "Entries 16 to 20 are missing", id="tail removed"
        ),
        pytest.param(tampered("DELETE FROM audit_head"), "The head record is missing", id="head removed"),
        pytest.param(
            tampered("UPDATE audit_head SET sequence = 15"), "not written with this agent's key", id="head changed"
        ),
        pytest.param(
            tampered("DELETE FROM audit_head", "DELETE FROM audit_log WHERE sequence > 15"),
            "an older copy",
            id="tail and head removed",
        ),
        pytest.param(
            tampered("UPDATE audit_log SET row_hash = 'x' WHERE sequence = 20"), "is not the one", id="end rewritten"
        ),
        pytest.param(
            tampered("UPDATE audit_head SET sequence = 'abc'"), "not written with this agent's key", id="head spoilt"
        ),
        pytest.param(
            tampered("UPDATE audit_log SET row_hash = x'00' WHERE sequence = 20"), "is not the one", id="hash spoilt"
        ),
        pytest.param(without("audit-signing.key"), "not written with this agent's key", id="key lost"),
        pytest.param(without("agent.db"), "an older copy", id="database replaced by none"),
    ],
)
def test_a_fault_becomes_an_entry_that_stays(folder: Path, act: Callable[[Path], None], told: str) -> None:
    write(folder, range(1, 21))
    act(folder)
    write(folder, range(21, 25))
    write(folder, range(25, 30))  # a later start does not hide it
    report = checked_folder(folder, mark_of(folder))
    recorded = [finding for finding in report.findings if finding.kind == "recorded"]
    assert len(recorded) == 1
    assert told in recorded[0].what


def test_an_older_copy_is_found_at_once_and_after_it_was_continued(folder: Path, tmp_path: Path) -> None:
    write(folder, range(1, 21))
    shutil.copy(folder / "agent.db", tmp_path / "copy")
    write(folder, range(21, 31))
    for name in ("agent.db-wal", "agent.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "copy", folder / "agent.db")
    assert [finding.kind for finding in checked_folder(folder, mark_of(folder)).findings] == ["rollback"]
    write(folder, range(31, 51))
    assert [finding.kind for finding in checked_folder(folder, mark_of(folder)).findings] == ["recorded"]
    assert (folder / f"{MARK_NAME}.contradicted").exists()


def test_a_head_that_was_kept_elsewhere_shows_an_older_copy(folder: Path) -> None:
    write(folder, range(1, 21))
    kept = mark_of(folder)
    assert kept is not None
    assert checked_folder(folder, kept).intact
    (folder / "agent.db").unlink()
    (folder / MARK_NAME).unlink()
    write(folder, range(1, 31))
    assert checked_folder(folder, mark_of(folder)).intact
    assert [finding.kind for finding in checked_folder(folder, kept).findings] == ["rollback"]


@pytest.mark.parametrize("content", [b"", b"garbage", b"0" * 20 + b" " + b"0" * 63 + b"\n"], ids=["", "text", "short"])
def test_a_mark_that_is_none_is_as_good_as_none(folder: Path, content: bytes) -> None:
    write(folder, range(1, 10))
    (folder / MARK_NAME).write_bytes(content)
    assert mark_of(folder) is None
    write(folder, range(10, 20))
    assert mark_of(folder) is not None
    assert checked_folder(folder, mark_of(folder)).intact


def test_the_mark_is_private_and_follows_the_trail(folder: Path) -> None:
    write(folder, range(1, 10))
    assert (folder / MARK_NAME).stat().st_mode & 0o777 == 0o600
    mark = mark_of(folder)
    assert mark is not None
    assert mark.sequence == 9
