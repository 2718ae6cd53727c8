"""Bash output beyond the host's 30,000 characters lies in a file that the model is pointed to: masked there too."""

from __future__ import annotations

import asyncio
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.scan import Scanned, scan_texts
from axonflow_hooks.private_files import write_private

if TYPE_CHECKING:
    from axonflow_hooks.claude_code.events import HookEvent
    from axonflow_hooks.claude_code.scan import OutputChecker

MAX_OVERFLOW_BYTES: Final = 16_000_000


def has_overflow(event: HookEvent) -> bool:
    """Tell whether the host put the whole output of a Bash call into a file."""
    response = event.tool_response
    return event.tool_name == "Bash" and isinstance(response, dict) and bool(response.get("persistedOutputPath"))


def overflow_file(event: HookEvent) -> Path | None:
    """Give the file that holds the whole output of a Bash call, None when there is none that may be touched.

    Only a file below the session's own folder counts: the path comes from the event and is not trusted further.
    """
    named = event.tool_response.get("persistedOutputPath") if has_overflow(event) else None
    if not isinstance(named, str) or not event.transcript_path:
        return None
    try:
        path = Path(named).resolve()
        session_folder = Path(event.transcript_path).parent.resolve()
    except (OSError, RuntimeError, ValueError):
        return None
    return path if path.is_relative_to(session_folder) and path != session_folder else None


async def mask_overflow(path: Path, connector_type: str, check: OutputChecker) -> Scanned | None:
    """Scan the file and replace it by its masked text; None when it cannot be read or written (then it is as it was).

    Bytes that are no UTF-8 are replaced only when something is masked.
    """
    text = await asyncio.to_thread(_read, path)
    if text is None:
        return None
    scanned = (await scan_texts([text], connector_type, check))[0]
    masked = "[AxonFlow: output withheld by policy]\n" if scanned.blocked else scanned.masked
    if masked is not None:
        try:
            await asyncio.to_thread(write_private, path, masked.encode("utf-8", "replace"))
        except OSError:
            return None
    return scanned


def _read(path: Path) -> str | None:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_OVERFLOW_BYTES or not os.access(path, os.W_OK):
            return None
        return path.read_bytes().decode("utf-8", "replace")
    except (OSError, ValueError):
        return None
