"""What the proxy says on stderr. A host that does not read it must not stop a call: lines wait in bounds, then drop."""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final

from axonflow_hooks.client import one_line
from axonflow_hooks.proxy.printable import printable

MAX_WAITING: Final = 5_000
MAX_LINE_CHARS: Final = 2_000
GATHER_S: Final = 0.05


class Diagnostics:
    """Writes lines to a file descriptor from a thread of its own."""

    def __init__(self, descriptor: int = 2) -> None:
        self._descriptor = descriptor
        self._waiting: deque[str] = deque()
        self._dropped = 0
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="axonflow-stderr", daemon=True)
        self._thread.start()

    def say(self, text: str) -> None:
        """Write `[AxonFlow] text` as one line."""
        self.line(f"[AxonFlow] {one_line(text)}")

    def line(self, text: str) -> None:
        """Write one line: what does not print as escapes, and shortened where it is very long."""
        with self._lock:
            if len(self._waiting) >= MAX_WAITING:
                self._dropped += 1
                return
            self._waiting.append(text)
            if len(self._waiting) == 1:
                self._changed.notify()

    def close(self, timeout_s: float = 1.0) -> None:
        """Write what waits, for at most that many seconds."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(timeout_s)

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._waiting or self._closing)
                if not self._closing:
                    self._changed.wait_for(lambda: self._closing, GATHER_S)  # a thread that wakes often slows the loop
                texts = list(self._waiting)
                self._waiting.clear()
                dropped, self._dropped = self._dropped, 0
                closing = self._closing
            lines = [printable(text[:MAX_LINE_CHARS])[:MAX_LINE_CHARS] for text in texts]
            if dropped:
                lines.append(f"[AxonFlow] {dropped} lines were dropped here")
            if lines:
                self._write("".join(f"{line}\n" for line in lines).encode("utf-8", "replace"))
            if closing:
                return

    def _write(self, data: bytes) -> None:
        try:
            while data:
                data = data[os.write(self._descriptor, data) :]
        except OSError:
            return  # nobody listens any more
