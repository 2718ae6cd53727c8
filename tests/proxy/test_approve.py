"""`axonflow-hooks proxy approve` and `check`: what backends call their tools acts on no terminal and forges no line."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.proxy.pins import Changes, Held, pin_store

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = [sys.executable, "-c", "import sys; from axonflow_hooks.cli import main; sys.exit(main())", "proxy"]
NAME = "a\x1b[2J\r\nnotes:read is hidden: nothing.\x85\x9b\u2028\u202eb\u0430"
SHOWN = "a\\x1b[2J\\r\\nnotes:read is hidden: nothing.\\x85\\x9b\\u2028\\u202eb\\u0430"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a user for whom two tools wait."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    environ = {**kept, "HOME": str(tmp_path), "TERM": "dumb", "PYTHONUTF8": "1"}
    store = pin_store(resolve_paths(environ))
    definition = {"name": NAME, "description": NAME, "inputSchema": {"type": "object"}}
    poisoned = Held(definition, f"its definition reads as orders to the model ({NAME})")
    changed = Held({**definition, "name": "other"}, "its definition has changed")
    store.record("files", Changes(held={NAME: poisoned, "other": changed}))
    return environ


def _without_terminal(environ: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [*PROGRAM, "approve", *arguments]
    return subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False, timeout=60)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        pytest.param([], 2, id="all"),
        pytest.param([f"files:{NAME}"], 1, id="by its name"),
        pytest.param([f"files:{SHOWN}"], 1, id="by its name as it is shown"),
    ],
)
def test_names_are_escaped_without_a_terminal(environ: dict[str, str], wanted: list[str], count: int) -> None:
    done = _without_terminal(environ, *wanted)
    assert (done.returncode, done.stdout) == (1, b"")
    said = done.stderr.decode()
    assert said.endswith("\n")
    assert said[:-1].isprintable()
    assert f"{count} tool(s) wait for a person: files:{SHOWN}" in said


BAD = "broken\u2028\x1b[2J"


@pytest.mark.skipif(sys.platform == "win32", reason="names of files")
@pytest.mark.parametrize(
    ("wanted", "named", "waiting"),
    [
        pytest.param([], True, True, id="all"),
        pytest.param(["files:other"], False, True, id="another server's"),
        pytest.param([BAD], True, False, id="its own"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_looked_at(
    environ: dict[str, str], wanted: list[str], named: bool, waiting: bool
) -> None:
    folder = pin_store(resolve_paths(environ)).folder
    (folder / f"{BAD}.json").touch(mode=0o600)
    done = _without_terminal(environ, *wanted)
    said = done.stderr.decode()
    assert done.returncode == 1
    assert ("broken\\u2028\\u001b[2J.json does not hold tool definitions" in said) is named
    assert ("wait for a person: files:" in said) is waiting
    assert done.stdout == (b"" if waiting else b"Nothing else waits for approval.\n")
    assert all(line.isprintable() for line in said.split("\n"))


@pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals")
def test_names_are_escaped_on_a_terminal(environ: dict[str, str]) -> None:
    from tests.terminal import at_terminal

    done = at_terminal([*PROGRAM, "approve"], environ, ("Type yes", "no"), ("Type yes", "no"), streams=True)
    assert done.code == 0, done.screen
    lines = done.screen.split("\r\n")
    assert all(line.isprintable() for line in lines), done.screen
    assert f"files:{SHOWN} is hidden: its definition reads as orders to the model (a\\u001b[2J" in done.screen
    assert not [line for line in lines if line.startswith("notes:read")]
    assert "0 accepted, 2 still hidden." in done.screen


def test_check_shows_what_it_is_given_on_one_line(environ: dict[str, str], tmp_path: Path) -> None:
    command = str(tmp_path / "no\u2028OK    such\x85pro\u202egram\x9b")
    backends = f'[{{"id":"files","command":{_as_json(command)}}}]'
    done = subprocess.run(
        [*PROGRAM, "check"],
        env={**environ, "AXONFLOW_BACKENDS": backends, "AXONFLOW_ENDPOINT": "http://127.0.0.1:1"},
        capture_output=True,
        check=False,
        timeout=60,
    )
    lines = done.stdout.decode().splitlines()
    assert all(line.isprintable() and line.startswith(("OK  ", "ERROR ")) for line in lines)
    (told,) = [line for line in lines if "backend files" in line]
    assert "no\\u2028OK    such\\u0085pro\\u202egram\\u009b" in told


def _as_json(text: str) -> str:
    import json

    return json.dumps(text)
