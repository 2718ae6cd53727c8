"""The texts of a JSON value that data can stand in: every string, every number, every key, in the text's own order.

The place of a leaf is its ordinal among all strings, numbers and keys, which is how `exact_json` finds it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import repeat
from typing import Any, Final, Literal, NamedTuple

from axonflow_hooks.proxy.tables import columns_of, first_row

Kind = Literal["text", "number", "key", "binary"]

MAX_LEAVES: Final = 200_000

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z_$-]{0,38}\d{0,2}")
_BLOCK_TYPES: Final = frozenset({"text", "image", "audio", "resource", "resource_link", "object", "string", "array"})


class Leaf(NamedTuple):
    """One text. `label` is the key of the nearest object around it, which tells what a bare value is.

    In a table (`{"columns": […], "rows": [[…], …]}`, or rows below a first one of names) it has the column's name, too.
    `parent` is the key under which that nearest object stands, `listed` tells that it is an item of a list.
    """

    ordinal: int
    label: str
    text: str
    kind: Kind
    parent: str = ""
    listed: bool = False


class _Column(NamedTuple):
    """Stands for a key where a cell of a table comes: it tells what the cell is, but does not stand in the value."""

    name: str


_Entries = Iterator[tuple[str | _Column | None, Any]]
_Level = tuple[_Entries, str, str, str, "list[str] | None"]


class TooManyLeaves(ValueError):  # noqa: N818
    """More texts than can be looked at one by one."""


def leaves_of(value: Any) -> list[Leaf]:
    """Take a JSON value and give its leaves in order; the words that give a content block its kind are left out.

    Raises TooManyLeaves.
    """
    found: list[Leaf] = []
    ordinal = 0
    # What is open: its entries yet to come, the label of a list's items, the key of base64, the key above, the columns.
    levels: list[_Level] = [(iter(((None, value),)), "", "", "", None)]
    while levels:
        entries, label, binary, parent, columns = levels[-1]
        for key, item in entries:
            if key is not None:
                if isinstance(key, _Column):
                    label = key.name
                else:
                    if key:
                        found.append(Leaf(ordinal, "", key, "key"))
                    ordinal += 1
                    label = key
            kind = type(item)  # of a JSON value: no subclass
            if kind is str:
                if item and not (label == "type" and item in _BLOCK_TYPES):
                    what: Kind = "binary" if binary and key == binary else "text"
                    found.append(Leaf(ordinal, label, item, what, parent, type(key) is not str))
                ordinal += 1
            elif kind is dict:
                levels.append((iter(item.items()), "", _binary_key(item), label or parent, columns_of(item)))
                break
            elif kind is list:
                cells = columns if key is None else None  # a list in a list is a row
                levels.append((_entries(item, label, cells), label, "", parent, columns or first_row(item)))
                break
            elif kind is int or kind is float:
                found.append(Leaf(ordinal, label, repr(item), "number", parent, type(key) is not str))
                ordinal += 1
            if len(found) > MAX_LEAVES:
                raise TooManyLeaves
        else:
            levels.pop()
    return found


def _entries(items: list[Any], label: str, columns: list[str] | None) -> _Entries:
    """Give the entries of a list: those of a table's row with the names of its columns."""
    if columns is None or len(items) != len(columns) or list in map(type, items):
        return zip(repeat(None), items)
    return zip((_Column(f"{label} {name}" if label else name) for name in columns), items, strict=True)


def is_plain_key(leaf: Leaf) -> bool:
    """Tell whether a leaf is the name of a field, such as `structuredContent`, that no data can stand in."""
    return leaf.kind == "key" and _PLAIN_KEY.fullmatch(leaf.text) is not None


def sole_text(value: Any) -> str | None:
    """Give the text of a tool's result that holds one text block and nothing else (MCP: CallToolResult), else None.

    It is the only leaf of such a value that is not the plain name of a field.
    """
    if type(value) is not dict or len(value) > 2 or type(value.get("isError", False)) is not bool:
        return None
    content = value.get("content")
    if type(content) is not list or len(content) != 1 or len(value) - ("isError" in value) != 1:
        return None
    block = content[0]
    if type(block) is not dict or len(block) != 2 or block.get("type") != "text":
        return None
    text = block.get("text")
    return text if type(text) is str and text else None


def _binary_key(block: dict[str, Any]) -> str:
    """Name the member that holds base64 in a content block, "" for none (MCP 2025-06-18: image, audio, blob)."""
    if isinstance(block.get("blob"), str) and "uri" in block:
        return "blob"
    return "data" if block.get("type") in ("image", "audio") and isinstance(block.get("data"), str) else ""
