"""Databases of every age come to this release's schema, and what is in them with it (real SQLite)."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, create_engine, inspect, text

from axonflow_hooks.agent.audit_trail.mark import MARK_NAME
from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.store import migrate
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.tables import schema
from axonflow_hooks.agent.tables.records import now
from tests.agent.audit_trail.conftest import checked_folder, write

if TYPE_CHECKING:
    from collections.abc import Iterator

FIRST_RELEASE = Path(__file__).with_name("first_release.sql")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Give a data folder with a database that the first release wrote: five entries, three decisions."""
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    connection = sqlite3.connect(data / "agent.db")
    connection.executescript(FIRST_RELEASE.read_text(encoding="utf-8"))
    connection.close()
    (data / "agent.db").chmod(0o600)
    return data


@pytest.fixture
def empty() -> Iterator[Engine]:
    engine = create_engine("sqlite://")
    yield engine
    engine.dispose()


def described(engine: Engine) -> dict[str, Any]:
    """Give all that a schema consists of, in an order of its own."""
    found = inspect(engine)
    tables: dict[str, Any] = {}
    for name in sorted(found.get_table_names()):
        columns = found.get_columns(name)
        tables[name] = {
            "columns": {it["name"]: (str(it["type"]), it["nullable"], it["default"]) for it in columns},
            "key": found.get_pk_constraint(name)["constrained_columns"],
            "indexes": sorted((str(it["name"]), tuple(it["column_names"])) for it in found.get_indexes(name)),
            "unique": sorted(tuple(it["column_names"]) for it in found.get_unique_constraints(name)),
        }
    with engine.connect() as connection:
        query = "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'"
        tables["triggers"] = sorted(tuple(row) for row in connection.exec_driver_sql(query))
    return tables


def test_the_migrations_give_the_tables_of_the_models(empty: Engine) -> None:
    with empty.begin() as connection:
        command.upgrade(migrate.alembic_config(connection), "head")
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []


def test_a_migrated_database_is_as_a_new_one(folder: Path, empty: Engine) -> None:
    open_database(folder).close()
    with empty.begin() as connection:
        migrate.create(connection)
    migrated = create_engine(f"sqlite:///{folder / 'agent.db'}")
    assert described(migrated) == described(empty)
    migrated.dispose()


def test_a_migrated_database_has_what_it_had_and_a_chain(folder: Path) -> None:
    before = rows(folder, "SELECT id, query, decision_id, response_time_ms FROM audit_log ORDER BY sequence")
    write(folder, range(6, 10))
    report = checked_folder(folder)
    assert (report.findings, report.entries, report.decisions) == ([], 10, 5)
    after = rows(folder, "SELECT id, query, decision_id, response_time_ms FROM audit_log ORDER BY sequence LIMIT 5")
    assert after == before
    assert rows(folder, "SELECT request_type FROM audit_log WHERE sequence = 6") == [("rows_sealed",)]


