"""Opens the database file: private, write-ahead log, checked before the first use."""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
import sqlite3
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeVar

from sqlalchemy import Engine, create_engine, event, text
from sqlalchemy.exc import DatabaseError, SQLAlchemyError

from axonflow_hooks.agent.errors import StartupError, StoreUnavailable
from axonflow_hooks.agent.store import schema
from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, check_private, write_private

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

DATABASE_NAME: Final = "agent.db"
HASH_KEY_NAME: Final = "statement-hash.key"
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


def open_database(folder: Path) -> Database:
    """Take the data folder (0700, there already) and give the database in it, created if need be.

    Raises StartupError when the database is damaged, of another release, or cannot be written.
    """
    path = folder / DATABASE_NAME
    engine: Engine | None = None
    try:
        key = _hash_key(folder / HASH_KEY_NAME)
        _create_private(path)
        engine = create_engine(
            f"sqlite+pysqlite:///{path}", hide_parameters=True, pool_size=READERS + 1, max_overflow=0
        )
        event.listen(engine, "connect", _configure)
        with engine.begin() as connection:
            if path.stat().st_size <= QUICK_CHECK_MAX_BYTES:
                _check(connection, path)
            schema.prepare(connection)
    except (DatabaseError, sqlite3.DatabaseError) as error:
        _dispose(engine)
        raise _unusable(path, error) from None
    except (OSError, CredentialError) as error:
        _dispose(engine)
        raise StartupError(f"The data folder cannot be used: {error}") from None
    except BaseException:
        _dispose(engine)
        raise
    return Database(engine=engine, hash_key=key, hash_key_id=hashlib.sha256(key).hexdigest()[:8])


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


def _hash_key(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            check_private(path, os.fstat(stream.fileno()))
            key = stream.read(64)
    except FileNotFoundError:
        key = secrets.token_bytes(32)
        write_private(path, key)
    if len(key) != 32:
        raise StartupError(
            f"{path} does not hold a key.", remedy="Delete it: a new one is made, and older hashes stay as they are."
        )
    return key


def _configure(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    # FULL: a commit survives a power cut too, and batching makes its price per row small (see writer).
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON", "trusted_schema=OFF"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


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
