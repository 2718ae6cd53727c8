"""Where the records go and how long they stay: the environment's say, checked."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.setting_values import absolute_path, read, set_in, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DATABASE_URL: Final = "AXONFLOW_AGENT_DATABASE_URL"
KEY_DIR: Final = "AXONFLOW_AGENT_KEY_DIR"
RETENTION_DAYS: Final = "AXONFLOW_AGENT_AUDIT_RETENTION_DAYS"

MAX_RETENTION_DAYS: Final = 36_500
_PREFIXES: Final = ("postgresql://", "postgres://", "postgresql+psycopg://")
_DAYS: Final = whole_number(
    1, MAX_RETENTION_DAYS, "days", f"Set it to 1 to {MAX_RETENTION_DAYS}, or unset it to keep every entry."
)


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
    given = set_in(environ, (DATABASE_URL, KEY_DIR, RETENTION_DAYS))
    return StoreOptions(
        database_url=read(given, DATABASE_URL, _database_url, ""),
        key_dir=read(given, KEY_DIR, absolute_path, None),
        retention_days=read(given, RETENTION_DAYS, _DAYS, None),
    )


def _database_url(value: str, name: str) -> str:
    for prefix in _PREFIXES:
        if value.startswith(prefix):
            return "postgresql+psycopg://" + value.removeprefix(prefix)
    raise SettingsError(
        f"{name} is not the URL of a PostgreSQL database.",
        remedy="Set it to postgresql://USER:PASSWORD@HOST:PORT/NAME, or unset it to use SQLite in the data folder.",
    )
