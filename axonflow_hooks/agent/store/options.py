"""Where the records go and how long they stay: the environment's say, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from axonflow_hooks.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

DATABASE_URL: Final = "AXONFLOW_AGENT_DATABASE_URL"
KEY_DIR: Final = "AXONFLOW_AGENT_KEY_DIR"
RETENTION_DAYS: Final = "AXONFLOW_AGENT_AUDIT_RETENTION_DAYS"
STORE_SETTINGS: Final = (DATABASE_URL, KEY_DIR, RETENTION_DAYS)

MAX_RETENTION_DAYS: Final = 36_500
_PREFIXES: Final = ("postgresql://", "postgres://", "postgresql+psycopg://")


@dataclass(frozen=True, slots=True)
class StoreOptions:
    """`database_url` is "" for SQLite in the data folder; it may hold a password, so it is never printed.

    `key_dir` is None for the data folder. `retention_days` is None to keep everything.
    """

    database_url: str = field(default="", repr=False)
    key_dir: Path | None = None
    retention_days: int | None = None


def store_options(environ: Mapping[str, str]) -> StoreOptions:
    """Take an environment and give the options. Raises SettingsError, which never quotes the URL."""
    return StoreOptions(
        database_url=_database_url(environ.get(DATABASE_URL, "").strip()),
        key_dir=_key_dir(environ.get(KEY_DIR, "")),
        retention_days=_days(environ.get(RETENTION_DAYS, "").strip()),
    )


def _database_url(value: str) -> str:
    if not value:
        return ""
    for prefix in _PREFIXES:
        if value.startswith(prefix):
            return "postgresql+psycopg://" + value.removeprefix(prefix)
    raise SettingsError(
        f"{DATABASE_URL} is not the URL of a PostgreSQL database.",
        remedy="Set it to postgresql://USER:PASSWORD@HOST:PORT/NAME, or unset it to use SQLite in the data folder.",
    )


def _key_dir(value: str) -> Path | None:
    if not value:
        return None
    folder = Path(value).expanduser()
    if not folder.is_absolute():
        raise SettingsError(f"{KEY_DIR} is not an absolute path: {value!r}.", remedy="Set it to an absolute path.")
    return folder


def _days(value: str) -> int | None:
    if not value:
        return None
    if not (value.isascii() and value.isdigit()) or not 1 <= int(value[:9]) <= MAX_RETENTION_DAYS:
        raise SettingsError(
            f"{RETENTION_DAYS} is not a number of days: {value[:40]!r}.",
            remedy=f"Set it to 1 to {MAX_RETENTION_DAYS}, or unset it to keep every entry.",
        )
    return int(value[:9])
