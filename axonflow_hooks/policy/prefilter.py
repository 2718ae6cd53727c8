"""Shortens patterns for the first look at a text: whatever the pattern matches, the short one matches too.

A set of two hundred token formats with counted repeats makes an automaton too large to stay in memory, and a scan ten
times as slow. What tells most texts from a token is its beginning, so a pattern is cut behind its first telling
characters; the places are then found with the whole pattern.
"""

from __future__ import annotations

import functools
import json
import re
import sys
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

if sys.version_info >= (3, 11):
    from re import _constants as ops
    from re import _parser as grammar
else:
    import sre_constants as ops
    import sre_parse as grammar


@dataclass(frozen=True, slots=True)
class Cut:
    """Where patterns are cut: behind `telling` characters (literals count whole, classes half), repeats at `repeat`."""

    name: str
    telling: int
    repeat: int


TOKENS: Final = Cut("tokens", telling=40, repeat=24)
NUMBERS: Final = Cut("numbers", telling=8, repeat=8)
"""For identity numbers: digits with separators, which begin alike. Whole, a hundred of them make an automaton that a
megabyte of mixed digits rebuilds for seconds; what the short forms let through, context words and places sort out."""

FORMS_FILE: Final = "short_forms.json"
"""In this package: the short forms of the built-in patterns, written by `python -m devtools.short_forms`."""

_CATEGORIES: Final = {
    ops.CATEGORY_DIGIT: r"\d", ops.CATEGORY_NOT_DIGIT: r"\D", ops.CATEGORY_SPACE: r"\s", ops.CATEGORY_NOT_SPACE: r"\S",
    ops.CATEGORY_WORD: r"\w", ops.CATEGORY_NOT_WORD: r"\W",
}  # fmt: skip
_ANCHORS: Final = {
    ops.AT_BEGINNING: "^", ops.AT_BEGINNING_STRING: r"\A", ops.AT_BOUNDARY: r"\b", ops.AT_NON_BOUNDARY: r"\B",
    ops.AT_END: "$", ops.AT_END_STRING: r"\z",
}  # fmt: skip
_FLAGS: Final = ((re.IGNORECASE, "i"), (re.MULTILINE, "m"), (re.DOTALL, "s"))


class _TooClever(Exception):  # noqa: N818 - not an error: the pattern is used as it is
    """The pattern uses what is not shortened."""


@functools.lru_cache(maxsize=4096)  # engines are made anew when a pack changes, and most patterns stay
def shorten(pattern: str, cut: Cut = TOKENS) -> str:
    """Take a pattern of the common subset of RE2 and `re`; give one that matches wherever it does."""
    return _known_forms().get(cut.name, {}).get(pattern) or short_form(pattern, cut)


@functools.cache
def _known_forms() -> Mapping[str, Mapping[str, str]]:
    """Give the short forms of the built-in patterns, by cut: to find them takes a third of the engine's start."""
    text = (resources.files("axonflow_hooks.policy") / FORMS_FILE).read_text(encoding="utf-8")
    known: dict[str, dict[str, str]] = json.loads(text)
    return known


def short_form(pattern: str, cut: Cut) -> str:
    """Find what `shorten` gives for a pattern that is not built in."""
    try:
        tree: Any = grammar.parse(pattern.replace(r"\z", r"\Z"), re.ASCII)
        text, _score, _whole = _sequence(list(tree), cut)
    except (re.error, _TooClever):
        return pattern
    flags = "".join(letter for flag, letter in _FLAGS if tree.state.flags & flag)
    return f"(?{flags}){text}" if flags else text


def needed(pattern: str) -> str:
    """Take a pattern and give a text that stands in whatever it matches, the longest that is plain; "" for none."""
    try:
        tree: Any = grammar.parse(pattern.replace(r"\z", r"\Z"), re.ASCII)
    except re.error:
        return ""
    if tree.state.flags & re.IGNORECASE:
        return ""
    return max(_literals(list(tree)), key=len, default="")


def _literals(items: list[Any]) -> Iterator[str]:
    """Give the runs of literal characters that are in every match of a sequence."""
    run = ""
    for operation, argument in items:
        if operation is ops.LITERAL:
            run += chr(argument)
            continue
        yield run
        run = ""
        if operation is ops.SUBPATTERN and not argument[1]:
            yield from _literals(list(argument[3]))
        elif operation in (ops.MAX_REPEAT, ops.MIN_REPEAT) and argument[0] > 0:
            yield from _literals(list(argument[2]))
    yield run


def _sequence(items: list[Any], cut: Cut) -> tuple[str, float, bool]:
    """Give the text of a sequence, how telling it is, and whether it is there to its end."""
    parts: list[str] = []
    score = 0.0
    for number, (operation, argument) in enumerate(items):
        text, telling, whole = _item(operation, argument, cut)
        parts.append(text)
        score += telling
        if not whole:
            return "".join(parts), score, False
        if score >= cut.telling and number + 1 < len(items):
            return "".join(parts), score, False
    return "".join(parts), score, True


def _item(operation: Any, argument: Any, cut: Cut) -> tuple[str, float, bool]:
    if operation is ops.LITERAL:
        return _escape(argument), 1.0, True
    if operation is ops.NOT_LITERAL:
        return f"[^{_escape(argument)}]", 0.0, True
    if operation is ops.ANY:
        return ".", 0.0, True
    if operation is ops.AT:
        return _ANCHORS[argument], 0.0, True
    if operation is ops.IN:
        return _class(argument), 0.5, True
    if operation is ops.SUBPATTERN:
        _group, added, removed, inner = argument
        if added or removed:
            raise _TooClever
        text, score, whole = _sequence(list(inner), cut)
        return f"(?:{text})", score, whole
    if operation is ops.BRANCH:
        branches = [_sequence(list(branch), cut) for branch in argument[1]]
        text = "|".join(branch[0] for branch in branches)
        return f"(?:{text})", min(branch[1] for branch in branches), all(branch[2] for branch in branches)
    if operation in (ops.MAX_REPEAT, ops.MIN_REPEAT):
        low, high, inner = argument
        return _repeat(low, high, inner, cut)
    raise _TooClever


def _repeat(low: int, high: Any, inner: Any, cut: Cut) -> tuple[str, float, bool]:
    text, score, whole = _sequence(list(inner), cut)
    text = f"(?:{text})"
    if low == 0 and not whole:
        raise _TooClever
    if not whole:
        return text, score, False
    if low > cut.repeat:
        return f"{text}{{{cut.repeat}}}", score * cut.repeat, False
    if high is ops.MAXREPEAT or int(high) > cut.repeat:
        # longer than is counted: any number of them, which is cheaper and matches more
        return (f"{text}*" if low == 0 else f"{text}{{{low}}}{text}*"), score * low, True
    return f"{text}{{{low},{int(high)}}}", score * low, True


def _class(items: Any) -> str:
    text = ""
    for operation, argument in items:
        if operation is ops.NEGATE:
            text += "^"
        elif operation is ops.LITERAL:
            text += _escape(argument)
        elif operation is ops.RANGE:
            text += f"{_escape(argument[0])}-{_escape(argument[1])}"
        elif operation is ops.CATEGORY:
            text += _CATEGORIES[argument]
        else:
            raise _TooClever
    return f"[{text}]"


def _escape(code: int) -> str:
    character = chr(code)
    return character if character.isalnum() or code > 0x7F else f"\\x{code:02x}"
