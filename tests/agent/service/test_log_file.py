from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.service.log_file import KEPT, stderr_in

WRITE = """
import os, sys
from pathlib import Path
from axonflow_hooks.agent.service.log_file import stderr_in
print("before", file=sys.stderr)
with stderr_in(Path(sys.argv[1]), 1_000):
    for number in range(int(sys.argv[2])):
        print(f"line {number:04} " + "x" * 89, file=sys.stderr)
    os.write(2, b"from below\\n")
print("after", file=sys.stderr)
"""


def write(path: Path, lines: int) -> str:
    command = [sys.executable, "-c", WRITE, str(path), str(lines)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stderr


def test_what_is_written_to_stderr_stands_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "agent.log"
    assert write(path, 3) == "before\nafter\n"
    assert [line[:9] for line in path.read_text().splitlines()] == ["line 0000", "line 0001", "line 0002", "from belo"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700


def test_it_is_begun_anew_when_it_is_full(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    write(path, 95)
    files = sorted(tmp_path.iterdir())
    assert [file.name for file in files] == ["agent.log", *(f"agent.log.{number}" for number in range(1, KEPT + 1))]
    assert all(file.stat().st_size <= 1_100 for file in files)
    assert {file.stat().st_mode & 0o777 for file in files} == {0o600}
    kept = [line[5:9] for file in [*files[:0:-1], path] for line in file.read_text().splitlines()]
    numbers = [int(text) for text in kept if text.isdigit()]
    assert numbers == list(range(numbers[0], 95))
    assert len(numbers) > 30


def test_a_second_start_goes_on_in_the_same_file(tmp_path: Path) -> None:
    path = tmp_path / "agent.log"
    write(path, 1)
    write(path, 1)
    assert len(path.read_text().splitlines()) == 4


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StartupError, match="--log-file"), stderr_in(tmp_path / "file" / "agent.log"):
        pass
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StartupError, match="cannot be written"), stderr_in(tmp_path / "link"):
        pass
