"""Files that hold credentials or records: 0600 in 0700 folders, replaced atomically, refused when others can read."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import stat
import sys
import tempfile
from pathlib import Path
from typing import Any

from axonflow_hooks.errors import CredentialError

PRIVATE_FILE_MODE = 0o600
PRIVATE_DIR_MODE = 0o700
MAX_PRIVATE_FILE_BYTES = 1_000_000


def make_private_dir(folder: Path) -> None:
    """Create `folder` (and parents) with mode 0700; an existing folder is left as it is. Raises OSError."""
    if folder.is_dir():
        return
    try:
        folder.mkdir(mode=PRIVATE_DIR_MODE, parents=True, exist_ok=True)
    except FileExistsError:
        # Callers that create a file exclusively take FileExistsError for "the file is there".
        raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(folder)) from None


def write_private(path: Path, data: bytes) -> None:
    """Replace `path` by `data` in one step: readers see the old file or the new one, never a part. Raises OSError."""
    make_private_dir(path.parent)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")  # mkstemp creates with 0600
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise


def write_private_json(path: Path, value: dict[str, Any]) -> None:
    """Write one JSON object with `write_private`."""
    write_private(path, json.dumps(value, indent=2, sort_keys=True).encode() + b"\n")


def read_private(path: Path) -> bytes | None:
    """Take the path of a private file and give its first MAX_PRIVATE_FILE_BYTES + 1 bytes, None when there is none.

    Raises CredentialError when the file is readable by others or belongs to another user, or cannot be read.
    """
    try:
        # Without O_NONBLOCK a named pipe in the file's place would hold the caller for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as stream:
            check_private(path, os.fstat(stream.fileno()))
            return stream.read(MAX_PRIVATE_FILE_BYTES + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise CredentialError(
            f"{path} cannot be read: {error.strerror}.", remedy="Make it readable by you, or delete it."
        ) from None


def read_private_json(path: Path) -> dict[str, Any] | None:
    """Take the path of a private file and give its JSON object, or None when there is no such file.

    Raises CredentialError when the file is readable by others, belongs to another user, or is not one JSON object.
    """
    data = read_private(path)
    if data is None:
        return None
    try:
        value = json.loads(data) if len(data) <= MAX_PRIVATE_FILE_BYTES else None
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise CredentialError(f"{path} is not a JSON object.", remedy="Restore it, or delete it.")
    return value


def check_private(path: Path, status: os.stat_result) -> None:
    """Raise CredentialError unless only this user can read and write the file; Windows keeps its own lists."""
    if sys.platform == "win32":
        return
    if not stat.S_ISREG(status.st_mode):
        raise CredentialError(f"{path} is not a regular file.", remedy="Delete it.")
    if status.st_uid != os.getuid():
        raise CredentialError(f"{path} belongs to another user.", remedy="Delete it or give it back to your user.")
    if status.st_mode & 0o077:
        mode = stat.S_IMODE(status.st_mode)
        raise CredentialError(
            f"{path} can be read by other users (mode {mode:04o}).", remedy=f"Run: chmod 600 '{path}'"
        )
