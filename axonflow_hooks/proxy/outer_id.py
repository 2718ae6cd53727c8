"""The id of a message that is nested too deeply to be read: whoever waits for its answer has to be told.

What is looked at is the outermost object alone, token by token and without recursion.
"""

from __future__ import annotations

import json
import re
from typing import Final, NamedTuple

MAX_TOKENS: Final = 500_000
"""Runs of brackets and texts; so many take a fraction of a second."""
DEEP: Final = 50
"""A message that is nested less than this is unreadable for another reason."""

_TOKEN: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|\[+|\]+|\{+|\}+|"', re.DOTALL)
_VALUE: Final = re.compile(r'[ \t\r\n]*:[ \t\r\n]*("(?:[^"\\]|\\.){0,1000}"|-?[0-9]{1,18}(?![0-9.eE]))?')
_LAST: Final = re.compile(r'(?<!\\)"id"[ \t\r\n]*:[ \t\r\n]*([0-9]{1,18}|"[^"\\]{0,1000}")[ \t\r\n]*\}[ \t\r\n]*\Z')
_LAST_CHARS: Final = 1_200


class Outer(NamedTuple):
    """The outermost object: the text of its id ("" for none, or no usable one), and whether it names a method."""

    raw_id: str = ""
    has_method: bool = False
    deep: bool = False

    @property
    def identifier(self) -> int | str | None:
        """The id as a value, None for none."""
        return json.loads(self.raw_id) if self.raw_id else None


def outer_of(text: str) -> Outer:
    """Take the text of a message that could not be read and give what its outermost object tells of it."""
    depth = deepest = 0
    ids: list[str] = []
    has_method = False
    for count, token in enumerate(_TOKEN.finditer(text)):
        found = token.group()
        if found == '"':
            return Outer()
        if count > MAX_TOKENS:
            last = _LAST.search(text, len(text) - _LAST_CHARS)
            return Outer(_usable(ids or ([last[1]] if last is not None else [])), has_method, deepest >= DEEP)
        if found[0] in "[{":
            depth += len(found)
            deepest = max(deepest, depth)
        elif found[0] in "]}":
            depth -= len(found)
        elif depth == 1 and (member := _VALUE.match(text, token.end())) is not None:
            has_method = has_method or found == '"method"'
            if found == '"id"':
                ids.append(member[1] or "")
    if depth or text.lstrip()[:1] != "{":
        return Outer()
    return Outer(_usable(ids), has_method, deepest >= DEEP)


def _usable(ids: list[str]) -> str:
    """Give the one id; two would be read differently by two readers."""
    if len(ids) != 1:
        return ""
    try:
        json.loads(ids[0])
    except ValueError:
        return ""
    return ids[0]
