"""Linear-time pattern sets: google-re2 where it is installed, the standard library behind the same face where not.

Patterns are written in the common subset of RE2 and `re` (no look-around, no back-references, no wide counted
repeats, flags only at the start) and see ASCII classes in both engines.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, Final, Protocol

from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy.prefilter import TOKENS, needed, shorten

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axonflow_hooks.policy.prefilter import Cut

try:
    import re2
except ImportError:  # no wheel for musl: see FALLBACK_BYTES
    re2 = None

HAVE_RE2: Final = re2 is not None
SET_MEMORY: Final = 256 << 20
"""Bytes an RE2 set may use for its automaton; the default makes it start over again and again on base64."""

FALLBACK_CHARS: Final = 1 << 14
"""Without re2, characters matched at a time: `re` can be quadratic, so its cost is bounded piece by piece."""
FALLBACK_OVERLAP: Final = 1 << 12
"""Characters by which two pieces overlap, more than any built-in pattern but a private key spans."""


class Haystack:
    """A text with its UTF-8 bytes, and the way back from byte offsets to str offsets."""

    __slots__ = ("_ascii", "_char_at", "_marks", "data", "text")

    _STEP = 1024

    def __init__(self, text: str) -> None:
        self.text = text
        self._ascii = text.isascii()
        # A lone surrogate (undecodable bytes of a host) has no UTF-8 form: one replacement character, same length.
        self.data = text.encode("ascii") if self._ascii else text.encode("utf-8", "surrogatepass")
        self._marks: list[int] | None = None
        self._char_at: list[int] = []

    def offset(self, byte_offset: int) -> int:
        """Take a byte offset on a character boundary and give the str offset."""
        if self._ascii:
            return byte_offset
        if self._marks is None:
            self._index()
        marks = self._marks or [0]
        step = bisect_right(marks, byte_offset) - 1
        head = self.data[marks[step] : byte_offset]
        return self._char_at[step] + _count_characters(head)

    def _index(self) -> None:
        marks, chars, seen = [0], [0], 0
        for start in range(0, len(self.data), self._STEP):
            seen += _count_characters(self.data[start : start + self._STEP])
            marks.append(start + self._STEP)
            chars.append(seen)
        self._marks, self._char_at = marks, chars


_CONTINUATION: Final = bytes(range(0x80, 0xC0))


def _count_characters(data: bytes) -> int:
    return len(data.translate(None, _CONTINUATION))


class PatternSet(Protocol):
    """Patterns compiled together: which of them occur, and where one of them occurs."""

    def hits(self, haystack: Haystack) -> Sequence[int]:
        """Give the indexes of the patterns that may occur; no other does."""

    def find(self, index: int, haystack: Haystack) -> Iterator[tuple[int, int]]:
        """Give the places (str offsets) of pattern `index`; its group 1 where it has one and that took part."""


def compile_set(patterns: Sequence[str], cut: Cut = TOKENS) -> PatternSet:
    """Compile patterns into one set, cut for the first look; raises PolicyPackError for the first that is refused."""
    if HAVE_RE2:
        return Re2Set(patterns, cut)
    return StdlibSet(patterns)


def pattern_fault(pattern: str) -> str | None:
    """Give the fault of a pattern in either engine, None for a good one."""
    try:
        compile_stdlib(pattern)
    except re.error as error:
        return str(error)
    if re2 is None:
        return None
    try:
        re2.compile(pattern, quiet_options())
    except re2.error as error:
        fault = error.args[0] if error.args else "not a valid pattern"
        return fault.decode("utf-8", "replace") if isinstance(fault, bytes) else str(fault)
    return None


def compile_stdlib(pattern: str, flags: re.RegexFlag = re.ASCII) -> re.Pattern[str]:
    """Compile a pack's pattern with `re`, which writes the end of the text differently."""
    return re.compile(pattern.replace(r"\z", r"\Z"), flags)


def quiet_options() -> Any:
    """Give options of RE2 with which it says nothing of a pattern that it refuses; the exception says it."""
    options = re2.Options()
    options.log_errors = False
    return options


class Re2Set:
    """One RE2 set over UTF-8 bytes as prefilter, and the single expressions for the places."""

    __slots__ = ("_expressions", "_match", "_needed", "_patterns", "_set")

    def __init__(self, patterns: Sequence[str], cut: Cut = TOKENS) -> None:
        options = quiet_options()
        options.max_mem = SET_MEMORY
        self._set = re2.Set.SearchSet(options)
        self._patterns = tuple(patterns)
        self._expressions: list[Any] = [None] * len(self._patterns)
        self._needed = [b""] * len(self._patterns)
        for pattern in self._patterns:
            try:
                self._set.Add(shorten(pattern, cut))
            except re2.error as error:
                raise PolicyPackError(f"pattern {pattern!r} is refused by re2: {error}") from error
        if self._patterns:
            try:
                self._set.Compile()
            except re2.error as error:
                raise PolicyPackError(f"{len(self._patterns)} patterns are too much together: {error}") from error
        # the face of the set only encodes what is bytes already
        self._match = getattr(self._set, "_set", self._set).Match

    def hits(self, haystack: Haystack) -> Sequence[int]:
        return (self._match(haystack.data) or ()) if self._patterns else ()

    def find(self, index: int, haystack: Haystack) -> Iterator[tuple[int, int]]:
        # compiled when first needed: most patterns never find anything, and start-up is on the first hook call
        expression = self._expressions[index]
        if expression is None:
            self._needed[index] = needed(self._patterns[index]).encode("utf-8", "surrogatepass")
            expression = self._expressions[index] = re2.compile(self._patterns[index], quiet_options())
        if self._needed[index] not in haystack.data:
            return  # the pattern was cut before it: to look for a text costs less than for a pattern
        wanted = 1 if expression.groups else 0
        for match in expression.finditer(haystack.data):
            start, end = match.span(wanted)
            if start < 0:
                start, end = match.span()
            if start < end:
                yield haystack.offset(start), haystack.offset(end)


class StdlibSet:
    """The same with `re`, piece by piece."""

    __slots__ = ("_expressions",)

    def __init__(self, patterns: Sequence[str]) -> None:
        try:
            self._expressions = [compile_stdlib(pattern) for pattern in patterns]
        except re.error as error:
            raise PolicyPackError(f"pattern {error.pattern!r} is refused: {error}") from error

    def hits(self, haystack: Haystack) -> Sequence[int]:
        pieces = list(_pieces(haystack.text))
        return [
            index
            for index, expression in enumerate(self._expressions)
            if any(expression.search(haystack.text, start, end) for start, end in pieces)
        ]

    def find(self, index: int, haystack: Haystack) -> Iterator[tuple[int, int]]:
        expression = self._expressions[index]
        wanted = 1 if expression.groups else 0
        done = 0
        for piece_start, piece_end in _pieces(haystack.text):
            for match in expression.finditer(haystack.text, max(piece_start, done), piece_end):
                start, end = match.span(wanted) if match.start(wanted) >= 0 else match.span()
                if start < end:
                    done = match.end()
                    yield start, end


def _pieces(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    while True:
        end = min(start + FALLBACK_CHARS, len(text))
        yield start, end
        if end == len(text):
            return
        start = end - FALLBACK_OVERLAP
