"""Words near a match: what makes a number the number of something (`ssn: 536228726`), and what makes it something else.

A matcher's `near` lists words. They count as whole parts of an identifier (`ssn`, `patient_ssn`, `patientSsn`,
`SSNValue`) on either side of the match, or at the head of its column in a table (CSV, Markdown, a database client's).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

BEFORE: Final = 60
AFTER: Final = 30
"""Characters around a match in which its words may stand."""
_MAX_LINE: Final = 1_000
_CALL: Final = "tool_call: "
"""What the statement of a tool's call begins with (wire 1.4): the form of it, and no word about a number."""
_DELIMITERS: Final = (",", ";", "\t", "|")
_GAPS: Final = ("\n\n", "\n\r\n")

_LEFT: Final = r"(?:(?-i:(?<![A-Za-z])|(?<=[a-z])(?=[A-Z])))"
_RIGHT: Final = r"(?:(?-i:(?![A-Za-z])|(?<=[a-z])(?=[A-Z])|(?=[A-Z][a-z])))"
_BLANK: Final = r"[ \t\u00a0]"
"""What parts words of one line: only there does a label or a unit say that a number is another thing."""
_LABEL: Final = re.compile(rf"([A-Za-z_][\w-]*)[\"']?(?:{_BLANK}{{0,3}}[:=]{_BLANK}{{0,3}}|{_BLANK})[\"']?$")
_OTHER: Final = re.compile(
    r"(?i)(?:^|_|-)(?:[a-z]{0,2}id|uuid|count|size|bytes|port|offset|timestamp|ts|time|ms|version|duration|length|len|total|"
    r"amount|price|seq|index|line|page|build|pid|seed|hash|crc|epoch|ttl|timeout|expires|exp|iat|nbf|section|code)$"
)
_UNIT: Final = re.compile(
    r"[ \u00a0]?(?:(?:ms|ns|us|µs|s|sec|seconds|minutes|bytes|[kmgt]i?b|bps|rows|lines|users|times|px)\b|%(?!\w))"
    rf"(?!{_BLANK}{{0,3}}[:=])"
)
"""Behind a tab stands another cell, before a colon another number's label; a `%` may begin an escape (RFC 3986 2.1)."""


def first_look(words: str) -> str:
    """Give an RE2 pattern that occurs wherever the words of `near` do."""
    return f"(?:^|[^A-Z])(?i:{words})(?:$|[^a-z])"


@lru_cache(maxsize=512)
def _whole(words: str) -> re.Pattern[str]:
    return re.compile(f"{_LEFT}(?:{words}){_RIGHT}", re.IGNORECASE)


@lru_cache(maxsize=512)
def _free(context: str) -> re.Pattern[str]:
    return re.compile(context, re.ASCII | re.IGNORECASE)


def in_context(context: str, text: str, start: int, end: int) -> bool:
    """Tell whether the pattern `context` occurs near `text[start:end]`."""
    pattern = _free(context)
    return (
        pattern.search(text[max(0, start - BEFORE) : start]) is not None
        or pattern.search(text[end : end + AFTER]) is not None
    )


def is_near(words: str, text: str, start: int, end: int, columns: Columns) -> bool:
    """Tell whether one of the words stands near `text[start:end]` and nothing says that the number is another thing."""
    pattern = _whole(words)
    form = len(_CALL) if text.startswith(_CALL) else 0
    before = text[max(form, start - BEFORE) : start]
    after = text[end : end + AFTER]
    if named_otherwise(before, pattern):
        return False
    if _UNIT.match(after):
        return False
    if pattern.search(before) is not None or pattern.search(after) is not None:
        return True
    head = columns.head(start)
    return head is not None and pattern.search(head) is not None


def named_otherwise(before: str, wanted: re.Pattern[str]) -> bool:
    """Tell whether the label that ends `before` (`"id":`, `offset=`) names something else than `wanted` does."""
    label = _LABEL.search(before)
    if label is None or _OTHER.search(label[1]) is None:
        return False
    # `ssn_count` counts; `ssn_id` and `SSN id` may well be the number
    reach = label.start(1) - 1 if label[1].lower().endswith("id") else label.end(1)
    return not any(match.end() >= reach for match in wanted.finditer(before))


class Columns:
    """The heads of a text's columns; asked from its beginning to its end, it reads each line once."""

    __slots__ = ("_delimiter", "_heads", "_seen", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._seen = -1
        self._delimiter = ""
        self._heads: list[str] = []

    def head(self, place: int) -> str | None:
        """Give the cell that heads the column of `place`, None outside of tables."""
        line = self._text.rfind("\n", max(0, place - _MAX_LINE), place) + 1
        self._enter(line)
        if not self._delimiter:
            return None
        column = self._text.count(self._delimiter, line, place)
        return self._heads[column] if column < len(self._heads) else None

    def _enter(self, line: int) -> None:
        """Find the first line of the block (lines without an empty one between them) that `line` is in."""
        gaps = ((gap, self._text.rfind(gap, max(0, self._seen), line)) for gap in _GAPS)
        start = max((place + len(gap) for gap, place in gaps if place >= 0), default=0)
        known = self._seen >= 0 and start == 0
        self._seen = line
        if known:
            return
        end = self._text.find("\n", start, start + _MAX_LINE)
        first = self._text[start:end] if start <= end < line else ""
        delimiter = max(_DELIMITERS, key=first.count)
        self._delimiter = delimiter if delimiter in first else ""
        self._heads = first.split(delimiter) if self._delimiter else []
