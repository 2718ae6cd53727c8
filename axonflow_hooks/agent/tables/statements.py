"""The statements of every commit, compiled once: building them anew is most of what a small commit would cost.

SQLite takes many rows with one statement. The driver lets other threads run during each one, and while the event loop
is busy it waits its turn after each one: with a statement per row that would be most of the time of a commit.
"""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from axonflow_hooks.agent.tables import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Dialect
    from sqlalchemy.sql import ClauseElement

MAX_VARIABLES: Final = 999
"""How many values a statement of SQLite takes, of whatever release (sqlite.org/limits.html)."""

MAX_ROWS: Final = 32
"""How many rows a statement inserts: the driver keeps one prepared for each number that was met."""

_HEAD_COLUMNS = tuple(schema.audit_head.columns.keys())


@dataclass(frozen=True, slots=True)
class Prepared:
    """One statement in the words of the driver, for rows that are mappings of column names.

    `many` are the statements for 1, 2, … rows, for a driver that is used directly; none where it is not.
    """

    statement: str
    arrange: Callable[[Mapping[str, Any]], Any]
    many: tuple[str, ...] = ()

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for every row. Raises SQLAlchemyError."""
        values = [self.arrange(row) for row in rows]
        if not self.many:
            connection.exec_driver_sql(self.statement, values)
            return
        driver: Any = connection.connection.driver_connection
        most = len(self.many)
        try:
            for start in range(0, len(values), most):
                piece = values[start : start + most]
                driver.execute(self.many[len(piece) - 1], [*chain.from_iterable(piece)])
        except sqlite3.Error as error:
            raise DBAPIError(self.statement, None, error, hide_parameters=True) from None


@dataclass(frozen=True, slots=True)
class Statements:
    """What the writer executes."""

    add_decision: Prepared
    append_audit: Prepared
    add_checkpoint: Prepared
    set_head: Prepared


def prepare_statements(dialect: Dialect) -> Statements:
    """Give the statements for a dialect."""
    names = ", ".join(_HEAD_COLUMNS)
    values = ", ".join(f":{name}" for name in _HEAD_COLUMNS)
    changes = ", ".join(f"{name} = excluded.{name}" for name in _HEAD_COLUMNS[1:])
    upsert = f"INSERT INTO audit_head ({names}) VALUES ({values}) ON CONFLICT (id) DO UPDATE SET {changes}"  # noqa: S608
    return Statements(
        add_decision=_prepared(insert(schema.decisions).inline(), dialect),
        append_audit=_prepared(insert(schema.audit_log).inline(), dialect),
        add_checkpoint=_prepared(insert(schema.audit_checkpoints).inline(), dialect),
        set_head=_prepared(text(upsert), dialect),
    )


def _prepared(statement: ClauseElement, dialect: Dialect) -> Prepared:
    compiled: Any = statement.compile(dialect=dialect)
    words = str(compiled)
    if not compiled.positional:
        return Prepared(words, dict)
    many = _many(words, len(compiled.positiontup)) if dialect.name == "sqlite" else ()
    return Prepared(words, itemgetter(*compiled.positiontup), many)


def _many(statement: str, columns: int) -> tuple[str, ...]:
    """Give the statements that insert 1, 2, … rows; what is not a plain insert takes one."""
    head, found, values = statement.partition(" VALUES ")
    if not found or not values.endswith(")"):
        return (statement,)
    most = min(MAX_VARIABLES // columns, MAX_ROWS)
    return tuple(f"{head} VALUES {', '.join([values] * rows)}" for rows in range(1, most + 1))
