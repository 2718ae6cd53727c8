"""Stamps: small files that say until when something is left alone, or when it was last done.

A stamp is read cheaply on the hook path and never trusted further than `maximum_s`, so that neither a changed clock
nor a damaged file can silence anything for ever.
"""

from __future__ import annotations

import contextlib
import math
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from axonflow_hooks.private_files import write_private

if TYPE_CHECKING:
    from pathlib import Path

MAX_STAMP_BYTES = 4096
CLOCK_SKEW_S = 120.0


@dataclass(frozen=True, slots=True)
class Wait:
    """Until when (seconds since the epoch) something is left alone, and the note that says why."""

    until: float
    note: str = ""

    def remaining_s(self, now: float) -> float:
        """Give the seconds that are left, 0 when the time is over."""
        return max(0.0, self.until - now)


def write_wait(path: Path, *, until: float, note: str = "") -> None:
    """Leave word that something is left alone until a time in seconds since the epoch. Raises OSError."""
    write_private(path, f"{math.ceil(until)}\n{note}\n".encode())


def read_wait(path: Path, *, maximum_s: float, now: float | None = None) -> Wait:
    """Give the wait that a stamp asks for, never longer than `maximum_s` after it was written; none without a stamp."""
    moment = time.time() if now is None else now
    try:
        written = path.stat().st_mtime
        with path.open("rb") as stream:
            first, _, rest = stream.read(MAX_STAMP_BYTES).decode("utf-8", "replace").partition("\n")
    except OSError:
        return Wait(0.0)
    if written > moment + CLOCK_SKEW_S:
        return Wait(0.0)  # from a clock that was wrong, then or now
    try:
        until = float(first)
    except ValueError:
        until = written + maximum_s
    if not math.isfinite(until):
        until = written + maximum_s
    return Wait(min(until, written + maximum_s), rest.strip())


def age_s(path: Path, *, now: float | None = None) -> float | None:
    """Give the seconds since a stamp was written, or None when there is none or it lies in the future."""
    moment = time.time() if now is None else now
    try:
        age = moment - path.stat().st_mtime
    except OSError:
        return None
    return max(0.0, age) if age > -CLOCK_SKEW_S else None


def remove_stamp(path: Path) -> None:
    """Remove a stamp if it is there; one that cannot be removed only means a longer wait."""
    with contextlib.suppress(OSError):
        path.unlink()
