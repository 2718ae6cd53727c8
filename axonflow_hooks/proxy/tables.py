"""Tables in JSON values: rows as lists, and the names of their columns, which tell what a bare cell is."""

from __future__ import annotations

from typing import Any, Final

MAX_NAME_CHARS: Final = 60
MAX_COLUMNS: Final = 1_000


def columns_of(value: dict[str, Any]) -> list[str] | None:
    """Take an object, give the names of the columns of the rows in it: one of its lists has one for each cell.

    None for an object without rows, or without such a list.
    """
    width = 0
    for item in value.values():
        if type(item) is list and item and type(item[0]) is list:
            width = len(item[0])
            break
    if not 0 < width <= MAX_COLUMNS:
        return None
    for item in value.values():
        if type(item) is list and len(item) == width and (names := _names(item)) is not None:
            return names
    return None


def first_row(rows: list[Any]) -> list[str] | None:
    """Take a list of rows, give its first row where that is one of names and others follow, else None."""
    if len(rows) < 2 or type(rows[0]) is not list or type(rows[1]) is not list:
        return None
    return _names(rows[0]) if 0 < len(rows[0]) == len(rows[1]) <= MAX_COLUMNS else None


def _names(items: list[Any]) -> list[str] | None:
    """Give the names that a list is of: texts, or objects that describe a column by its `name`."""
    names = []
    for item in items:
        name = item.get("name") if type(item) is dict else item
        if type(name) is not str or not 0 < len(name) <= MAX_NAME_CHARS:
            return None
        names.append(name)
    return names
