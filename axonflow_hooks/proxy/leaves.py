"""The texts of a JSON value that data can stand in: every string, every number, every key, in the text's own order.

The place of a leaf is its ordinal among all strings, numbers and keys, which is how `exact_json` finds it again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import repeat
from typing import Any, Final, Literal, NamedTuple

from axonflow_hooks.proxy.tables import Scope, Table, Tables

Kind = Literal["text", "number", "key", "binary"]

MAX_LEAVES: Final = 200_000

_PLAIN_KEY: Final = re.compile(r"[A-Za-z_$][A-Za-z_$-]{0,38}\d{0,2}")
_BLOCK_TYPES: Final = frozenset({"text", "image", "audio", "resource", "resource_link", "object", "string", "array"})


class Leaf(NamedTuple):
    """One text. `label` is the key of the nearest object around it, which tells what a bare value is.

    In a table (`{"columns": […], "rows": [[…], …]}`, or rows below a first one of names) it has the column's name, too.
    `parent` is the key under which that nearest object stands, `listed` tells that it is an item of a list. `bare` is
    for a key without a text behind it: `true`, or `null` for what says nothing at all. `cell` tells that the
    column of a table names it, or what it stands in.
    """

    ordinal: int
    label: str
    text: str
    kind: Kind
    parent: str = ""
    listed: bool = False
    bare: str = ""
    cell: bool = False


_Entries = Iterator[tuple[str | None, str | None, Any]]
_UNNAMED: Final = repeat(None)


_Level = tuple[_Entries, str, str, str, bool, "Table | None", "Scope | None"]
"""What is open: its entries yet to come (key, the label that a column gives, item), the label of a list's items, the
key of base64, the key above, whether it stands in a cell, the table that the rows in it are of, the objects around."""


class TooManyLeaves(ValueError):  # noqa: N818
    """More texts than can be looked at one by one."""


def leaves_of(value: Any, most: int | None = None) -> list[Leaf]:
    """Take a JSON value and give its leaves in order; the words that give a content block its kind are left out.

    Raises TooManyLeaves for more than `most`, or than MAX_LEAVES.
    """
    most = MAX_LEAVES if most is None else most
    found: list[Leaf] = []
    ordinal = 0
    tables = Tables()
    levels: list[_Level] = [(iter(((None, None, value),)), "", "", "", False, None, None)]
    while levels:
        entries, label, binary, parent, cell, table, scope = levels[-1]
        for key, name, item in entries:
            if key is not None:
                if key:
                    bare = "" if item and item is not True else _without_text(item)
                    found.append(Leaf(ordinal, "", key, "key", "", False, bare))
                ordinal += 1
                label = key
            if name is not None:
                label = name
            kind = type(item)  # of a JSON value: no subclass
            if kind is str:
                if item and not (label == "type" and item in _BLOCK_TYPES):
                    what: Kind = "binary" if binary and key == binary else "text"
                    found.append(Leaf(ordinal, label, item, what, parent, key is None, "", cell or name is not None))
                ordinal += 1
            elif kind is dict:
                names = tables.of_numbered(item, label, scope) if "0" in item else None
                opened: _Entries = zip(item, names or _UNNAMED, item.values(), strict=False)
                above = label or parent
                levels.append((opened, "", _binary_key(item), above, cell or name is not None, None, (item, scope)))
                break
            elif kind is list:
                names, table = tables.of_list(item, key, label, scope, table if name is None else None)
                opened = zip(_UNNAMED, names or _UNNAMED, item, strict=False)
                levels.append((opened, label, "", parent, cell or name is not None, table, scope))
                break
            elif kind is int or kind is float:
                found.append(
                    Leaf(ordinal, label, repr(item), "number", parent, key is None, "", cell or name is not None)
                )
                ordinal += 1
            if len(found) > most:
                raise TooManyLeaves
        else:
            levels.pop()
    return found


def _without_text(item: Any) -> str:
    """Give `true` for that, `null` for what is empty or not there, "" for the number 0."""
    return "true" if item is True else "" if type(item) in (int, float) else "null"


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
