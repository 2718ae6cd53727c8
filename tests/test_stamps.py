from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.stamps import Wait, age_s, read_wait, remove_stamp, write_wait

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_800_000_000.0
HOUR = 3600.0


@pytest.fixture
def stamp(tmp_path: Path) -> Path:
    return tmp_path / "cache" / "stamp"


def written(stamp: Path, content: bytes, at: float) -> None:
    stamp.parent.mkdir(exist_ok=True)
    stamp.write_bytes(content)
    os.utime(stamp, (at, at))


def test_what_is_written_is_read(stamp: Path) -> None:
    write_wait(stamp, until=NOW + 60, note="rate-limited")
    os.utime(stamp, (NOW, NOW))
    assert read_wait(stamp, maximum_s=HOUR, now=NOW) == Wait(NOW + 60, "rate-limited")
    assert stat.S_IMODE(stamp.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("content", "written_at", "remaining"),
    [
        pytest.param(b"1800000060\n", NOW, 60, id="waits"),
        pytest.param(b"1799999999\n", NOW - HOUR, 0, id="over"),
        pytest.param(b"9999999999\n", NOW - 600, HOUR - 600, id="never-longer-than-the-maximum"),
        pytest.param(b"inf", NOW, HOUR, id="infinite"),
        pytest.param(b"nan", NOW, HOUR, id="not-a-number"),
        pytest.param(b"", NOW - 600, HOUR - 600, id="empty-counts-from-its-time"),
        pytest.param(b"\xff\xfe", NOW, HOUR, id="binary"),
        pytest.param(b"rubbish\n", NOW - 2 * HOUR, 0, id="rubbish-is-over-too"),
        pytest.param(b"9999999999\n", NOW + 86_400, 0, id="from-a-clock-that-was-wrong"),
    ],
)
def test_no_stamp_silences_for_ever(stamp: Path, content: bytes, written_at: float, remaining: float) -> None:
    written(stamp, content, written_at)
    assert read_wait(stamp, maximum_s=HOUR, now=NOW).remaining_s(NOW) == remaining


def test_without_a_stamp_nothing_waits(stamp: Path) -> None:
    assert read_wait(stamp, maximum_s=HOUR, now=NOW).remaining_s(NOW) == 0
    assert age_s(stamp, now=NOW) is None
    remove_stamp(stamp)


@pytest.mark.parametrize(
    ("written_at", "age"),
    [
        pytest.param(NOW - 90, 90, id="past"),
        pytest.param(NOW + 60, 0, id="a-clock-a-little-off"),
        pytest.param(NOW + 86_400, None, id="future"),
    ],
)
def test_age(stamp: Path, written_at: float, age: float | None) -> None:
    written(stamp, b"", written_at)
    assert age_s(stamp, now=NOW) == age


def test_a_removed_stamp_is_gone(stamp: Path) -> None:
    write_wait(stamp, until=NOW)
    remove_stamp(stamp)
    assert not stamp.exists()
