"""The audit spool: records on disk until the agent has them, in order, across processes, crashes and reboots.

One SQLite file, as it gives what several processes need that append and take away: order, uniqueness, durability at
the commit. A record holds what `audit_tool_call` takes, masked already, and for whom it is; never a credential. What
the bounds drop is counted and shown, as is what was lost because the disk took nothing while the agent was away.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from axonflow_hooks.paths import Paths

MAX_RECORDS: Final = 20_000
MAX_BYTES: Final = 50_000_000
MAX_AGE_S: Final = 7 * 24 * 3600.0
"""As long as the embedded agent remembers an Idempotency-Key."""
KEEP_KEYS_S: Final = 3600.0
"""How long a delivered record's key stays, so that a hook that is handled twice is recorded once."""
BUSY_WAIT_S: Final = 3.0

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS records (
  id INTEGER PRIMARY KEY AUTOINCREMENT, key TEXT NOT NULL UNIQUE, at REAL NOT NULL, endpoint TEXT NOT NULL,
  tenant TEXT NOT NULL, user_email TEXT NOT NULL, session_id TEXT NOT NULL, body TEXT NOT NULL, bytes INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS delivered (key TEXT PRIMARY KEY, at REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS delivered_by_time ON delivered (at);
CREATE TABLE IF NOT EXISTS totals (name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
INSERT OR IGNORE INTO totals VALUES ('records', 0), ('bytes', 0), ('dropped', 0);
CREATE TRIGGER IF NOT EXISTS record_added AFTER INSERT ON records BEGIN
  UPDATE totals SET value = value + CASE name WHEN 'records' THEN 1 ELSE new.bytes END
  WHERE name IN ('records', 'bytes');
END;
CREATE TRIGGER IF NOT EXISTS record_removed AFTER DELETE ON records BEGIN
  UPDATE totals SET value = value - CASE name WHEN 'records' THEN 1 ELSE old.bytes END
  WHERE name IN ('records', 'bytes');
END;
"""


@dataclass(frozen=True, slots=True)
class Recipient:
    """Whom a record is for: an agent's endpoint and the client id there, "" where none was known yet."""

    endpoint: str
    tenant: str


@dataclass(frozen=True, slots=True)
class Record:
    """One audit record: `key` is its Idempotency-Key, `body` the JSON of AuditToolCallArguments, `at` epoch seconds."""

    key: str
    recipient: Recipient
    user_email: str
    session_id: str
    body: str
    at: float


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits for delivery: `oldest_at` in epoch seconds, None when nothing waits; `dropped` or lost since ever."""

    records: int = 0
    bytes: int = 0
    oldest_at: float | None = None
    dropped: int = 0


class Spool:
    """The spool in one folder. Every method raises OSError or sqlite3.Error when the disk does not do its part."""

    def __init__(self, folder: Path) -> None:
        """Open the spool, creating it where it is missing; one that is damaged is put aside, and that is counted."""
        self._folder = folder
        self._file = folder / "records.db"
        make_private_dir(folder)
        try:
            self._connection = _open(self._file)
        except sqlite3.DatabaseError as error:
            if not _is_damage(error):
                raise
            self._put_aside()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    def append(self, records: Sequence[Record]) -> None:
        """Write records; when this returns they are on disk. One whose key is known already is not written again."""
        with self._transaction() as connection:
            for record in records:
                if connection.execute("SELECT 1 FROM delivered WHERE key = ?", (record.key,)).fetchone():
                    continue
                row = (
                    record.key,
                    record.at,
                    record.recipient.endpoint,
                    record.recipient.tenant,
                    record.user_email,
                    record.session_id,
                    record.body,
                    len(record.body.encode()),
                )
                connection.execute(
                    "INSERT OR IGNORE INTO records (key, at, endpoint, tenant, user_email, session_id, body, bytes) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
            _enforce_bounds(connection)

    def recipients(self) -> list[Recipient]:
        """Give everybody for whom something waits."""
        rows = self._connection.execute("SELECT DISTINCT endpoint, tenant FROM records").fetchall()
        return [Recipient(endpoint, tenant) for endpoint, tenant in rows]

    def waiting(self, recipient: Recipient, limit: int) -> list[Record]:
        """Give the oldest records for one recipient."""
        rows = self._connection.execute(
            "SELECT key, user_email, session_id, body, at FROM records "
            "WHERE endpoint = ? AND tenant = ? ORDER BY id LIMIT ?",
            (recipient.endpoint, recipient.tenant, limit),
        ).fetchall()
        return [Record(key, recipient, email, session, body, at) for key, email, session, body, at in rows]

    def settle(self, key: str, *, dropped: bool = False) -> None:
        """Take a record out: delivered, or (`dropped`) refused by its agent for good, which is counted."""
        now = time.time()
        with self._transaction() as connection:
            connection.execute("DELETE FROM records WHERE key = ?", (key,))
            connection.execute("INSERT OR REPLACE INTO delivered VALUES (?, ?)", (key, now))
            connection.execute("DELETE FROM delivered WHERE at < ? OR at > ?", (now - KEEP_KEYS_S, now + KEEP_KEYS_S))
            if dropped:
                _count_dropped(connection, 1)

    def drop_old(self) -> int:
        """Drop and count what has waited for longer than the age bound; give how many."""
        with self._transaction() as connection:
            old = connection.execute("DELETE FROM records WHERE at < ?", (time.time() - MAX_AGE_S,)).rowcount
            _count_dropped(connection, old)
        return old

    def count_lost(self, count: int) -> None:
        """Count records that neither the disk nor their agent has taken with those that were dropped."""
        with self._transaction() as connection:
            _count_dropped(connection, count)

    def backlog(self) -> Backlog:
        """Give the numbers of what waits."""
        totals = dict(self._connection.execute("SELECT name, value FROM totals").fetchall())
        oldest = self._connection.execute("SELECT at FROM records ORDER BY id LIMIT 1").fetchone()
        return Backlog(totals["records"], totals["bytes"], oldest[0] if oldest else None, totals["dropped"])

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield self._connection
            self._connection.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._connection.execute("ROLLBACK")
            raise

    def _put_aside(self) -> None:
        suffix = f".damaged-{int(time.time())}"
        for path in (self._file, *_companions(self._file)):
            with contextlib.suppress(FileNotFoundError):
                path.replace(path.with_name(path.name + suffix))
        self._connection = _open(self._file)
        with self._transaction() as connection:
            _count_dropped(connection, 1)


def backlog(paths: Paths) -> Backlog:
    """Give the numbers of what waits in this user's spool; raises OSError or sqlite3.Error when it cannot be read."""
    file = paths.spool_dir / "records.db"
    if not file.exists():
        return Backlog()
    with contextlib.closing(Spool(paths.spool_dir)) as spool:
        return spool.backlog()


def _open(file: Path) -> sqlite3.Connection:
    os.close(os.open(file, os.O_RDWR | os.O_CREAT, PRIVATE_FILE_MODE))  # SQLite's own files take over this mode
    # Used by one thread at a time, though not always the same one.
    connection = sqlite3.connect(file, timeout=BUSY_WAIT_S, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA journal_size_limit=1000000")
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'record_removed'").fetchone():
            connection.executescript(f"BEGIN IMMEDIATE; {_SCHEMA} COMMIT;")
        connection.execute("SELECT value FROM totals").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def _enforce_bounds(connection: sqlite3.Connection) -> None:
    """Drop the oldest records over the bounds, and count them."""
    totals = dict(connection.execute("SELECT name, value FROM totals").fetchall())
    dropped = 0
    while totals["records"] - dropped > MAX_RECORDS or totals["bytes"] > MAX_BYTES:
        oldest = connection.execute("SELECT id, bytes FROM records ORDER BY id LIMIT 1").fetchone()
        if oldest is None:
            break
        connection.execute("DELETE FROM records WHERE id = ?", (oldest[0],))
        totals["bytes"] -= oldest[1]
        dropped += 1
    _count_dropped(connection, dropped)


def _count_dropped(connection: sqlite3.Connection, count: int) -> None:
    if count:
        connection.execute("UPDATE totals SET value = value + ? WHERE name = 'dropped'", (count,))


def _is_damage(error: sqlite3.DatabaseError) -> bool:
    return "not a database" in str(error) or "malformed" in str(error)


def _companions(file: Path) -> Iterable[Path]:
    return (file.with_name(file.name + ending) for ending in ("-wal", "-shm"))
