"""JSON values as trees of text leaves: each string, and each number as it is written.

Redaction maps leaves one to one, so the value keeps its shape: the same rows, the same keys, everything that is not
a text or a number untouched.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    Change = Callable[["Leaf"], "str | None"]
    """Takes a leaf and gives the text that replaces it, None to leave it as it is."""


class Leaf(NamedTuple):
    """One text: its path (`response_data[0].name`) and its label, the key of the nearest object around it."""

    path: str
    label: str
    text: str


def map_leaves(value: Any, path: str, change: Change, label: str = "") -> Any:
    """Give `value` with its leaves changed; `path` names it (`message`, `response_data`).

    A number becomes a string where its text is replaced. A key is a leaf too, at the path of its object followed by
    `.key()`: data keyed by e-mail address must not pass. Values that nothing changed are given back as they came.
    """
    if isinstance(value, str):
        changed = change(Leaf(path, label, value))
        return value if changed is None else changed
    if isinstance(value, dict):
        return _map_object(value, path, change)
    if isinstance(value, list):
        return [map_leaves(item, f"{path}[{index}]", change, label) for index, item in enumerate(value)]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        changed = change(Leaf(path, label, repr(value)))
        return value if changed is None else changed
    return value


def _map_object(value: dict[str, Any], path: str, change: Change) -> dict[str, Any]:
    mapped: dict[str, Any] = {}
    for key, item in value.items():
        name = change(Leaf(f"{path}.key()", "", key))
        shown = _unused(key if name is None else name, mapped)
        mapped[shown] = map_leaves(item, f"{path}.{shown}", change, key)
    return mapped


def _unused(name: str, taken: dict[str, Any]) -> str:
    """Give a key that is not taken yet: two spellings of one value share a placeholder, but no entry may get lost."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name} ({number})", number + 1
    return candidate
