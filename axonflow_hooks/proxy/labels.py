"""Under which label the agent is shown a text: the words that tell what a bare value is, without what could be data."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from axonflow_hooks.proxy.leaves import Leaf

MAX_LABEL_CHARS: Final = 58
"""Agents take a longer one for no label: the end of a key stands next to its value."""
NO_LABEL: Final = "value"

_LONG_NUMBER: Final = re.compile(r"\d{3,}")
_DIGIT: Final = re.compile(r"\d")
_OTHERS: Final = re.compile(r"[^\w .-]+")
_BLANKS: Final = re.compile(r"\s+")
_GENERIC: Final = frozenset(
    "value values val text content contents number num data raw item items field fields result results response "
    "structuredContent record records row rows list entry entries key keys name string body payload plain x n v".split()
)
"""Keys that do not tell what their value is."""


def is_generic(key: str) -> bool:
    """Tell whether a key does not tell what its value is."""
    return key in _GENERIC


def label_of(leaf: Leaf) -> str:
    """Give the label of a leaf: its key, behind the key of the object around it where its own tells nothing."""
    return _label(leaf.label, leaf.parent) if leaf.label in _GENERIC else safe_label(leaf.label)


@lru_cache(maxsize=4096)
def _label(key: str, parent: str) -> str:
    if not parent or parent in _GENERIC:
        return safe_label(key)
    return safe_label(f"{parent} {key}")


@lru_cache(maxsize=4096)
def safe_label(key: str) -> str:
    """Give a key without what could be data: letters of any script, `_ .-` and up to two digits, not over 58 chars."""
    words = _OTHERS.sub(" ", _LONG_NUMBER.sub(" ", key))
    if len(digits := list(_DIGIT.finditer(words))) > 2:
        kept = digits[1].end()
        words = words[:kept] + _DIGIT.sub(" ", words[kept:])
    words = _BLANKS.sub(" ", words).strip(" .-")
    if len(words) > MAX_LABEL_CHARS:
        cut = words[-MAX_LABEL_CHARS:]
        words = cut.partition(" ")[2] or cut
    return words or NO_LABEL
