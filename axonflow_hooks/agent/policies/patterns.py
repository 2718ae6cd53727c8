"""Patterns that come over REST: which are accepted, and where they match.

They are those of packs (RE2 syntax, ASCII classes, linear time), bounded in length and in the size of their program.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.policy.matching import (
    HAVE_RE2,
    Haystack,
    compile_set,
    compile_stdlib,
    pattern_fault,
    quiet_options,
)
from axonflow_hooks.wire.policies import MAX_PATTERN_CHARS

if HAVE_RE2:
    import re2

if sys.version_info >= (3, 11):
    from re import _constants as ops
    from re import _parser as grammar
else:
    import sre_constants as ops
    import sre_parse as grammar

if TYPE_CHECKING:
    from collections.abc import Iterable

    from axonflow_hooks.policy.matching import PatternSet

MAX_PROGRAM: Final = 5_000
"""Instructions of a compiled pattern; the largest built-in one has a tenth of it."""

KEPT: Final = 512
"""Compiled patterns that are remembered: policies are compiled anew at every change, most of them unchanged."""


@lru_cache(maxsize=KEPT)
def rejection(pattern: str) -> str | None:
    """Give why a pattern is not accepted, in words for its author; None for a good one."""
    if len(pattern) > MAX_PATTERN_CHARS:
        return f"the pattern is longer than {MAX_PATTERN_CHARS} characters"
    if not pattern.isprintable() and not pattern.isascii():
        return "the pattern holds characters that cannot be shown; write them as \\x{…}"
    fault = pattern_fault(pattern)
    if fault is not None:
        return f"the pattern is no valid RE2 expression: {fault}"
    if HAVE_RE2:
        if re2.compile(pattern, quiet_options()).programsize > MAX_PROGRAM:
            return "the pattern is too expensive: its repeats make too large a program"
    elif _nests_repeats(grammar.parse(pattern.replace(r"\z", r"\Z"))):
        return "the pattern is too expensive: a repeat within a repeat"
    if _matches_nothing(pattern):
        return "the pattern matches the empty text, and so every text"
    return None


@dataclass(slots=True)
class Text:
    """A text that is searched, with what searching it needs, made when first asked for."""

    text: str
    _haystack: Haystack | None = field(default=None, repr=False)

    @property
    def haystack(self) -> Haystack:
        """The text as patterns see it."""
        if self._haystack is None:
            self._haystack = Haystack(self.text)
        return self._haystack


@lru_cache(maxsize=KEPT)
def _compiled(pattern: str) -> PatternSet:
    return compile_set([pattern])


def places(pattern: str, text: Text) -> list[tuple[int, int]]:
    """Give the places (str offsets) at which an accepted pattern matches at least one character."""
    compiled = _compiled(pattern)
    return list(compiled.find(0, text.haystack)) if compiled.hits(text.haystack) else []


def literal(words: Iterable[str]) -> str:
    """Give the pattern that finds any of the words, upper and lower case alike."""
    return "(?i)" + "|".join(map(re.escape, sorted(set(words), key=len, reverse=True)))


def first_groups(pattern: str, text: str) -> list[str] | None:
    """Give the first match of an accepted pattern and its groups ("" for one that took no part), None for none."""
    if HAVE_RE2:
        # As bytes, like every other search: what has no UTF-8 form is looked at too.
        found = re2.compile(pattern, quiet_options()).search(Haystack(text).data)
        return None if found is None else [_shown(group) for group in (found.group(0), *found.groups())]
    match = compile_stdlib(pattern).search(text)
    return None if match is None else [group or "" for group in (match.group(0), *match.groups())]


def _matches_nothing(pattern: str) -> bool:
    if HAVE_RE2:
        return re2.compile(pattern, quiet_options()).search(b"") is not None
    return compile_stdlib(pattern).search("") is not None


def _shown(group: bytes | None) -> str:
    return "" if group is None else group.decode("utf-8", "replace")


def _nests_repeats(parsed: Any, *, inside: bool = False) -> bool:
    """Tell whether a repeat without end stands in another: exponential for an engine that backtracks."""
    for op, value in parsed:
        repeats = op in (ops.MAX_REPEAT, ops.MIN_REPEAT) and value[1] == ops.MAXREPEAT
        if repeats and inside:
            return True
        if any(_nests_repeats(part, inside=inside or repeats) for part in _parts(value)):
            return True
    return False


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, grammar.SubPattern):
        yield value
    elif isinstance(value, (tuple, list)):
        for item in value:
            yield from _parts(item)
