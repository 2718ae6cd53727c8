"""Keeps redacted JSON readable as JSON: what is masked is cut to its strings and numbers (RFC 8259)."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from typing import Final

MAX_TEXT: Final = 16 * 1024 * 1024
"""Characters of a text that is tried as JSON."""

_LEAF: Final = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)", re.DOTALL)


def is_json(text: str) -> bool:
    """Whether the text is a JSON object or array."""
    if len(text) > MAX_TEXT or text.lstrip()[:1] not in ("{", "["):
        return False
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def leaves(text: str) -> list[tuple[int, int]]:
    """Give the places of the strings (with their quotes) and numbers of a JSON text, in order."""
    return [match.span() for match in _LEAF.finditer(text)]


def leaf_parts(text: str, places: list[tuple[int, int]], start: int, end: int) -> list[tuple[int, int, bool]]:
    """Take a JSON text, its `leaves` and a region; give what is to be masked of each leaf it touches.

    Each part is a start, an end and whether the placeholder needs quotes.

    A number is masked whole and needs quotes around the placeholder; of a string the part inside its quotes, grown to
    whole escape sequences. What lies between the leaves stays as it is.
    """
    parts: list[tuple[int, int, bool]] = []
    for leaf in places[max(0, bisect_right(places, (start, start)) - 1) :]:
        if leaf[1] <= start:
            continue
        if leaf[0] >= end:
            break
        if text[leaf[0]] != '"':
            parts.append((leaf[0], leaf[1], True))
            continue
        first, last = max(start, leaf[0] + 1), min(end, leaf[1] - 1)
        if first < last:
            first, last = _whole_escapes(text, leaf, first, last)
            parts.append((first, last, False))
    return parts


def _whole_escapes(text: str, leaf: tuple[int, int], first: int, last: int) -> tuple[int, int]:
    for match in _ESCAPE.finditer(text, leaf[0] + 1, leaf[1] - 1):
        if match.start() < first < match.end():
            first = match.start()
        if match.start() < last < match.end():
            last = match.end()
    return first, last
