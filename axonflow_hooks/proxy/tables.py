"""Tables in JSON values: rows as lists, and the names of their columns, which tell what a bare cell is.

The names stand beside the rows, in an object beside them or above (`columns`, BigQuery's `schema.fields`, Snowflake's
`rowType`), or in one of the first rows. Where it is not certain which names are meant, any name is better than none.
"""

from __future__ import annotations

import re
from typing import Any, Final, NamedTuple

MAX_COLUMNS: Final = 1_000
MAX_NAME_CHARS: Final = 60
MAX_HEADS: Final = 16
"""Of so many lists of names in one object, those that look most like names of columns."""
LEVELS: Final = 4
"""Names are looked for in so many objects that the rows stand in, one in another."""
FIRST_ROWS: Final = 5

_PLAIN_NAME: Final = re.compile(r"[#$]?[^\W\d][\w .,#$%&/()\[\]*?'-]*:?")
_SECRET_LIKE: Final = re.compile(r"(?=[A-Za-z]*\d)[A-Za-z0-9]{16,}|[^\W_]{33,}")
_HEAD_KEY: Final = re.compile(
    r"(?i)col(?:umn)?s?(?:$|[_-]|names?|defs?|headers?)|head(?:er|ing)?s?$|fields?|names?$|schema|rowtype|labels?$|"
    r"titles?$|attributes$|variables$|description$"
)
_OTHER_KEY: Final = re.compile(r"(?i)types?$|formats?$|widths?$|align|units?$|kinds?$")
_NAME_KEYS: Final = (
    "name", "column_name", "columnName", "COLUMN_NAME", "Name", "field", "key", "title", "header", "label",
    "headerName", "displayName", "accessor", "dataIndex", "id",
)  # fmt: skip
"""Members by which descriptions of columns name these."""
_CELLS: Final = frozenset({"f", "c", "cells", "values", "value", "data", "row", "record", "items"})
"""Keys under which the cells of one row, or of one column, stand in an object of their own."""

Scope = tuple[dict[str, Any], Any]
"""An object and the scope that it stands in, None for none."""


class Head(NamedTuple):
    """A list of names; `rank` is 0 where it says that it is that of the columns. A column without a name has ""."""

    rank: int
    names: list[str]


class Table:
    """The names for the rows of one list, which has a label of its own."""

    __slots__ = ("_first", "_heads", "_label", "_labels", "_strong")

    def __init__(self, label: str, heads: list[Head], first: list[str] | None, strong: bool) -> None:
        self._label = label
        self._heads = heads
        self._first = first
        self._strong = strong
        self._labels: dict[int, list[str] | None] = {}

    def labels(self, row: list[Any]) -> list[str] | None:
        """Give the labels of the cells of a row, None where nothing tells what they are, or it is no row."""
        width = len(row)
        if not 0 < width <= MAX_COLUMNS or (type(row[0]) is list and all(type(cell) is list for cell in row)):
            return None
        if width not in self._labels:
            names = self._names(width)
            self._labels[width] = None if names is None else labelled(self._label, names, width)
        return self._labels[width]

    def _names(self, width: int) -> list[str] | None:
        exact = [head for head in self._heads if len(head.names) == width]
        if exact and exact[0].rank == 0:
            return exact[0].names
        if exact and not self._strong:
            return exact[0].names
        if self._first is not None:
            return self._first
        return next((head.names for head in self._heads if head.rank == 0), None)


