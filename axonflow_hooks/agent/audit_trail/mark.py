"""The high-water mark: where the trail ended, in a file of its own, so that an older copy of the database shows.

Written after each commit without waiting for the disk: it may lag behind the database, it never runs ahead of it.
"""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.private_files import PRIVATE_FILE_MODE, check_private

if TYPE_CHECKING:
    from pathlib import Path

MARK_NAME: Final = "audit-head"
_LINE: Final = re.compile(rb"(\d{20}) ([0-9a-f]{64})\n", re.ASCII)


@dataclass(frozen=True, slots=True)
class Mark:
    """The newest entry that this machine has seen committed."""

    sequence: int
    row_hash: str


@dataclass(frozen=True, slots=True)
class MarkFile:
    """The file `path`, 0600, in the data folder."""

    path: Path

    def exists(self) -> bool:
        """Tell whether a trail was ever written from this folder."""
        return self.path.exists()

    def read(self) -> Mark | None:
        """Give the mark; None when there is none or it is not readable as one. Raises CredentialError, OSError."""
        try:
            with self.path.open("rb") as stream:
                check_private(self.path, os.fstat(stream.fileno()))
                found = _LINE.fullmatch(stream.read(256))
        except FileNotFoundError:
            return None
        return None if found is None else Mark(int(found[1]), found[2].decode("ascii"))

    def opened(self) -> MarkWriter:
        """Open the file for writing, made if need be. Raises OSError."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
        return MarkWriter(os.open(self.path, flags, PRIVATE_FILE_MODE))

    def set_aside(self) -> None:
        """Keep a mark that the database contradicts under another name: it is evidence. Raises OSError."""
        with contextlib.suppress(FileNotFoundError):
            self.path.replace(self.path.with_name(f"{MARK_NAME}.contradicted"))


class MarkWriter:
    """Overwrites the one line of the file; the descriptor is its own."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def write(self, mark: Mark) -> None:
        """Replace the mark; a full disk is no reason to refuse a record that is durable already."""
        with contextlib.suppress(OSError):
            _overwrite(self._descriptor, b"%020d %s\n" % (mark.sequence, mark.row_hash.encode("ascii")))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


def _overwrite(descriptor: int, line: bytes) -> None:
    if hasattr(os, "pwrite"):
        os.pwrite(descriptor, line, 0)
    else:  # Windows
        os.lseek(descriptor, 0, os.SEEK_SET)
        os.write(descriptor, line)
