"""Opens a database to read it: beside a running agent or without one, and without changing anything."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError

from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.store import postgresql
from axonflow_hooks.agent.store.database import DATABASE_NAME
from axonflow_hooks.agent.store.migrate import check_revision
from axonflow_hooks.agent.tables import schema

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from axonflow_hooks.agent.store.options import StoreOptions

BUSY_TIMEOUT_S = 10.0


def open_for_reading(folder: Path, options: StoreOptions) -> Engine:
    """Give an engine for the database of a data folder, or for that of the options. Raises StartupError."""
    if options.database_url:
        engine = postgresql.create(options.database_url, 1, isolation_level="REPEATABLE READ")
        event.listen(engine, "begin", _begin_reading)
    else:
        engine = _open_file(folder / DATABASE_NAME)
    try:
        with engine.connect() as connection:
            found = check_revision(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        if options.database_url:
            raise postgresql.unusable(error) from None
        cause = getattr(error, "orig", None) or error
        raise StartupError(f"The database in {folder} cannot be read: {cause}.", remedy="Check the file.") from None
    if found != schema.REVISION:
        engine.dispose()
        raise StartupError(
            "The database was written by another release.", remedy="Start this release's agent once to migrate it."
        )
    return engine


def _open_file(path: Path) -> Engine:
    if not path.is_file():
        raise StartupError(
            f"There is no database at {path}.", remedy="Start the agent (axonflow-hooks agent), or name its --data-dir."
        )

    def connect() -> Any:
        # The path is percent-encoded: a question mark in it would begin parameters.
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
        )
        connection.text_factory = lambda data: data.decode("utf-8", "replace")
        return connection

    engine = create_engine("sqlite+pysqlite://", creator=connect, hide_parameters=True)
    event.listen(engine, "begin", _begin)
    return engine


def _begin(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN")


def _begin_reading(connection: Connection) -> None:
    connection.exec_driver_sql("SET TRANSACTION READ ONLY")