def test_grants_without_codes_end_and_policies_stay(empty: Engine) -> None:
    """What releases before 0005 have granted cannot be told from what was written into the tables."""
    moments = {"created_at": "2026-01-01T00:00:00.000000Z", "expires_at": "2999-01-01T00:00:00.000000Z"}
    names = ("id", "policy_id", "policy_type", "tenant_id", "client_id", "user_key", "override_reason", "created_by")
    tables: dict[str, dict[str, Any]] = {
        "overrides": {**dict.fromkeys(names, "x"), **moments, "ttl_seconds": 60},
        "approvals": {**dict.fromkeys(_APPROVAL, "x"), **moments, "status": "approved"},
        "presence_challenges": {**dict.fromkeys(_QUESTION, "x"), **moments, "status": "open"},
        "policies": {**dict.fromkeys(_POLICY, "x"), "version": 1},
    }
    with empty.begin() as connection:
        command.upgrade(migrate.alembic_config(connection), "0004")
        for table, row in tables.items():
            marks = ", ".join(f":{name}" for name in row)
            connection.execute(text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({marks})"), row)
        command.upgrade(migrate.alembic_config(connection), "head")
        found = {name: connection.execute(text(f"SELECT * FROM {name}")).mappings().all() for name in tables}
    (ended,), (over,) = found["overrides"], found["approvals"]
    assert (ended["revoked_by"], ended["revoked_at"] < now(), ended["mac"]) == ("upgrade", True, None)
    assert over["expires_at"] < now()
    assert (len(found["presence_challenges"]), len(found["policies"])) == (0, 1)


_APPROVAL = (
    "id", "tenant_id", "client_id", "user_key", "plane", "tool_signature", "statement_hash", "original_query",
    "request_type", "policy_ids", "policy_name", "trigger_reason", "severity", "details", "updated_at",
)  # fmt: skip
_QUESTION = ("code", "nonce", "purpose", "request", "question", "tenant_id", "client_id", "user_key")
_POLICY = (
    "id", "tenant_id", "kind", "policy_id", "document", "created_at", "updated_at", "created_by", "updated_by",
)  # fmt: skip


def test_a_copy_is_kept_before(folder: Path) -> None:
    open_database(folder).close()
    (copy,) = folder.glob("agent.db.before-*")
    assert copy.stat().st_mode & 0o777 == 0o600
    connection = sqlite3.connect(copy)
    assert connection.execute("SELECT value FROM meta").fetchall() == [("1",)]
    assert connection.execute("SELECT count(*) FROM audit_log").fetchone() == (5,)
    connection.close()


def test_a_migration_that_fails_changes_nothing(folder: Path) -> None:
    connection = sqlite3.connect(folder / "agent.db")
    connection.execute("CREATE TABLE audit_checkpoints (x)")
    connection.commit()
    before = "\n".join(connection.iterdump())
    connection.close()
    with pytest.raises(StartupError):
        open_database(folder)
    connection = sqlite3.connect(folder / "agent.db")
    assert "\n".join(connection.iterdump()) == before
    connection.close()


def test_a_trail_cannot_be_made_genuine_by_setting_the_revision_back(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "agent.db", tmp_path / "old")
    write(folder, range(6, 10))
    for path in folder.glob("agent.db*"):
        path.unlink()
    shutil.copy(tmp_path / "old", folder / "agent.db")
    with pytest.raises(StartupError, match="older than its audit trail"):
        open_database(folder)
    (folder / MARK_NAME).unlink()
    open_database(folder).close()


@pytest.mark.parametrize(
    ("statements", "told"),
    [
        pytest.param(["UPDATE meta SET value = '99'"], "schema version 99", id="a newer one by its note"),
        pytest.param(
            ["UPDATE meta SET value = '0099'", "UPDATE alembic_version SET version_num = '0099'"],
            "schema version 0099",
            id="a newer one",
        ),
        pytest.param(["DROP TABLE idempotency"], "tables are missing", id="a table is missing"),
        pytest.param(["DROP TABLE audit_log"], "not written by this agent", id="another program's"),
    ],
)
def test_what_is_not_ours_is_refused(tmp_path: Path, statements: list[str], told: str) -> None:
    tmp_path.chmod(0o700)
    open_database(tmp_path).close()
    connection = sqlite3.connect(tmp_path / "agent.db")
    for statement in statements:
        connection.execute(statement)
    connection.commit()
    connection.close()
    with pytest.raises(StartupError, match=told):
        open_database(tmp_path)


def test_the_newest_migration_is_the_one_that_new_databases_have(empty: Engine) -> None:
    with empty.begin() as connection:
        assert ScriptDirectory.from_config(migrate.alembic_config(connection)).get_heads() == [schema.REVISION]


def test_alembic_is_not_imported_where_nothing_is_due(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    program = """
import sys
from pathlib import Path
from axonflow_hooks.agent.store.database import open_database
for _ in range(2):
    open_database(Path(sys.argv[1])).close()
assert "alembic" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    connection = sqlite3.connect(folder / "agent.db")
    found = connection.execute(query).fetchall()
    connection.close()
    return found
