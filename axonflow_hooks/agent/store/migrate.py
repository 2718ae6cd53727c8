"""Brings a database to the schema of this release: made at once where it is new, migrated where it is older.

The migrations are Alembic's (`migrations/versions`); Alembic is imported only when one is due.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Final

from sqlalchemy import Column, MetaData, String, Table, insert, inspect, select, update

from axonflow_hooks.agent.audit_trail.chain import Head
from axonflow_hooks.agent.audit_trail.heads import HEAD_ID, last_entry, load_head
from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.store import grants, policies, registrations, triggers
from axonflow_hooks.agent.store.adoption import SEALING_REVISION, adopt_rows
from axonflow_hooks.agent.tables import schema
from axonflow_hooks.private_files import PRIVATE_FILE_MODE

if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy import Connection

    from axonflow_hooks.agent.audit_trail.append import Trail
    from axonflow_hooks.agent.store.keys import Keys

FIRST_REVISION: Final = "0001"
FIRST_SCHEMA_VERSION: Final = "1"
"""What the release before the first migration wrote into `meta`."""

_UNCHAINED: Final = frozenset({"", FIRST_REVISION})
"""Revisions whose entries have no hashes yet; "" stands for a database that Alembic does not know."""

TABLES: Final = (schema, grants, policies, registrations)
"""The modules that put tables on the same `schema.metadata`: all are imported before the tables are made."""

REVISION_KEY: Final = "schema_version"
STATEMENT_KEY: Final = "statement_key_id"
_FOLDER: Final = Path(__file__).parent / "migrations"

alembic_version = Table("alembic_version", MetaData(), Column("version_num", String(32), primary_key=True))
"""Alembic's own table, as Alembic makes it."""


def prepare(connection: Connection, trail: Trail, keys: Keys, *, file: Path | None = None) -> None:
    """Make the database ready for this release, inside the caller's transaction; `file` is SQLite's.

    Raises StartupError when a newer release or another program wrote it, or other keys, or where it is an older copy.
    """
    tables = set(inspect(connection).get_table_names())
    if not tables:
        create(connection)
        _add_head(connection, trail, Head())
    else:
        _upgrade(connection, trail, tables, file)
    _check_keys(connection, trail, keys)


def create(connection: Connection) -> None:
    """Make the tables of this release in an empty database."""
    schema.metadata.create_all(connection)
    alembic_version.create(connection)
    connection.execute(insert(alembic_version).values(version_num=schema.REVISION))
    connection.execute(insert(schema.meta).values(key=REVISION_KEY, value=schema.REVISION))
    triggers.install(connection)


def upgrade(connection: Connection) -> None:
    """Run the migrations that are missing, on a database that Alembic knows the revision of."""
    from alembic import command

    triggers.remove(connection)
    command.upgrade(alembic_config(connection), "head")
    triggers.install(connection)
    _note(connection, schema.REVISION)


def adopt(connection: Connection) -> None:
    """Tell Alembic that a database without its table has the first revision's schema."""
    alembic_version.create(connection)
    connection.execute(insert(alembic_version).values(version_num=FIRST_REVISION))
    _note(connection, FIRST_REVISION)


def alembic_config(connection: Connection) -> Config:
    """Give Alembic's configuration for work on an open connection."""
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(_FOLDER).replace("%", "%%"))
    return config


def check_revision(connection: Connection) -> str:
    """Give the revision of a database, "" for that of the first release. Raises StartupError when it has none."""
    tables = set(inspect(connection).get_table_names())
    if not {"meta", "decisions", "audit_log"} <= tables:
        raise StartupError(
            "The database was not written by this agent: tables are missing.", remedy="Choose another --data-dir."
        )
    noted = str(connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == REVISION_KEY)).scalar())
    if "alembic_version" not in tables:
        if noted != FIRST_SCHEMA_VERSION:
            raise _newer(noted)
        return ""
    found = str(connection.execute(select(alembic_version.c.version_num)).scalar())
    if noted != found:
        raise _newer(noted)
    return found


def _upgrade(connection: Connection, trail: Trail, tables: set[str], file: Path | None) -> None:
    found = check_revision(connection)
    if found == schema.REVISION:
        if not set(schema.metadata.tables) <= tables:
            raise StartupError("The database is damaged: tables are missing.", remedy="Restore it from a copy.")
        return
    if found and not _known(found, connection):
        raise _newer(found)
    if found in _UNCHAINED and trail.mark.exists():
        # Else whoever sets the revision back would have changed entries hashed anew, and so made genuine.
        raise StartupError(
            f"The database says that it is older than its audit trail, which {trail.mark.path} knows.",
            remedy="Restore a newer copy; to go on from this one all the same, move that file away.",
        )
    if file is not None:
        _back_up(file, found or FIRST_SCHEMA_VERSION)
    if not found:
        adopt(connection)
    upgrade(connection)
    if load_head(connection) is None:
        _add_head(connection, trail, last_entry(connection))
    if found < SEALING_REVISION:
        adopt_rows(connection, trail)


def _note(connection: Connection, revision: str) -> None:
    # The first release looks here, and refuses what it does not know.
    connection.execute(update(schema.meta).where(schema.meta.c.key == REVISION_KEY).values(value=revision))


def _known(revision: str, connection: Connection) -> bool:
    from alembic.script import ScriptDirectory

    scripts = ScriptDirectory.from_config(alembic_config(connection))
    return revision in {script.revision for script in scripts.walk_revisions()}


def _newer(found: str) -> StartupError:
    return StartupError(
        f"The database has schema version {found[:40]}; this release reads version {schema.REVISION}.",
        remedy="Start the release that wrote it, or choose another --data-dir.",
    )


def _back_up(file: Path, version: str) -> None:
    """Keep a copy of the database as it was, beside it."""
    target = file.with_name(f"{file.name}.before-{schema.REVISION}-from-{version}")
    descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE_FILE_MODE)
    os.close(descriptor)
    # A connection of its own: the copy is of what was committed last.
    with contextlib.closing(sqlite3.connect(file)) as source, contextlib.closing(sqlite3.connect(target)) as copy:
        source.backup(copy)


def _add_head(connection: Connection, trail: Trail, head: Head) -> None:
    row = {"id": HEAD_ID, **head.columns(), "key_id": trail.seal.key_id, "mac": trail.seal.mac(head)}
    connection.execute(insert(schema.audit_head).values(row))


def _check_keys(connection: Connection, trail: Trail, keys: Keys) -> None:
    """Where several agents share a database they have to share the keys; alone, a changed key is a finding."""
    if not trail.shared:
        return
    known = connection.execute(select(schema.meta.c.value).where(schema.meta.c.key == STATEMENT_KEY)).scalar()
    if known is None:
        connection.execute(insert(schema.meta).values(key=STATEMENT_KEY, value=keys.statement_key_id))
    sealed = connection.execute(select(schema.audit_head.c.key_id)).scalar()
    if known not in {None, keys.statement_key_id} or sealed not in {None, trail.seal.key_id}:
        raise StartupError(
            "The database belongs to agents with other keys.",
            remedy="Set AXONFLOW_AGENT_KEY_DIR to the folder of keys that all agents of this database share.",
        )
