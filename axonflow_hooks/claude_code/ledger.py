"""What this plugin remembers between hooks: the last decision, calls that ran ungoverned, notices already shown.

Records, never texts: no statement, output or secret is kept. Keeping a record is best effort, since a full disk must
not change a verdict.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from axonflow_hooks.paths import Paths

Plane = Literal["request", "response"]

LAST_DECISION_BYTES = 1024
MAX_LEDGER_BYTES = 1_000_000
NOTICE_LIFETIME_S = 7 * 24 * 3600


@dataclass(frozen=True, slots=True)
class LastDecision:
    """The newest verdict of this user's hooks; `at` in seconds since the epoch."""

    decision_id: str
    verdict: str
    tool_name: str
    at: float


def record_decision(paths: Paths, *, decision_id: str, verdict: str, tool_name: str) -> None:
    """Remember a verdict (`allow`, `deny`, `ask`, `redact`) as the last one."""
    record = LastDecision(decision_id=decision_id, verdict=verdict, tool_name=tool_name, at=time.time())
    # One write over the old one, always of the same length: a rename or a truncation makes the file system wait for the
    # disk, and every tool call with it.
    line = json.dumps(asdict(record)).encode().ljust(LAST_DECISION_BYTES)[:LAST_DECISION_BYTES]
    target = _last_decision_file(paths)
    with contextlib.suppress(OSError):
        make_private_dir(target.parent)
        flags = os.O_WRONLY | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        descriptor = os.open(target, flags, PRIVATE_FILE_MODE)
        try:
            os.write(descriptor, line)
        finally:
            os.close(descriptor)


def last_decision(paths: Paths) -> LastDecision | None:
    """Give the newest verdict, or None when there is none."""
    try:
        value = json.loads(_last_decision_file(paths).read_text(encoding="utf-8"))
        return LastDecision(
            decision_id=str(value["decision_id"]),
            verdict=str(value["verdict"]),
            tool_name=str(value["tool_name"]),
            at=float(value["at"]),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def record_ungoverned(paths: Paths, *, plane: Plane, session_id: str, tool_name: str, cause: str) -> None:
    """Count a call that ran without a verdict (`request`) or an output that was not scanned (`response`)."""
    line = json.dumps(
        {"at": time.time(), "plane": plane, "session_id": session_id, "tool_name": tool_name, "cause": cause}
    )
    target = _ungoverned_file(paths)
    try:
        make_private_dir(target.parent)
        descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE_MODE)
        try:
            os.write(descriptor, line.encode() + b"\n")
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        if size > MAX_LEDGER_BYTES:
            target.replace(_older(target))
    except OSError:
        return


def ungoverned_since(paths: Paths, since_epoch: float, plane: Plane = "request") -> int:
    """Count the calls (or, for `response`, the outputs) that nothing governed since a time in epoch seconds."""
    target = _ungoverned_file(paths)
    records = [record for path in (_older(target), target) for record in _records(path)]
    return sum(1 for record in records if record.get("plane") == plane and _at(record) >= since_epoch)


def first_notice(paths: Paths, session_id: str, topic: str) -> bool:
    """Tell whether this session's user has yet to be shown `topic`, and remember it as shown."""
    name = hashlib.sha256(f"{session_id}\0{topic}".encode("utf-8", "replace")).hexdigest()[:32]
    folder = _notices_dir(paths)
    try:
        make_private_dir(folder)
        os.close(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE_FILE_MODE))
    except FileExistsError:
        return False
    except OSError:
        return True  # better shown twice than never
    return True


def forget_old_notices(paths: Paths) -> None:
    """Remove the marks of notices shown more than a week ago."""
    try:
        for mark in _notices_dir(paths).iterdir():
            if mark.stat().st_mtime < time.time() - NOTICE_LIFETIME_S:
                mark.unlink(missing_ok=True)
    except OSError:
        return


def _last_decision_file(paths: Paths) -> Path:
    return paths.state_dir / "last-decision.json"


def _ungoverned_file(paths: Paths) -> Path:
    return paths.state_dir / "ungoverned.jsonl"


def _notices_dir(paths: Paths) -> Path:
    return paths.state_dir / "notices"


def _older(path: Path) -> Path:
    return path.with_suffix(".1.jsonl")


def _records(path: Path) -> Iterator[dict[str, object]]:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return
    for line in lines:
        try:
            record = json.loads(line)
        except ValueError:
            continue  # a line cut short by a crash
        if isinstance(record, dict):
            yield record


def _at(record: dict[str, object]) -> float:
    at = record.get("at")
    return float(at) if isinstance(at, (int, float)) else 0.0
