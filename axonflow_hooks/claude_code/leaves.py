"""Tool output ⇄ text leaves: every string that can carry data, and the same output with some of them replaced.

Redaction maps leaves one to one, so an output keeps the tool's own shape; a host ignores any other (it fails open).
"""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Final

from axonflow_hooks.claude_code.masks import Mask, masks_of, with_masks

_KIND_KEYS: Final = frozenset({"type", "mimeType", "media_type", "cellType", "cell_type", "status"})
_KIND: Final = re.compile(r"[a-z]+\d{0,2}(?:[_-][a-z]+)*(?:/[a-z0-9.+-]{1,80})?")
_STRING_OR_PLACEHOLDER: Final = re.compile(r'("(?:[^"\\]|\\.)*")|(\[REDACTED[^\]"\n]*\])', re.DOTALL)
_ESCAPE: Final = re.compile(r"\\{1,16}u([0-9a-fA-F]{4})")
"""The escape of a character in JSON (RFC 8259 7), and in JSON in a string of JSON, to the fourth depth."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Leaf:
    """One string of an output and the keys and indexes that lead to it."""

    path: Path
    text: str


def leaves_of(output: Any) -> list[Leaf]:
    """Take a tool's output (any JSON value) and give its non-empty strings in order.

    Left out are the base64 of images and the words that give a block its kind: with another word it is no block.
    """
    found: list[Leaf] = []
    pending: list[tuple[Path, Any]] = [((), output)]
    while pending:
        path, value = pending.pop()
        if isinstance(value, str):
            if value and not (path and path[-1] in _KIND_KEYS and _KIND.fullmatch(value)):
                found.append(Leaf(path, value))
        elif isinstance(value, dict):
            binary = _binary_key(value)
            pending.extend(((*path, key), item) for key, item in reversed(value.items()) if key != binary)
        elif isinstance(value, list):
            pending.extend(((*path, index), value[index]) for index in range(len(value) - 1, -1, -1))
    return found


def with_leaves(output: Any, replacements: dict[Path, str]) -> Any:
    """Give a copy of an output in which the leaves at the given paths are replaced and nothing else differs."""
    if () in replacements:
        return replacements[()]
    copied: dict[Path, Any] = {(): copy.copy(output)}
    for path, text in replacements.items():
        parent = copied[()]
        for depth, step in enumerate(path[:-1], start=1):
            if path[:depth] not in copied:
                copied[path[:depth]] = parent[step] = copy.copy(parent[step])
            parent = copied[path[:depth]]
        parent[path[-1]] = text
    return copied[()]


def decoded(text: str) -> str:
    r"""Give text as it is judged: with the characters that JSON's escapes hide (`\u0031`), wherever they stand in it.

    Only these escapes change: numbers, blanks and doubled keys stay as they were, and JSON stays JSON.
    """
    return text if "\\u" not in text else _ESCAPE.sub(_unescaped, text)


def masked_in_place(text: str, masked: str) -> str:
    """Take a text and the masked form of what `decoded` gives for it; give the text masked, its other escapes kept.

    Where the masks cannot be told for sure, it is the decoded text that is masked.
    """
    seen = decoded(text)
    if seen != text and (masks := masks_of(seen, masked)) is not None:
        places = _Places(text)
        masks = [Mask(places.of(mask.start), places.of(mask.end), mask.shown) for mask in masks]
        return still_json(text, with_masks(text, masks))
    return still_json(seen, masked)


def still_json(before: str, after: str) -> str:
    """Give masked text that is JSON where the original was: a masked number becomes a string."""
    if before.lstrip()[:1] not in {"{", "["} or not _is_json(before) or _is_json(after):
        return after
    quoted = _STRING_OR_PLACEHOLDER.sub(lambda match: match.group(1) or f'"{match.group(2)}"', after)
    return quoted if _is_json(quoted) else after


def _binary_key(value: dict[str, Any]) -> str:
    """Name the key that holds base64 in a content block, "" for none (image, audio, embedded resource)."""
    if "blob" in value and "uri" in value:
        return "blob"
    return "data" if value.get("type") in {"image", "audio", "base64"} else ""


def _unescaped(match: re.Match[str]) -> str:
    char = chr(int(match.group(1), 16))
    # Control characters, quotes and halves of pairs are nothing without their escape; a blank of any kind is one.
    hidden = char.isprintable() or unicodedata.category(char) == "Zs"
    return char if hidden and char not in {'"', "\\"} else match.group()


class _Places:
    """Where in a text the places of its decoded form are, asked for in order."""

    def __init__(self, text: str) -> None:
        self._escapes = (match for match in _ESCAPE.finditer(text) if _unescaped(match) != match.group())
        self._next = next(self._escapes, None)
        self._ahead = 0

    def of(self, place: int) -> int:
        """Give the place in the text of one in its decoded form, not before the one that was asked for last."""
        while self._next is not None and self._next.start() - self._ahead < place:
            self._ahead += len(self._next.group()) - 1
            self._next = next(self._escapes, None)
        return place + self._ahead


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
