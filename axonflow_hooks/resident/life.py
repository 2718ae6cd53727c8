"""When a resident leaves: after 30 idle minutes, when its files are removed or replaced, when its socket is gone."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass, field
from typing import Final

IDLE_S: Final = 30 * 60.0
CHECK_EVERY_S: Final = 5.0

_Mark = tuple[int, int, int]


@dataclass(slots=True)
class Life:
    """What keeps a resident in place: use, its own source files as it loaded them, and its socket."""

    root: str
    address: str
    idle_s: float = IDLE_S
    used: float = field(default_factory=time.monotonic)
    socket_mark: _Mark | None = None
    sources: dict[str, _Mark | None] = field(default_factory=dict)

    def begin(self) -> None:
        """Remember the files as they are now."""
        self.socket_mark = _mark(self.address)
        loaded = [getattr(module, "__file__", None) for module in list(sys.modules.values())]
        own = [path for path in loaded if path and path.startswith(self.root + os.sep)]
        # Other modules of ours are loaded when they are first needed: the folder's mark tells of them.
        folders = {os.path.dirname(path) for path in own}  # noqa: PTH120
        self.sources = {path: _mark(path) for path in [*own, *folders]}

    def owns_socket(self) -> bool:
        """Tell whether the address is still this resident's."""
        return self.socket_mark is not None and _mark(self.address) == self.socket_mark

    def touch(self) -> None:
        """A call has come or gone."""
        self.used = time.monotonic()

    def reason_to_leave(self) -> str:
        """Say why it is time to leave, "" while it is not."""
        if not self.owns_socket():
            return "the socket was removed or replaced"
        if any(_mark(path) != mark for path, mark in self.sources.items()):
            return "the plugin's files were removed or replaced"
        if time.monotonic() - self.used > self.idle_s:
            return f"idle for {self.idle_s:g} s"
        return ""


def _mark(path: str) -> _Mark | None:
    try:
        status = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    # A folder's time changes with __pycache__; whether it is still the same one does not.
    changed = 0 if os.path.isdir(path) else status.st_mtime_ns  # noqa: PTH112
    return status.st_ino, changed, 0 if not changed else status.st_size
