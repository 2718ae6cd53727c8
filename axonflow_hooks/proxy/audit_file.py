"""The audit file: JSON lines, each sealed with a hash over itself and the line before, in private rotated files.

A line ends in `,"hash":"<hex>"}`; the hash is SHA-256 of the line up to there, and the line holds `prev_hash`, the hash
of the line before it. So a line that is changed, left out or moved shows. A file belongs to one proxy at a time: the
next one takes `<name>.2`, each with a chain of its own that goes on through rotation and restarts.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import stat
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from filelock import FileLock, Timeout

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir, write_private

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

ROTATE_BYTES: Final = 20_000_000
KEEP_ROTATED: Final = 50
MAX_INSTANCES: Final = 32
GENESIS: Final = "0" * 64
MAX_LINE_BYTES: Final = 1_000_000
VERIFY_TRIES: Final = 5
_TAIL_BYTES: Final = 1_000_000
_encode: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), check_circular=False).encode


class AuditFile:
    """Appends rows. Every method raises OSError when the disk does not do its part."""

    def __init__(self, path: Path, *, rotate_bytes: int = ROTATE_BYTES) -> None:
        """Open the first file of this name that no other proxy holds. Raises SettingsError when there is none."""
        self._rotate_bytes = rotate_bytes
        try:
            make_private_dir(path.parent)
            self.path, self._lock = _take(path)
            self._descriptor = _open(self.path)
            self._sequence, self._previous = _continue(self.path, self._descriptor)
        except OSError as error:
            raise SettingsError(
                f"The audit file {path} (AXONFLOW_AUDIT_LOG) cannot be written: {error.strerror}.",
                remedy="Correct the path, or make its folder writable by you.",
            ) from None
        self._size = os.fstat(self._descriptor).st_size
        self._unsynced = self._gone = False
        self._known_by_name = not self._misplaced()  # else this file system numbers its files anew each time

    def append(self, row: dict[str, Any]) -> None:
        """Write a row; when this returns a crash of the proxy cannot lose it."""
        self.append_members(_encode(row)[1:-1])

    def append_members(self, members: str) -> None:
        """Write a row given as the JSON text of its members."""
        if self._gone:
            raise OSError(errno.ENOENT, "it was removed and cannot be put back")
        if self._size > self._rotate_bytes:
            self._rotate()
        sealed = f'{{"sequence":{self._sequence + 1},{members},"prev_hash":"{self._previous}"'
        body = sealed.encode("utf-8", "replace")
        digest = hashlib.sha256(body).hexdigest()
        line = b'%b,"hash":"%b"}\n' % (body, digest.encode())
        written = os.write(self._descriptor, line)
        if written != len(line):
            os.ftruncate(self._descriptor, self._size)
            raise OSError(errno.ENOSPC, "the disk is full")
        self._sequence, self._previous = self._sequence + 1, digest
        self._size += len(line)
        self._unsynced = True

    def sync(self) -> None:
        """Bring what was written to the disk itself, against a power cut."""
        if self._unsynced:
            self._unsynced = False
            os.fsync(self._descriptor)

    def look_again(self) -> str:
        """Tell what somebody else has done to the file since, "" for nothing.

        Where its name stands for it no longer, it is put back under its name with all its rows, and whatever stands
        there now is set aside. A file that was put back, cut or written to says so in a row of its own, after which
        the chain goes on. Raises OSError where it cannot be put back: then no row is taken until it can.
        """
        size, found = os.fstat(self._descriptor).st_size, self._misplaced() if self._known_by_name else ""
        self._gone = bool(found)
        if found:
            self._put_back()
            self._gone = False
            found += " and was put back"
        elif size != self._size:
            found = f"was {'cut' if size < self._size else 'written to'} by somebody else"
        if found:
            self._size = os.fstat(self._descriptor).st_size
            moment = _stamp("%Y-%m-%dT%H:%M:%SZ")
            self.append({"timestamp": moment, "event": "interference", "error": f"The file {found}"})
        return found

    def _misplaced(self) -> str:
        if sys.platform == "win32":
            return ""  # a file that is open is neither removed nor replaced there
        try:
            there = os.lstat(self.path)
        except OSError:
            return "was removed"
        return "" if os.path.samestat(there, os.fstat(self._descriptor)) else "was replaced by another one"

    def _put_back(self) -> None:
        rows = _all_of(self._descriptor)
        make_private_dir(self.path.parent)
        with contextlib.suppress(FileNotFoundError):
            os.replace(self.path, self.path.with_name(f"{self.path.name}.replaced-{_stamp()}"))  # noqa: PTH105
        write_private(self.path, rows)
        old, self._descriptor = self._descriptor, _open(self.path)
        os.close(old)

    def close(self) -> None:
        """Sync and let go of the file."""
        with contextlib.suppress(OSError):
            self.sync()
        os.close(self._descriptor)
        self._lock.release()

    def _rotate(self) -> None:
        target = self.path.with_name(f"{self.path.name}.{_stamp()}-{self._sequence}")
        os.fsync(self._descriptor)
        os.replace(self.path, target)  # noqa: PTH105 - one system call, on names in one folder
        old, self._descriptor = self._descriptor, _open(self.path)
        os.close(old)
        self._size = 0
        for path in rotated_files(self.path)[:-KEEP_ROTATED]:
            path.unlink(missing_ok=True)


def rotated_files(path: Path) -> list[Path]:
    """Give the rotated files of an audit file, the oldest first."""
    found = [item for item in path.parent.glob(f"{path.name}.*-*") if item.name.rpartition("-")[2].isdigit()]
    return sorted(found, key=lambda item: int(item.name.rpartition("-")[2]))


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What a look at a chain found: how many lines are good, and the first fault, "" for none.

    `first` and `last` are the sequence numbers of the first and the last of them, 0 where there are none.
    """

    rows: int
    fault: str = ""
    first: int = 0
    last: int = 0


