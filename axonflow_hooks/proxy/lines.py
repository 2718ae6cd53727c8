"""Bytes of a pipe → the lines in them, without looking at any byte twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axonflow_hooks.proxy.exact_json import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable


class LineTooLong(ValueError):  # noqa: N818
    """A line over the bound, which no message may have."""


@dataclass(slots=True)
class LineBuffer:
    """Collects what arrives until a line is whole.

    `too_long` is told the limit when a line is over it, of which the rest is skipped; without it, such a line raises.
    """

    limit: int = MAX_MESSAGE_BYTES
    too_long: Callable[[int], None] | None = None
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0
    _skipping: bool = False

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived and give the lines that are whole now, without blank ones. Raises LineTooLong."""
        end = data.find(b"\n")
        if self._skipping:
            if end < 0:
                return []
            self._skipping = False
            data = data[end + 1 :]
            end = data.find(b"\n")
        if end < 0:
            self._keep(data)
            return []
        if end == len(data) - 1 and not self._parts:  # as messages mostly come
            return [data[:end]] if data.strip() else []
        first, *rest = data.split(b"\n")
        lines = [b"".join((*self._parts, first)), *rest[:-1]]
        if self.too_long is not None and self._size + len(first) > self.limit:
            del lines[0]
            self.too_long(self.limit)
        self._parts, self._size = [], 0
        self._keep(rest[-1])
        return [line for line in lines if line.strip()]

    def _keep(self, data: bytes) -> None:
        if data:
            self._parts.append(data)
            self._size += len(data)
        if self._size > self.limit:
            self._parts, self._size = [], 0
            if self.too_long is None:
                raise LineTooLong
            self._skipping = True
            self.too_long(self.limit)
