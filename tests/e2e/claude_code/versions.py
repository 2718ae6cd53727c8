"""The releases of Claude Code that the suite runs on, and their installation into a cache folder.

Each release is one npm package with one native program.
"""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Final

from filelock import FileLock

from devtools.fetched import NotAvailable, cache_folder, run_installer

OLD: Final = "2.1.197"
NEW: Final = "2.1.330"
VERSIONS: Final = (OLD, NEW)

_ARCHITECTURES: Final = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}


def claude_program(version: str) -> Path:
    """Take a version and give the path of its program, installing it where the cache does not have it.

    Raises NotAvailable when this platform has no such package, npm is missing, or the registry does not answer.
    """
    package = f"@anthropic-ai/claude-code-{_platform()}"
    folder = cache_folder() / f"claude-code-{version}"
    program = folder / "node_modules" / package / "claude"
    if program.is_file():
        return program
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not program.is_file():
            _install(f"{package}@{version}", folder)
    if not program.is_file():
        raise NotAvailable(f"{package}@{version} does not hold the program that is expected")
    return program


def _platform() -> str:
    architecture = _ARCHITECTURES.get(platform.machine().lower())
    if sys.platform not in {"linux", "darwin"} or architecture is None:
        raise NotAvailable(f"no Claude Code package for {sys.platform} {platform.machine()} is known to this suite")
    return f"{sys.platform}-{architecture}"


def _install(package: str, folder: Path) -> None:
    npm = shutil.which("npm")
    if npm is None:
        raise NotAvailable("npm is not installed, so Claude Code cannot be fetched")
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as draft:
        command = [npm, "install", "--no-audit", "--no-fund", "--no-save", "--prefix", draft, package]
        run_installer(command, package)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        (Path(draft) / "node_modules").rename(folder / "node_modules")
