"""Rows as plain dictionaries, read from the database."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from sqlalchemy import Connection, Select

Row = dict[str, Any]

MAX_SHOWN_CHARS: Final = 128


def first_row(connection: Connection, query: Select[Any]) -> Row | None:
    """Give the first row of a query, None where there is none."""
    found = connection.execute(query).mappings().first()
    return None if found is None else {**found}


def all_rows(connection: Connection, query: Select[Any]) -> list[Row]:
    """Give all rows of a query."""
    return [{**row} for row in connection.execute(query).mappings()]


def of_one_moment(connection: Connection) -> Connection:
    """Have all that a connection reads be of one moment, on PostgreSQL too; to be called before it reads anything."""
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="REPEATABLE READ")
    return connection


def shown(value: object) -> str:
    """Give a value of a row that anybody may have written, as it can stand in a log, an entry and an answer."""
    return "".join(char for char in str(value) if char.isprintable())[:MAX_SHOWN_CHARS]
