"""Tables in texts that are JSON, as most servers send them: their cells, each behind the name of its column.

A text is looked at as it is, too; these lines say of a bare cell far below the name of its column what it is.
"""

from __future__ import annotations

import re
from json import JSONDecoder
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.leaves import decoded
from axonflow_hooks.proxy.context_text import MAX_LINE_CHARS, Line
from axonflow_hooks.proxy.labels import label_of
from axonflow_hooks.proxy.leaves import TooManyLeaves, leaves_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axonflow_hooks.proxy.leaves import Leaf

MAX_VALUES: Final = 500_000
"""A table with more of them is looked at as the text that it is."""
MAX_TRIED: Final = 4
"""So many places of a text are tried as the beginning of JSON."""

_ROWS: Final = re.compile(r"\]\s*,\s*\[")
_LONG_LIST: Final = re.compile(r"\[[^\[\]{}]{60}")
_OWN_ROWS: Final = ('"f"', '"0"', '"cells"', '"values"')
_OPENING: Final = re.compile(r"^[ \t]*(?=[\[{])", re.MULTILINE)
_SCALAR: Final = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*', re.DOTALL)
_GAP: Final = Line("." * 64)
"""Between two columns, so that the name of one is not near the cells of the other."""


def may_hold_table(text: str) -> bool:
    """Tell whether a text may be JSON with rows in it, or a list that goes on far from its key."""
    if "]" not in text or not (text.lstrip()[:1] in ("{", "[") or "\n{" in text or "\n[" in text):
        return False
    return (
        _ROWS.search(text) is not None or _LONG_LIST.search(text) is not None or any(key in text for key in _OWN_ROWS)
    )


def table_lines(leaves: Sequence[Leaf]) -> list[Line]:
    """Take the leaves of a value, give the lines of the tables in those that are JSON; none for most values.

    The cells of one column stand together.
    """
    lines: list[Line] = []
    for leaf in leaves:
        if leaf.kind == "text" and may_hold_table(leaf.text):
            seen = decoded(leaf.text)
            for start, value, end in _values_in(seen):
                lines += _lines_of(leaf, seen, start, end, value)
    return lines


def _values_in(text: str) -> Iterator[tuple[int, Any, int]]:
    """Give where in a text JSON begins, its value, and where it ends: at the beginning of lines, such as the first."""
    place = 0
    for _ in range(MAX_TRIED):
        match = _OPENING.search(text, place)
        if match is None:
            return
        try:
            value, place = _decoder.raw_decode(text, match.end())
        except (ValueError, RecursionError):
            place = match.end() + 1
            continue
        yield match.end(), value, place


def _lines_of(leaf: Leaf, text: str, start: int, end: int, value: Any) -> list[Line]:
    """Give the lines of the value that stands from `start` to `end` in a leaf's text."""
    try:
        cells = [cell for cell in leaves_of(value, MAX_VALUES) if _is_cell(cell)]
    except TooManyLeaves:
        return []
    if not cells:
        return []
    scalars = enumerate(_SCALAR.finditer(text, start, end))
    columns: dict[str, list[Line]] = {}
    for cell in cells:
        match = next(match for ordinal, match in scalars if ordinal == cell.ordinal)
        label = label_of(cell)
        columns.setdefault(label, []).extend(_line_of(leaf, label, match.start(), match.group()))
    return [line for column in columns.values() for line in (_GAP, *column)]


def _is_cell(leaf: Leaf) -> bool:
    return leaf.kind in ("text", "number") and (leaf.cell or (leaf.listed and leaf.label != ""))


def _line_of(leaf: Leaf, label: str, start: int, shown: str) -> list[Line]:
    if len(shown) > MAX_LINE_CHARS:
        return []
    if shown[0] != '"':
        return [Line(f"{label}: ", shown, ",", leaf, start, start + len(shown), added=True)]
    inside = shown[1:-1]
    # What JSON escapes in it may be a line end; a line of its own would be nobody's.
    return [Line(f'{label}: "', inside.replace("\n", " "), '",', leaf, start + 1, start + 1 + len(inside), added=True)]


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice in one object")
    return found


def _nothing(_constant: str) -> None:
    return None


_decoder: Final = JSONDecoder(object_pairs_hook=_unique, parse_constant=_nothing)
