"""Rows as plain dictionaries, read from the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

Row = dict[str, Any]


def first_row(connection: Connection, query: Select[Any]) -> Row | None:
    """Give the first row of a query, None where there is none."""
    found = connection.execute(query).mappings().first()
    return None if found is None else {**found}


def all_rows(connection: Connection, query: Select[Any]) -> list[Row]:
    """Give all rows of a query."""
    return [{**row} for row in connection.execute(query).mappings()]
