"""Server-sent events (WHATWG HTML, 9.2) out of a stream of bytes: what MCP needs of them, data and id."""

from __future__ import annotations

from dataclasses import dataclass, field

from axonflow_hooks.proxy.exact_json import MAX_MESSAGE_BYTES


@dataclass(frozen=True, slots=True)
class Event:
    """One event; `identifier` is None where it has none. `retry_s` is the pause the server asks for."""

    data: str
    identifier: str | None = None
    retry_s: float | None = None


class EventTooLong(ValueError):  # noqa: N818
    """An event over the bound, which no message may have."""


@dataclass(slots=True)
class EventReader:
    """Collects what arrives until an event is whole."""

    _parts: list[bytes] = field(default_factory=list)
    _size: int = 0
    _data: list[str] = field(default_factory=list)
    _identifier: str | None = None
    _retry_s: float | None = None
    _after_return: bool = False

    def feed(self, chunk: bytes) -> list[Event]:
        """Take what has arrived and give the events that are whole now. Raises EventTooLong."""
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]  # the other half of a line end that the network has cut in two
        self._after_return = chunk.endswith(b"\r") if chunk else self._after_return
        self._size += len(chunk)
        if self._size > 2 * MAX_MESSAGE_BYTES:
            raise EventTooLong
        if b"\n" not in chunk and b"\r" not in chunk:
            self._parts.append(chunk)
            return []
        text = b"".join((*self._parts, chunk)).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        *lines, rest = text.split(b"\n")
        self._parts = [rest]
        events = [event for line in lines if (event := self._line(line.decode("utf-8", "replace"))) is not None]
        if events:
            self._size = len(rest)
        return events

    def _line(self, line: str) -> Event | None:
        if not line:
            event = Event("\n".join(self._data), self._identifier, self._retry_s)
            whole = bool(self._data) or self._identifier is not None or self._retry_s is not None
            self._data, self._identifier, self._retry_s = [], None, None
            return event if whole else None
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            self._data.append(value)
        elif name == "id" and "\x00" not in value:
            self._identifier = value
        elif name == "retry" and value.isascii() and value.isdigit():
            self._retry_s = int(value) / 1000
        return None
