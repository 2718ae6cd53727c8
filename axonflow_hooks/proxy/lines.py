"""Bytes of a pipe → the lines in them, without looking at any byte twice."""

from __future__ import annotations

from dataclasses import dataclass, field

from axonflow_hooks.proxy.exact_json import MAX_MESSAGE_BYTES


class LineTooLong(ValueError):  # noqa: N818
    """A line over the bound, which no message may have."""


@dataclass(slots=True)
class LineBuffer:
    """Collects what arrives until a line is whole."""

    limit: int = MAX_MESSAGE_BYTES
    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take what has arrived and give the lines that are whole now, without blank ones. Raises LineTooLong."""
        end = data.find(b"\n")
        if end < 0:
            self._keep(data)
            return []
        if end == len(data) - 1 and not self._parts:  # as messages mostly come
            return [data[:end]] if data.strip() else []
        first, *rest = data.split(b"\n")
        lines = [b"".join((*self._parts, first)), *rest[:-1]]
        self._parts, self._size = [], 0
        self._keep(rest[-1])
        return [line for line in lines if line.strip()]

    def _keep(self, data: bytes) -> None:
        if data:
            self._parts.append(data)
            self._size += len(data)
        if self._size > self.limit:
            self._parts, self._size = [], 0
            raise LineTooLong
