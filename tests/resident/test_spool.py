from __future__ import annotations

import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.resident import spool as spool_module
from axonflow_hooks.resident.spool import Backlog, Recipient, Record, Spool, backlog
from tests.resident.conftest import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from axonflow_hooks.paths import Paths

HERE = Recipient("http://here", "tenant")


def record(key: str, recipient: Recipient = HERE, *, at: float | None = None, body: str = "{}") -> Record:
    return Record(key, recipient, "a@example.com", "session", body, time.time() if at is None else at)


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with closing(Spool(tmp_path / "spool")) as opened:
        yield opened


def keys(spool: Spool, recipient: Recipient = HERE) -> list[str]:
    return [entry.key for entry in spool.waiting(recipient, 1000)]


def test_records_come_back_whole_and_in_order(spool: Spool) -> None:
    written = [record(f"k{n}", body=json.dumps({"n": n})) for n in range(5)]
    spool.append(written[:2])
    spool.append(written[2:])
    assert spool.waiting(HERE, 3) == written[:3]


def test_recipients_are_kept_apart(spool: Spool) -> None:
    other = Recipient("http://here", "other tenant")
    spool.append([record("a"), record("b", other)])
    assert sorted(spool.recipients(), key=lambda r: r.tenant) == [other, HERE]
    assert keys(spool, other) == ["b"]


def test_a_key_is_written_once_also_after_delivery(spool: Spool) -> None:
    spool.append([record("a"), record("a")])
    assert keys(spool) == ["a"]
    spool.settle("a")
    spool.append([record("a")])
    assert keys(spool) == []


def test_the_backlog_counts_what_waits(spool: Spool) -> None:
    spool.append([record("a", at=100.0, body="12345"), record("b", at=200.0, body="é")])
    assert spool.backlog() == Backlog(records=2, bytes=7, oldest_at=100.0, dropped=0)
    spool.settle("a")
    spool.settle("b", dropped=True)
    assert spool.backlog() == Backlog(dropped=1)


def test_the_oldest_are_dropped_and_counted_when_there_are_too_many(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "MAX_RECORDS", 3)
    for n in range(5):
        spool.append([record(f"k{n}")])
    assert keys(spool) == ["k2", "k3", "k4"]
    assert spool.backlog().dropped == 2


def test_the_oldest_are_dropped_and_counted_when_they_are_too_large(
    spool: Spool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool_module, "MAX_BYTES", 250)
    spool.append([record(f"k{n}", body="x" * 100) for n in range(4)])
    assert keys(spool) == ["k2", "k3"]
    assert (spool.backlog().bytes, spool.backlog().dropped) == (200, 2)


def test_what_is_too_old_is_dropped_and_counted(spool: Spool) -> None:
    spool.append([record("old", at=time.time() - spool_module.MAX_AGE_S - 60), record("new")])
    assert spool.drop_old() == 1
    assert keys(spool) == ["new"]
    assert spool.backlog().dropped == 1


@pytest.mark.skipif(sys.platform == "win32", reason="no modes there")
def test_only_the_user_can_read_the_files(spool: Spool, tmp_path: Path) -> None:
    spool.append([record("a")])
    folder = tmp_path / "spool"
    assert folder.stat().st_mode & 0o777 == 0o700
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    assert modes.keys() >= {"records.db", "records.db-wal"}
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("damage", [b"this is no database" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_put_aside_and_counted(tmp_path: Path, damage: bytes) -> None:
    folder = tmp_path / "spool"
    folder.mkdir()
    (folder / "records.db").write_bytes(damage)
    with closing(Spool(folder)) as spool:
        spool.append([record("a")])
        assert keys(spool) == ["a"]
        assert spool.backlog().dropped == 1
    assert any("damaged" in path.name for path in folder.iterdir())


def test_the_cli_reads_the_backlog_of_a_user(paths: Paths) -> None:
    assert backlog(paths) == Backlog()
    assert not paths.spool_dir.exists()
    with closing(Spool(paths.spool_dir)) as spool:
        spool.append([record("a", at=5.0)])
        assert backlog(paths) == Backlog(records=1, bytes=2, oldest_at=5.0)


def test_a_failed_write_leaves_nothing_behind(spool: Spool) -> None:
    broken = Record("b", HERE, "", "", None, 0.0)  # type: ignore[arg-type]
    with pytest.raises((sqlite3.Error, AttributeError)):
        spool.append([record("a"), broken])
    spool.append([record("c")])
    assert keys(spool) == ["c"]


def append_many(folder: Path, name: str) -> None:
    spool_module.BUSY_WAIT_S = 60.0  # type: ignore[misc] # a slow disk may keep one of them waiting for long
    with closing(Spool(folder)) as spool:
        for n in range(40):
            spool.append([record(f"{name}-{n}")])


def test_several_processes_append_at_once(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    names = ["a", "b", "c", "d"]
    workers = [context.Process(target=append_many, args=(tmp_path / "spool", name)) for name in names]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
    assert [worker.exitcode for worker in workers] == [0] * len(workers)
    with closing(Spool(tmp_path / "spool")) as spool:
        found = keys(spool)
        assert spool.backlog().records == 160
    for name in names:
        assert [key for key in found if key.startswith(name)] == [f"{name}-{n}" for n in range(40)]


WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from axonflow_hooks.resident.spool import Recipient, Record, Spool
spool = Spool(Path(sys.argv[2]))
n = 0
while True:
    spool.append([Record(f"k{n}", Recipient("http://here", "tenant"), "", "", "{}", time.time())])
    print(n, flush=True)
    n += 1
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
@pytest.mark.parametrize("acknowledged", [1, 7, 40])
def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, acknowledged: int) -> None:
    folder = tmp_path / "spool"
    with subprocess.Popen([sys.executable, "-c", WRITER, str(ROOT), str(folder)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout
        last = -1
        while last < acknowledged:
            last = int(writer.stdout.readline())
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read().split()
    last = int(rest[-1]) if rest else last
    with closing(Spool(folder)) as spool:
        found = keys(spool)
    # One more may have been written than the process lived to say.
    assert found[: last + 1] == [f"k{n}" for n in range(last + 1)]
    assert len(found) <= last + 2
