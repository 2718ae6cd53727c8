"""Programs of other makers, each in a folder of its own below a cache: AXONFLOW_E2E_CACHE, else ~/.cache/axonflow-e2e.

What is there is not fetched again; nothing is installed into the environment that runs this.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from filelock import FileLock

INSTALL_TIMEOUT_S: Final = 600


class NotAvailable(Exception):  # noqa: N818 - a state of the machine, not a fault
    """A program cannot be had on this machine; the text says why."""


def cache_folder() -> Path:
    """Give the folder that keeps what was fetched."""
    return Path(os.environ.get("AXONFLOW_E2E_CACHE") or Path.home() / ".cache" / "axonflow-e2e")


def python_with(requirement: str) -> Path:
    """Give the Python of an environment that has the one package `name==version`.

    Raises NotAvailable when it cannot be installed.
    """
    folder = cache_folder() / requirement.replace("==", "-")
    python = folder / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    done = folder / "installed"
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            run_installer([sys.executable, "-m", "venv", str(folder)], requirement)
            pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
            run_installer([*pip, requirement], requirement)
            done.touch()
    return python


def script_of(requirement: str, name: str) -> Path:
    """Give a program that the package brings. Raises NotAvailable."""
    return python_with(requirement).with_name(name)


def npm_folder(packages: tuple[str, ...]) -> Path:
    """Give the folder `node_modules` that holds npm packages, named with their versions. Raises NotAvailable."""
    npm = shutil.which("npm")
    if npm is None:
        raise NotAvailable("npm is not installed")
    name = "-".join(package.lstrip("@").replace("/", "-").replace("@", "-") for package in packages)
    folder = cache_folder() / name
    folder.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(folder.with_name(f"{folder.name}.lock")):
        if not folder.exists():
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=folder.parent) as draft:
                flags = ["--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
                run_installer([npm, "install", *flags, "--prefix", str(Path(draft, "done")), *packages], name)
                Path(draft, "done").rename(folder)
    return folder / "node_modules"


def run_installer(command: list[str], what: str) -> None:
    """Run a command that installs `what`. Raises NotAvailable, with the end of what it said, when it cannot."""
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=INSTALL_TIMEOUT_S,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise NotAvailable(f"{what} could not be installed within {INSTALL_TIMEOUT_S} s") from None
    if done.returncode != 0:
        raise NotAvailable(f"{what} cannot be installed: {' '.join((done.stderr or done.stdout).split())[-300:]}")
