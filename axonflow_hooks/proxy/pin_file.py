"""The file in which what is known of one backend's tools is kept: a JSON object with an entry a line.

One entry that cannot be read takes no other along: it is kept as it is, and its tool is not taken for a new one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from axonflow_hooks.private_files import MAX_PRIVATE_FILE_BYTES

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

MAX_FILE_CHARS: Final = MAX_PRIVATE_FILE_BYTES - 100_000
MAX_NESTING: Final = 100
"""What is nested more deeply is not kept: not every reader could read it back (RFC 8259, section 9)."""

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[][{},:]', re.DOTALL)


class Pin(BaseModel):
    """One accepted definition; without its text where the file would grow too large.

    `masked` is the JSON text of the definition as the client sees it, where policy masks some of it; "" where that text
    is not kept.
    """

    model_config = ConfigDict(extra="ignore")

    hash: str
    definition: dict[str, Any] | None = None
    since: str = ""
    masked: str | None = None


class Waiting(Pin):
    """A definition that waits for a person, and why."""

    reason: str = ""


PinT = TypeVar("PinT", bound=Pin)


@dataclass(slots=True)
class PinnedTools:
    """What is known of one backend's tools, by name. `unreadable` are accepted ones, as they stand in the file."""

    pinned: dict[str, Pin] = field(default_factory=dict)
    waiting: dict[str, Waiting] = field(default_factory=dict)
    unreadable: dict[str, Any] = field(default_factory=dict)


def read_pins(data: bytes) -> PinnedTools:
    """Take the bytes of a file and give what it holds. Raises ValueError when it is no such file."""
    if len(data) > MAX_PRIVATE_FILE_BYTES:
        raise ValueError("it is too large")
    try:
        value = json.loads(data)
        members: Any = [value.get(name, {}) for name in ("pinned", "waiting")] if isinstance(value, dict) else []
    except RecursionError:
        members = _read_apart(data.decode())
    if not members or not all(isinstance(member, dict) for member in members):
        raise ValueError("it does not hold tool definitions")
    pinned, waiting = members
    file = PinnedTools(_entries(Pin, pinned), _entries(Waiting, waiting))
    lost = {name: entry for name, entry in pinned.items() if name not in file.pinned}
    file.unreadable = {name: None if nested_too_deeply(entry) else entry for name, entry in lost.items()}
    return file


def nested_too_deeply(value: Any) -> bool:
    """Tell whether a JSON value is nested more than MAX_NESTING deep."""
    level = [value]
    for _ in range(MAX_NESTING):
        level = [item for item in level if isinstance(item, (dict, list))]
        if not level:
            return False
        level = [inner for item in level for inner in (item.values() if isinstance(item, dict) else item)]
    return any(isinstance(item, (dict, list)) for item in level)


def _entries(kind: type[PinT], found: Mapping[str, Any]) -> dict[str, PinT]:
    entries = {}
    for name, value in found.items():
        try:
            entry = entries[name] = kind.model_validate(value)
        except ValidationError:
            continue
        if nested_too_deeply(entry.definition):  # of an earlier release
            entry.definition = None
    return entries


def _read_apart(text: str) -> list[dict[str, Any]]:
    """Read entry by entry what cannot be read at once, as one of them is nested too deeply."""
    sections = members_apart(text)
    found = []
    for name in ("pinned", "waiting"):
        entries: dict[str, Any] = {}
        for tool, raw in members_apart(sections.get(name, "{}")).items():
            try:
                entries[tool] = json.loads(raw)
            except RecursionError:
                entries[tool] = None
        found.append(entries)
    return found


def members_apart(text: str) -> dict[str, str]:
    """Take the text of a JSON object and give the texts of its members, however deep they are nested."""
    found: dict[str, str] = {}
    depth, key, start = 0, "", -1
    for token in _TOKEN.finditer(text):
        mark = token.group()
        closing = mark in {"}", "]"}
        if start >= 0 and ((mark == "," and depth == 1) or (closing and depth == 1)):
            found[key], start = text[start : token.start()], -1
        depth += (mark in {"{", "["}) - closing
        if depth == 1 and start < 0:
            if mark == ":":
                start = token.end()
            elif mark[0] == '"':
                key = json.loads(mark)
    return found


def pins_text(file: PinnedTools, known: Collection[str]) -> tuple[str, frozenset[str]]:
    """Give the text of a file, and the names there is no room for.

    Where it grows too large, the definitions are left out (the hashes alone still tell a change; the difference cannot
    be shown), then the entries of all names but the `known` ones.
    """
    text = _text(file)
    if len(text) > MAX_FILE_CHARS:
        for pin in (*file.pinned.values(), *file.waiting.values()):
            pin.definition, pin.masked = None, None if pin.masked is None else ""
        text = _text(file)
    if len(text) <= MAX_FILE_CHARS:
        return text, frozenset()
    left_out = frozenset({*file.pinned, *file.waiting}.difference(known))
    for name in left_out:
        file.pinned.pop(name, None)
        file.waiting.pop(name, None)
    return _text(file), left_out


def _text(file: PinnedTools) -> str:
    pinned: dict[str, Any] = {**file.unreadable, **{name: _plain(pin) for name, pin in file.pinned.items()}}
    waiting = {name: _plain(held) for name, held in file.waiting.items()}
    return f'{{"pinned": {_lines(pinned)},\n"waiting": {_lines(waiting)}}}\n'


def _lines(entries: Mapping[str, Any]) -> str:
    inner = ",\n".join(f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in sorted(entries.items()))
    return f"{{\n{inner}\n}}" if inner else "{}"


def _plain(pin: Pin) -> dict[str, Any]:
    return {name: value for name, value in vars(pin).items() if value is not None}
