"""The statements of every commit, compiled once: building them anew is most of what a small commit would cost."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, text
from sqlalchemy.exc import DBAPIError

from axonflow_hooks.agent.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection, Dialect
    from sqlalchemy.sql import ClauseElement

_HEAD_COLUMNS = tuple(schema.audit_head.columns.keys())


@dataclass(frozen=True, slots=True)
class Prepared:
    """One statement in the words of the driver, for rows that are mappings of column names."""

    statement: str
    arrange: Callable[[Mapping[str, Any]], Any]
    direct: bool = False

    def run(self, connection: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Execute it for every row. Raises SQLAlchemyError."""
        values = [self.arrange(row) for row in rows]
        if not self.direct:
            connection.exec_driver_sql(self.statement, values)
            return
        driver: Any = connection.connection.driver_connection
        try:
            driver.executemany(self.statement, values)  # a third cheaper for a batch of one than through SQLAlchemy
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
    if compiled.positional:
        return Prepared(str(compiled), itemgetter(*compiled.positiontup), direct=dialect.name == "sqlite")
    return Prepared(str(compiled), dict)