class Tables:
    """The tables of one value; what names the columns is looked for where there are rows."""

    __slots__ = ("_inside", "_known")

    def __init__(self) -> None:
        self._inside: dict[int, list[Head]] = {}
        self._known: dict[int, list[Head]] = {}

    def of_list(
        self, items: list[Any], key: str | None, label: str, scope: Scope | None, table: Table | None
    ) -> tuple[list[str] | None, Table | None]:
        """Take a list, its key and label, where it stands, and the table whose row it is, if it is a list's item.

        Gives the labels of its items where they are cells or columns, and the table where they are rows.
        """
        if key is None and table is not None and (labels := table.labels(items)) is not None:
            return labels, None
        for item in items[:FIRST_ROWS]:
            if type(item) is list and item:
                return self._of_rows(items, len(item), label, scope)
        return (self._of_cells(items, key, scope), None) if key in _CELLS and items else (None, None)

    def _of_rows(
        self, items: list[Any], width: int, label: str, scope: Scope | None
    ) -> tuple[list[str] | None, Table | None]:
        heads = self._heads(scope)
        first, strong = _first_row(items)
        certain = [head.names for head in heads if head.rank == 0]
        if not strong and not any(len(names) == width for names in certain):
            for names in certain if all(type(item) is list and len(item) == width for item in items) else ():
                if len(names) == len(items):
                    return labelled(label, names, len(items)), None
        return None, Table(label, heads, first, strong) if heads or first else None

    def _of_cells(self, items: list[Any], key: str, scope: Scope | None) -> list[str] | None:
        if scope is None:
            return None
        if type(items[0]) is not dict and (name := _described(scope[0])):
            return labelled(key, [name] * len(items), len(items))
        for head in self._heads(scope[1]):
            if head.rank == 0 and len(head.names) == len(items):
                return labelled(key, head.names, len(items))
        return None

    def of_numbered(self, value: dict[str, Any], label: str, scope: Scope | None) -> list[str] | None:
        """Take an object of which the keys are `0`, `1`, …, give the labels of its members where it is a row."""
        if list(value) != [str(number) for number in range(len(value))]:
            return None
        for head in self._heads(scope):
            if head.rank == 0 and len(head.names) == len(value):
                return labelled(label, head.names, len(value))
        return None

    def _heads(self, scope: Scope | None) -> list[Head]:
        """Give the lists of names in scope, the nearest ones first among those that are as likely."""
        if scope is None:
            return []
        nearest = id(scope[0])
        if nearest not in self._known:
            found: list[Head] = []
            for _ in range(LEVELS):
                if scope is None:
                    break
                value, scope = scope
                if id(value) not in self._inside:
                    self._inside[id(value)] = _heads_in(value)
                found += self._inside[id(value)]
            self._known[nearest] = sorted(found, key=lambda head: head.rank)
        return self._known[nearest]


def labelled(label: str, names: list[str], width: int) -> list[str]:
    """Give the label of each cell: that of the list they stand in, and the name of the column if it has one."""
    labels = [f"{label} {name}" if label and name else name or label for name in names[:width]]
    return labels + [label] * (width - len(labels))


def _heads_in(value: dict[str, Any]) -> list[Head]:
    """Give the lists of names in an object and in the objects that are its members."""
    found: list[Head] = []
    for key, item in value.items():
        if type(item) is list:
            found += _head(key, item)
        elif type(item) is dict:
            for inner, member in item.items():
                if type(member) is list:
                    found += _head(inner, member)
    return sorted(found, key=lambda head: head.rank)[:MAX_HEADS]


def _head(key: str, items: list[Any]) -> list[Head]:
    """Give the names that a list is of: texts, or objects or lists that describe a column each; [] for none."""
    if not 0 < len(items) <= MAX_COLUMNS:
        return []
    kinds = set(map(type, items))
    says_so = _HEAD_KEY.search(key) is not None
    if kinds <= {dict, type(None)}:
        names = [_described(item) for item in items if item is not None]
    elif kinds == {list}:
        names = [plain_name(item[0]) if item else "" for item in items] if says_so else []
    elif kinds <= {str, type(None)} or (says_so and kinds <= {str, int, float, type(None)}):
        names = [plain_name(item) for item in items]
        says_so = says_so and not _OTHER_KEY.search(key)
    else:
        return []
    count = sum(map(bool, names))
    if says_so and count:
        return [Head(0, names)]
    if 2 * count < len(items) or kinds == {list}:
        return []
    return [Head(1 if len(set(names)) == len(names) else 2, names)]


def _described(item: dict[str, Any]) -> str:
    return next((name for member in _NAME_KEYS if (name := plain_name(item.get(member)))), "")


def _first_row(rows: list[Any]) -> tuple[list[str] | None, bool]:
    """Give the names in the first row of names, if any, and whether the rows below are surely other than names.

    A title may stand above it. Rows without a single cell, or null, are none.
    """
    best: list[str] | None = None
    most = lower = 0
    for row in [row for row in rows[:FIRST_ROWS] if type(row) is list and row]:
        names = [] if len(row) > MAX_COLUMNS else [plain_name(cell) for cell in row]
        count = sum(map(bool, names)) if all(type(cell) is str or cell is None for cell in row) else 0
        lower = count
        if count > most:
            best, most = names, count
    if best is None or len(rows) < 2:
        return None, False
    strong = lower < most and 2 * most >= len(best)
    return (best, strong) if strong or most == len(best) else (None, False)


def plain_name(cell: Any) -> str:
    """Give a text that may well be the name of a column, "" for what may be data."""
    if type(cell) is not str or not 0 < len(cell) <= MAX_NAME_CHARS:
        return ""
    return cell if _PLAIN_NAME.fullmatch(cell) and not _SECRET_LIKE.search(cell) else ""
