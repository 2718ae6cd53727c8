"""The log of an agent in the background: standard error in a private file that is begun anew when it is large.

The descriptor itself points to the file, so that what the interpreter or a library says on its way down is kept too.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_BYTES: Final = 2_000_000
KEPT: Final = 3
"""Files before the present one that are kept: agent.log.1 is the youngest of them."""

_STDERR: Final = 2


@contextlib.contextmanager
def stderr_in(path: Path, max_bytes: int = MAX_BYTES) -> Iterator[None]:
    """Send standard error, the descriptor and `sys.stderr`, to a file while the context lasts. Raises StartupError."""
    try:
        make_private_dir(path.parent)
        first = _open(path)
    except OSError as error:
        raise StartupError(
            f"The log {path} cannot be written: {error.strerror}.", remedy="Choose another --log-file."
        ) from None
    kept, before = os.dup(_STDERR), sys.stderr
    os.dup2(first, _STDERR)
    os.close(first)
    sys.stderr = io.TextIOWrapper(_Rotating(path, max_bytes), encoding="utf-8", errors="replace", write_through=True)
    try:
        yield
    finally:
        sys.stderr = before
        os.dup2(kept, _STDERR)
        os.close(kept)


class _Rotating(io.RawIOBase):
    """Writes to the descriptor of standard error, and gives it a new file when the present one is full."""

    def __init__(self, path: Path, max_bytes: int) -> None:
        super().__init__()
        self._path = path
        self._max_bytes = max_bytes

    def writable(self) -> bool:
        return True

    def write(self, data: object, /) -> int:
        content = bytes(memoryview(data))  # type: ignore[arg-type] # the io module passes buffers
        with contextlib.suppress(OSError):  # a full disk or a folder that is gone: the agent goes on
            if os.fstat(_STDERR).st_size + len(content) > self._max_bytes:
                self._rotate()
            os.write(_STDERR, content)
        return len(content)

    def _rotate(self) -> None:
        for number in range(KEPT, 0, -1):
            older = _numbered(self._path, number - 1)
            if older.exists():
                older.replace(_numbered(self._path, number))
        fresh = _open(self._path)
        os.dup2(fresh, _STDERR)
        os.close(fresh)


def _numbered(path: Path, number: int) -> Path:
    return path if number == 0 else path.with_name(f"{path.name}.{number}")


def _open(path: Path) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)
    return os.open(path, flags, PRIVATE_FILE_MODE)