def verify(lines: Iterable[bytes], *, whole: bool = False) -> ChainReport:
    """Take the lines of an audit file (oldest first) and tell whether the chain holds.

    `whole` tells that the lines begin with the very first one, so that leaving out the oldest shows too. That the
    latest were left out shows nowhere: no line knows of the next one.
    """
    previous = GENESIS if whole else None
    count = first = last = 0
    for number, line in enumerate(lines, start=1):
        body, mark, seal = line.rstrip(b"\n").rpartition(b',"hash":"')
        digest = hashlib.sha256(body).hexdigest()
        if not mark or seal != digest.encode() + b'"}':
            return ChainReport(count, f"line {number} was changed or is torn", first, last)
        try:
            row = json.loads(body + b"}")
            stated, sequence = row["prev_hash"], int(row["sequence"])
        except (ValueError, KeyError, TypeError, RecursionError):
            return ChainReport(count, f"line {number} is no audit row", first, last)
        if (previous is not None and stated != previous) or (last and sequence != last + 1):
            return ChainReport(count, f"before line {number} something is missing or was moved", first, last)
        previous, count, first, last = digest, count + 1, first or sequence, sequence
    return ChainReport(count, "", first, last)


def verify_files(path: Path) -> ChainReport:
    """Tell whether the chain of an audit file holds, with its rotated files, however large they are. Raises OSError.

    The oldest rows are gone where rotation deletes what is older than KEEP_ROTATED files, and nowhere else.
    """
    for _ in range(VERIFY_TRIES):
        rotated, there = rotated_files(path), path.exists()
        with contextlib.suppress(FileNotFoundError):
            report = verify(_lines_of((*rotated, *([path] if there else []))))
            if rotated_files(path) == rotated:
                break  # else a proxy has rotated it meanwhile
    else:
        raise OSError(errno.EBUSY, "it is being rotated all the time")
    faults = [report.fault]
    if report.first > 1 and len(rotated) < KEEP_ROTATED:
        faults.append(f"it begins with row {report.first}, and no rotation has deleted the rows before")
    if rotated and not there:
        faults.append(f"the file with the rows after {report.last} is gone")
    return replace(report, fault="; ".join(filter(None, faults)))


def instances(path: Path) -> list[Path]:
    """Give the audit files of one name that there are: that of the first proxy, and of those that ran beside it."""
    names = [path, *(_of_instance(path, number) for number in range(2, MAX_INSTANCES + 1))]
    return [name for name in names if name.exists() or rotated_files(name)]


def _lines_of(files: Iterable[Path]) -> Iterator[bytes]:
    for file in files:
        with file.open("rb") as stream:
            while line := stream.readline(MAX_LINE_BYTES):
                yield line


def _stamp(form: str = "%Y%m%dT%H%M%SZ") -> str:
    return time.strftime(form, time.gmtime())


def _all_of(descriptor: int) -> bytes:
    """Give what a file holds that may have no name any more."""
    os.lseek(descriptor, 0, os.SEEK_SET)  # what is written is appended, wherever the file is read
    parts = []
    while part := os.read(descriptor, 1 << 20):
        parts.append(part)
    return b"".join(parts)


def _take(path: Path) -> tuple[Path, FileLock]:
    for number in range(1, MAX_INSTANCES + 1):
        chosen = path if number == 1 else _of_instance(path, number)
        lock = FileLock(chosen.with_name(f".{chosen.name}.lock"), mode=PRIVATE_FILE_MODE)
        try:
            lock.acquire(timeout=0)
            return chosen, lock
        except Timeout:
            continue
    raise SettingsError(
        f"{MAX_INSTANCES} proxies write to {path} already.", remedy="Give AXONFLOW_AUDIT_LOG another name."
    )


def _of_instance(path: Path, number: int) -> Path:
    return path.with_name(f"{path.stem}.{number}{path.suffix}")


def _open(path: Path) -> int:
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    descriptor = os.open(path, flags | getattr(os, "O_NONBLOCK", 0), PRIVATE_FILE_MODE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is not a regular file")
    if hasattr(os, "fchmod"):
        os.fchmod(descriptor, PRIVATE_FILE_MODE)
    return descriptor


def _continue(path: Path, descriptor: int) -> tuple[int, str]:
    """Give the sequence number and the hash that the chain goes on from."""
    size = os.fstat(descriptor).st_size
    with path.open("rb") as stream:
        stream.seek(max(0, size - _TAIL_BYTES))
        tail = stream.read()
    if tail and not tail.endswith(b"\n"):
        os.write(descriptor, b"\n")  # a line that a crash has torn stays as the trace that it is
    if not tail:
        rotated = rotated_files(path)
        if rotated:
            tail = rotated[-1].read_bytes()[-_TAIL_BYTES:]
    for line in reversed(tail.splitlines()):
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            row = json.loads(line)
            return int(row["sequence"]), str(row["hash"])
    return 0, GENESIS
