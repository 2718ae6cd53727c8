"""The portable extension's start: which Python is taken where the PATH is bare, and from which folders."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from devtools.mcpb import DESKTOP, PLATFORMS, PYTHONS

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows starts Python by its own launcher")

TELL = "import sys; print(sys.argv[1:], sys.flags.isolated, sys.stdin.read())"


@pytest.fixture
def server(tmp_path: Path) -> Path:
    folder = tmp_path / "an extension" / "server"
    folder.mkdir(parents=True)
    shutil.copy2(DESKTOP / "launch", folder)
    (folder / "main.py").write_text(TELL)
    return folder


def interpreter(place: Path, name: str, *, fits: bool = True) -> Path:
    """Put an interpreter into a folder: this one, with a word of its own on stderr, or one that is too old."""
    place.mkdir(parents=True, exist_ok=True)
    program = place / name
    work = f'echo "{program}" >&2; exec "{sys.executable}" "$@"' if fits else "exit 1"
    program.write_text(f"#!/bin/sh\n{work}\n")
    program.chmod(0o755)
    return program


def launch(server: Path, *arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", str(server / "launch"), *arguments],
        input="what the host says", env=environ, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def taken(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 0, done.stderr
    return done.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "place",
    [
        ".local/bin",
        ".pyenv/versions/3.12.1/bin",
        ".local/share/uv/python/cpython-3.13.1-linux/bin",
        ".local/share/mise/installs/python/3.11/bin",
        "miniforge3/bin",
    ],
)
def test_places_that_a_bare_path_leaves_out_are_looked_at(server: Path, tmp_path: Path, place: str) -> None:
    if any(Path(folder, "python3").exists() for folder in ("/opt/homebrew/bin", "/usr/local/bin")):
        pytest.skip("this machine has a Python in a place that comes first")
    python = interpreter(tmp_path / "home" / place, "python3.12")
    empty = tmp_path / "empty"
    empty.mkdir()
    assert taken(launch(server, HOME=str(tmp_path / "home"), PATH=str(empty))) == str(python)


def test_stdin_and_arguments_are_passed_on_and_python_is_isolated(server: Path, tmp_path: Path) -> None:
    interpreter(tmp_path / "bin", "python3")
    done = launch(server, "approve", "a b", HOME=str(tmp_path), PATH=f"{tmp_path}/bin:/usr/bin:/bin")
    assert done.stdout.strip() == "['approve', 'a b'] 1 what the host says"


def test_what_does_not_fit_is_passed_over(server: Path, tmp_path: Path) -> None:
    interpreter(tmp_path / "old", "python3", fits=False)
    interpreter(tmp_path / "shims", "python3")
    fits = interpreter(tmp_path / "new", "python3.11")
    path = os.pathsep.join(["", ".", f"{tmp_path}/shims", f"{tmp_path}/old", f"{tmp_path}/new"])
    assert taken(launch(server, HOME=str(tmp_path), PATH=path)) == str(fits)


def test_the_setting_comes_first(server: Path, tmp_path: Path) -> None:
    chosen, other = interpreter(tmp_path / "mine", "my-python"), interpreter(tmp_path / "bin", "python3")
    path = str(tmp_path / "bin")
    assert taken(launch(server, HOME=str(tmp_path), PATH=path, AXONFLOW_PYTHON=str(chosen))) == str(chosen)
    unexpanded = "${user_config.python}"
    assert taken(launch(server, HOME=str(tmp_path), PATH=path, AXONFLOW_PYTHON=unexpanded)) == str(other)


def test_a_wrong_setting_stops_the_start_with_its_name(server: Path, tmp_path: Path) -> None:
    old = interpreter(tmp_path / "old", "python3", fits=False)
    done = launch(server, HOME=str(tmp_path), PATH="/usr/bin:/bin", AXONFLOW_PYTHON=str(old))
    assert done.returncode == 2
    assert "AXONFLOW_PYTHON" in done.stderr
    assert not done.stdout


def entry_point() -> ModuleType:
    spec = importlib.util.spec_from_file_location("desktop_main", DESKTOP / "main.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_folder_of_this_interpreter_is_one_that_is_packed() -> None:
    compiled, pure = entry_point().libraries("/x/server")
    packed = {f"/x/server/lib/cp{python.replace('.', '')}-{system}" for python in PYTHONS for system in PLATFORMS}
    assert compiled in packed
    assert pure == "/x/server/lib/any"
