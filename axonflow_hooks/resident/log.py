"""The resident's log: one line an event, never a text from a session; the file before this one is kept."""

from __future__ import annotations

import contextlib
import os
import time
from typing import TYPE_CHECKING, Final

from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir

if TYPE_CHECKING:
    from pathlib import Path

MAX_LOG_BYTES: Final = 500_000


def log(path: Path, text: str) -> None:
    """Append a line with time and process; a log that cannot be written stops nothing."""
    line = f"{time.strftime('%Y-%m-%dT%H:%M:%S%z')} [{os.getpid()}] {text}\n"
    with contextlib.suppress(OSError):
        make_private_dir(path.parent)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE_FILE_MODE)
        try:
            os.write(descriptor, line.encode("utf-8", "replace"))
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        if size > MAX_LOG_BYTES:
            path.replace(path.with_suffix(".1.log"))
