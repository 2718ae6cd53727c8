"""Opens the database: SQLite in the data folder, private and checked before the first use, or PostgreSQL by its URL."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from axonflow_hooks.agent.audit_trail.append import Trail
from axonflow_hooks.agent.audit_trail.mark import MARK_NAME, MarkFile
from axonflow_hooks.agent.errors import StartupError, StoreUnavailable
from axonflow_hooks.agent.store import postgresql
from axonflow_hooks.agent.store.keys import load_keys
from axonflow_hooks.agent.store.migrate import prepare
from axonflow_hooks.agent.store.options import StoreOptions
from axonflow_hooks.agent.store.writer import ENGINE_RETENTION_DAYS, ENGINE_TRAIL
from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, check_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from axonflow_hooks.agent.store.keys import Keys

DATABASE_NAME: Final = "agent.db"
QUICK_CHECK_MAX_BYTES: Final = 64 << 20
"""Larger databases are not read through at the start, which would take seconds: damage shows when it is met."""

READERS: Final = 4

ResultT = TypeVar("ResultT")


@dataclass(frozen=True, slots=True)
class Database:
    """An open database and the key for hashes of statements, which lies beside it so that a copy does not have it."""

    engine: Engine
    hash_key: bytes
    hash_key_id: str

    def read(self, query: Callable[[Connection], ResultT]) -> ResultT:
        """Run `query` on a connection of its own; call it in a worker thread. Raises StoreUnavailable."""
        try:
            with self.engine.connect() as connection:
                return query(connection)
        except SQLAlchemyError as error:
            raise StoreUnavailable(f"The audit database cannot be read ({type(error).__name__}).") from None

    def close(self) -> None:
        """Close the connections; the last one folds the write-ahead log into the database."""
        self.engine.dispose()


def open_database(folder: Path, options: StoreOptions | None = None) -> Database:
    """Take the data folder (0700, there already) and give the database, created or brought up to date if need be.

    Raises StartupError when the database is damaged, of a newer release, of other keys, or cannot be written.
    """
    chosen = options or StoreOptions()
    try:
        keys = load_keys(chosen.key_dir or folder)
    except (OSError, CredentialError) as error:
        raise StartupError(f"The agent's keys cannot be used: {error}") from None
    trail = Trail(keys.seal, MarkFile(folder / MARK_NAME), shared=bool(chosen.database_url))
    if chosen.database_url:
        engine = postgresql.open_engine(chosen.database_url, READERS, trail, keys)
    else:
        engine = _open_file(folder / DATABASE_NAME, trail, keys)
    return Database(
        engine=engine.execution_options(
            **{ENGINE_TRAIL: trail, ENGINE_RETENTION_DAYS: chosen.retention_days},
        ),
        hash_key=keys.statement_key,
        hash_key_id=keys.statement_key_id,
    )


def _open_file(path: Path, trail: Trail, keys: Keys) -> Engine:
    engine: Engine | None = None
    try:
        _create_private(path)
        engine = create_engine(
            f"sqlite+pysqlite:///{path}", hide_parameters=True, pool_size=READERS + 1, max_overflow=0
        )
        event.listen(engine, "connect", _configure)
        event.listen(engine, "begin", _begin)
        with engine.begin() as connection:
            if path.stat().st_size <= QUICK_CHECK_MAX_BYTES:
                _check(connection, path)
            prepare(connection, trail, keys, file=path)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        _dispose(engine)
        raise _unusable(path, error) from None
    except (OSError, CredentialError) as error:
        _dispose(engine)
        raise StartupError(f"The data folder cannot be used: {error}") from None
    except BaseException:
        _dispose(engine)
        raise
    return engine


def _dispose(engine: Engine | None) -> None:
    if engine is not None:
        with contextlib.suppress(SQLAlchemyError, sqlite3.Error):
            engine.dispose()


def _create_private(path: Path) -> None:
    # SQLite gives its write-ahead log and shared memory the mode of the database.
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), PRIVATE_FILE_MODE)
    try:
        check_private(path, os.fstat(descriptor))
    finally:
        os.close(descriptor)


def _configure(connection: Any, _record: object) -> None:
    # The driver would open transactions before some statements only; `_begin` opens them where SQLAlchemy says so,
    # so that a migration is one transaction and a reader sees one state.
    connection.isolation_level = None
    cursor = connection.cursor()
    # FULL: a commit survives a power cut too, and batching makes its price per row small (see writer). A log that is
    # folded in at 4 MB is soon written over instead of growing, which makes the wait for the disk half as long.
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "trusted_schema=OFF",
        "wal_autocheckpoint=1000",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: Connection) -> None:
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN")


def _check(connection: Connection, path: Path) -> None:
    found = connection.execute(text("PRAGMA quick_check(1)")).scalar()
    if found != "ok":
        raise _damaged(path)


def _damaged(path: Path) -> StartupError:
    return StartupError(
        f"The database {path} is damaged.",
        remedy="Move it away to start with an empty one, and keep it: sqlite3's .recover may save its rows.",
    )


def _unusable(path: Path, error: Exception) -> StartupError:
    cause = getattr(error, "orig", None) or error
    name = getattr(cause, "sqlite_errorname", "")  # Python 3.11 and newer
    words = str(cause)
    if name in {"SQLITE_CORRUPT", "SQLITE_NOTADB"} or "malformed" in words or "not a database" in words:
        return _damaged(path)
    return StartupError(f"The database {path} cannot be opened: {words}.", remedy="Check the folder and the disk.")
