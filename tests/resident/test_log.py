from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.resident import log as log_module
from axonflow_hooks.resident.log import log

if TYPE_CHECKING:
    from pathlib import Path


def test_a_line_names_its_process(tmp_path: Path) -> None:
    path = tmp_path / "state" / "resident.log"
    log(path, "started")
    log(path, "left: caf\u00e9 \ud800")
    first, second = path.read_text(encoding="utf-8").splitlines()
    assert first.endswith(f"[{os.getpid()}] started")
    assert second.endswith("left: caf\u00e9 ?")


@pytest.mark.skipif(sys.platform == "win32", reason="no modes there")
def test_only_the_user_can_read_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "resident.log"
    log(path, "started")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_it_rotates_and_keeps_the_file_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "MAX_LOG_BYTES", 1_000)
    path = tmp_path / "resident.log"
    written = [f"event {n:03}" for n in range(200)]
    for text in written:
        log(path, text)
        assert not path.exists() or path.stat().st_size <= 1_000
    older = tmp_path / "resident.1.log"
    kept = [line for file in (older, path) if file.exists() for line in file.read_text(encoding="utf-8").splitlines()]
    assert 1_000 < older.stat().st_size < 1_100
    assert len(kept) >= 18
    assert [line[-9:] for line in kept] == written[-len(kept) :]
    assert sorted(entry.name for entry in tmp_path.iterdir()) in (
        ["resident.1.log"],
        ["resident.1.log", "resident.log"],
    )


def test_a_log_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file where the folder should be", encoding="utf-8")
    log(tmp_path / "state" / "resident.log", "started")
    assert (tmp_path / "state").read_text(encoding="utf-8") == "a file where the folder should be"
