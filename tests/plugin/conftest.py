"""A copy of the plugin's entry files in a folder with an awkward name, with a stand-in for the Python package."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

REPOSITORY = Path(__file__).resolve().parents[2]

HOOK = """
import json, os, sys
def main(event):
    print(json.dumps({"event": event, "stdin": len(sys.stdin.buffer.read()), "python": sys.executable,
                      "cwd": os.getcwd(), "argv": sys.argv[1:]}))
    return 0
"""
BRIDGE = """
import sys
def main(answered):
    print("bridge", sys.executable, answered)
    return 0
"""
CLI = """
import sys
def main():
    print("cli", sys.argv)
    raise SystemExit(3)
"""


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin folder, the home and project of its user, and the shell that runs it."""

    root: Path
    home: Path
    project: Path
    shell: tuple[str, ...]

    @property
    def data(self) -> Path:
        """CLAUDE_PLUGIN_DATA."""
        return self.home / "data"

    def environment(self, **extra: str) -> dict[str, str]:
        """Give a whole environment: no program on PATH, and nothing of this process."""
        return {"PATH": "/nonexistent", "HOME": str(self.home), "CLAUDE_PLUGIN_DATA": str(self.data), **extra}

    def run(
        self, *arguments: str, env: Mapping[str, str], stdin: bytes = b"{}\n"
    ) -> subprocess.CompletedProcess[bytes]:
        """Run `hooks/run` as Claude Code does."""
        return subprocess.run(
            [*self.shell, str(self.root / "hooks" / "run"), *arguments],
            env=dict(env),
            cwd=self.project,
            input=stdin,
            capture_output=True,
            timeout=120,
            check=False,
        )

    def reply(self, *arguments: str, env: Mapping[str, str], stdin: bytes = b"{}\n") -> dict[str, Any]:
        """Run a hook that must exit 0 and print nothing ({}) or exactly one JSON object."""
        done = self.run(*arguments, env=env, stdin=stdin)
        assert done.returncode == 0, done
        if not done.stdout:
            return {}
        loaded = json.loads(done.stdout)
        assert isinstance(loaded, dict)
        return loaded

    def package(self, **modules: str) -> None:
        """Replace modules of the stand-in package, by their last name."""
        for name, source in modules.items():
            places = {"cli": "cli.py", "hook": "resident/in_process.py"}
            (self.root / "axonflow_hooks" / places.get(name, f"claude_code/{name}.py")).write_text(source)


def shells() -> list[tuple[str, ...]]:
    """Give the shells of this machine that users have as sh; dash is the strictest."""
    known = (("dash",), ("bash", "--posix"), ("busybox", "sh"))
    found = [(path, *rest) for name, *rest in known if (path := shutil.which(name))]
    return found or [(shutil.which("sh") or "/bin/sh",)]


@pytest.fixture(params=shells(), ids=lambda shell: Path(shell[0]).name)
def shell(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Give each shell in turn."""
    command: tuple[str, ...] = request.param
    return command


def copy_plugin(folder: Path, shell: tuple[str, ...]) -> Plugin:
    """Copy the entry files into a folder whose name no careless quoting survives."""
    root = folder / 'pl\'ug "in" é $HOME `x`'
    (root / "hooks").mkdir(parents=True)
    for name in ("run", "dispatch.py", "set_up.py", "mcp_start.py", "mcp_tools.json"):
        shutil.copy(REPOSITORY / "hooks" / name, root / "hooks" / name)
    (root / "axonflow_hooks" / "claude_code").mkdir(parents=True)
    (root / "axonflow_hooks" / "__init__.py").touch()
    (root / "axonflow_hooks" / "claude_code" / "__init__.py").touch()
    (root / "axonflow_hooks" / "resident").mkdir()
    (root / "axonflow_hooks" / "resident" / "__init__.py").touch()
    plugin = Plugin(root, folder / "home é", folder / "proj ect", shell)
    plugin.package(hook=HOOK, mcp_bridge=BRIDGE, cli=CLI)
    plugin.data.mkdir(parents=True)
    plugin.project.mkdir()
    return plugin


@pytest.fixture
def plugin(tmp_path: Path, shell: tuple[str, ...]) -> Plugin:
    """Give a plugin for each shell."""
    return copy_plugin(tmp_path, shell)


@pytest.fixture
def dash_plugin(tmp_path: Path) -> Plugin:
    """Give a plugin for the strictest shell only, where the shell does not matter."""
    return copy_plugin(tmp_path, shells()[0])


@pytest.fixture
def python() -> str:
    """Give a real interpreter."""
    return os.path.realpath(sys.executable)
