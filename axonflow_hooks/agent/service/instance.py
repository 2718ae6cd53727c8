"""Which agent runs on a data folder: the lock that it holds, and what it has written beside it.

The lock is the truth, for the system lets go of it however a process ends. `agent.json` says where that agent listens
and as which process; what was left behind there by one that was killed is recognised by the lock or by its start time.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from filelock import FileLock, Timeout
from pydantic import BaseModel, ConfigDict, ValidationError

from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir, read_private_json, write_private_json

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK_NAME: Final = "agent.lock"
RECORD_NAME: Final = "agent.json"

_PROBE_S: Final = 0.5
"""Who asks whether an agent runs holds the lock for a moment: an agent that starts in that moment waits."""


class Instance(BaseModel):
    """A running agent: `process_start` tells its process from a later one with the same number, "" where unknown.

    `certificate` is the file of its TLS certificate, "" without TLS. Times are RFC 3339.
    """

    model_config = ConfigDict(extra="ignore", frozen=True)

    pid: int
    process_start: str = ""
    endpoint: str
    started_at: str
    version: str
    certificate: str = ""


def hold(folder: Path) -> FileLock:
    """Take the data folder for this process: it exists, is private, and no other agent uses it.

    Raises StartupError or CredentialError.
    """
    try:
        make_private_dir(folder)
        _check_folder(folder)
        lock = FileLock(folder / LOCK_NAME, mode=PRIVATE_FILE_MODE)
        lock.acquire(timeout=_PROBE_S)
    except Timeout:
        raise StartupError(
            f"Another agent uses the data folder {folder}.", remedy="Stop it first, or choose another --data-dir."
        ) from None
    except OSError as error:
        raise StartupError(
            f"The data folder {folder} cannot be used: {error.strerror}.", remedy="Choose another --data-dir."
        ) from None
    return lock


@contextlib.contextmanager
def announced(folder: Path, instance: Instance) -> Iterator[None]:
    """Let others find this agent. To be used with the lock held."""
    path = folder / RECORD_NAME
    write_private_json(path, instance.model_dump())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def is_held(folder: Path) -> bool:
    """Tell whether an agent uses the folder, be it that it is only just starting. Nothing is created."""
    path = folder / LOCK_NAME
    if not path.exists():
        return False
    lock = FileLock(path, mode=PRIVATE_FILE_MODE)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        return True
    except OSError as error:
        raise CredentialError(
            f"{path} cannot be used: {error.strerror}.", remedy="Choose another --data-dir."
        ) from None
    lock.release()
    return False


def find_instance(folder: Path) -> Instance | None:
    """Give the agent that runs on a data folder, None where there is none or none that listens yet.

    Raises CredentialError when the folder or its record cannot be read or is open to others.
    """
    if not is_held(folder):
        return None
    try:
        found = Instance.model_validate(read_private_json(folder / RECORD_NAME) or {})
    except ValidationError:
        return None
    return found if found.process_start == process_start(found.pid) else None


def process_start(pid: int) -> str:
    """Give when a process was started, in the words of the system, "" where there is no such process or no saying."""
    if sys.platform != "linux":
        return _start_by_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    state, started = stat[0], stat[19]  # proc(5): starttime, in clock ticks since boot
    return "" if state in {b"Z", b"X"} else started.decode("ascii")


def _start_by_ps(pid: int) -> str:
    if sys.platform == "win32":
        return ""
    found = subprocess.run(
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    )
    return " ".join(found.stdout.split())


def _check_folder(folder: Path) -> None:
    status = folder.stat()
    if sys.platform == "win32":
        return
    if status.st_uid != os.getuid():
        raise CredentialError(f"The data folder {folder} belongs to another user.", remedy="Choose another --data-dir.")
    if status.st_mode & 0o077:
        raise CredentialError(f"The data folder {folder} is open to others.", remedy=f"Run: chmod 700 '{folder}'")
