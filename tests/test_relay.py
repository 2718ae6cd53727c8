"""The relay by itself; with a resident behind it: tests/resident/test_calls.py."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from axonflow_hooks import relay

ROOT = Path(__file__).resolve().parent.parent
BUILT_IN = """
import sys
sys.path.insert(0, sys.argv[1])
before = set(sys.modules)
import axonflow_hooks.relay
print(*sorted(set(sys.modules) - before))
"""


def test_it_imports_what_is_built_in_and_nothing_else() -> None:
    command = [sys.executable, "-I", "-S", "-c", BUILT_IN, str(ROOT)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    allowed = {"axonflow_hooks", "axonflow_hooks.relay", "_socket", "time", "posix", "nt"}
    assert set(done.stdout.split()) <= allowed


@pytest.fixture
def folder(tmp_path: Path) -> dict[str, str]:
    return {"HOME": "/home/a", "AXONFLOW_RESIDENT_DIR": str(tmp_path.parent / "r")}


@pytest.mark.parametrize("name", relay.IDENTITY)
def test_each_part_of_the_identity_has_its_own_resident(folder: dict[str, str], name: str) -> None:
    try:
        first = relay.address_of({**folder, name: "one", "AXONFLOW_RESIDENT_TRANSPORT": "tcp"})
        second = relay.address_of({**folder, name: "two", "AXONFLOW_RESIDENT_TRANSPORT": "tcp"})
    finally:
        Path(folder["AXONFLOW_RESIDENT_DIR"]).rmdir()
    assert first != second


def test_what_does_not_matter_does_not_split_the_residents(folder: dict[str, str]) -> None:
    folder["AXONFLOW_RESIDENT_TRANSPORT"] = "tcp"
    try:
        assert relay.address_of({**folder, "AXONFLOW_AUTH": "x", "PATH": "y"}) == relay.address_of(folder)
    finally:
        Path(folder["AXONFLOW_RESIDENT_DIR"]).rmdir()


def test_a_path_that_no_socket_can_have_is_refused(tmp_path: Path) -> None:
    long = tmp_path / ("x" * 90)
    with pytest.raises(OSError, match="too long"):
        relay.address_of({"AXONFLOW_RESIDENT_DIR": str(long)})


@pytest.mark.skipif(sys.platform == "win32", reason="no exec there")
@pytest.mark.parametrize(
    ("event", "fail_mode", "shown"),
    [
        ("pre-tool-use", "closed", "deny"),
        ("pre-tool-use", "", "deny"),  # config.toml may say so: not known here
        ("pre-tool-use", " Open ", "systemMessage"),
        ("post-tool-use", "closed", "systemMessage"),
    ],
)
def test_it_answers_even_when_no_python_can_be_started(tmp_path: Path, event: str, fail_mode: str, shown: str) -> None:
    script = (
        "import sys; sys.path.insert(0, sys.argv[2]); import axonflow_hooks.relay as relay; "
        "relay.system.execve = relay.system.posix_spawn = None; relay.main()"
    )
    environ = {"AXONFLOW_FAIL_MODE": fail_mode, "AXONFLOW_RESIDENT_DIR": str(tmp_path / "none" / "there")}
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, event, str(ROOT)],
        input=b"{}",
        env={**os.environ, **environ},
        capture_output=True,
        check=True,
    )
    assert shown in json.dumps(json.loads(done.stdout))
