"""The store on PostgreSQL: the same schema, guards, retention and command line as on SQLite."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from axonflow_hooks.agent.audit_trail import append
from axonflow_hooks.agent.audit_trail.append import Appender, Trail
from axonflow_hooks.agent.audit_trail.mark import MARK_NAME, MarkFile
from axonflow_hooks.agent.audit_trail.retention import prune_piece
from axonflow_hooks.agent.store import migrate
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.keys import load_keys
from axonflow_hooks.agent.store.options import StoreOptions, store_options
from axonflow_hooks.agent.store.postgresql import create
from axonflow_hooks.agent.tables import schema
from tests.agent.audit_trail.conftest import write

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.postgres.server import PostgresServer

ENTRIES = 20


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data


@pytest.fixture
def options(database_url: str) -> StoreOptions:
    return store_options({"AXONFLOW_AGENT_DATABASE_URL": database_url})


def audit(folder: Path, database_url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `axonflow-hooks audit` with a database by its environment."""
    program = "import sys; from axonflow_hooks.cli import main; sys.exit(main(['audit', *sys.argv[1:]]))"
    return subprocess.run(
        [sys.executable, "-c", program, *arguments, "--data-dir", str(folder)],
        env={"PATH": os.environ["PATH"], "HOME": str(folder), "AXONFLOW_AGENT_DATABASE_URL": database_url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_migrations_give_the_tables_of_the_models(options: StoreOptions) -> None:
    engine = create(options.database_url, 1)
    with engine.begin() as connection:
        command.upgrade(migrate.alembic_config(connection), "head")
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, schema.metadata) == []
    engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE audit_log SET query = 'x'",
        "DELETE FROM audit_log",
        "TRUNCATE audit_log",
        "UPDATE decisions SET reason = 'x'",
    ],
)
def test_the_database_refuses_changes(
    postgres: PostgresServer, database_url: str, options: StoreOptions, folder: Path, statement: str
) -> None:
    write(folder, range(1, 4), options)
    with psycopg.connect(database_url) as connection, pytest.raises(psycopg.Error, match="append-only"):
        connection.execute(statement.encode())


def test_tampering_is_found_from_the_command_line(database_url: str, options: StoreOptions, folder: Path) -> None:
    write(folder, range(1, ENTRIES + 1), options)
    assert audit(folder, database_url, "verify").returncode == 0
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("ALTER TABLE audit_log DISABLE TRIGGER ALL")
        connection.execute("UPDATE audit_log SET query = 'ls' WHERE sequence = 7")
        connection.execute("DELETE FROM audit_log WHERE sequence = 20")
    found = json.loads(audit(folder, database_url, "verify", "--json").stdout)
    kinds = {(finding["kind"], finding["sequence"]) for finding in found["findings"]}
    assert {("changed", 7), ("truncated", 20)} <= kinds


def test_an_older_head_that_is_put_back_is_noticed_at_the_next_record(
    database_url: str, options: StoreOptions, folder: Path
) -> None:
    write(folder, range(1, 11), options)
    with psycopg.connect(database_url, autocommit=True) as connection:
        kept = connection.execute("SELECT * FROM audit_head").fetchone()
        assert kept is not None
        write(folder, range(11, 21), options)
        connection.execute("ALTER TABLE audit_log DISABLE TRIGGER ALL")
        connection.execute("DELETE FROM audit_log WHERE sequence > 10")
        connection.execute("DELETE FROM audit_checkpoints WHERE sequence > 10")
        connection.execute("DELETE FROM decisions WHERE reason ~ 'Reason (1[1-9]|20) '")
        connection.execute("DELETE FROM audit_head")
        connection.execute("INSERT INTO audit_head VALUES (%s, %s, %s, %s, %s, %s, %s, %s)", kept)
    assert "FAULT rollback entry 20" in audit(folder, database_url, "verify").stdout
    write(folder, range(21, 31), options)
    assert "FAULT recorded entry 11" in audit(folder, database_url, "verify").stdout


def test_entries_are_searched_and_exported(database_url: str, options: StoreOptions, folder: Path) -> None:
    write(folder, range(1, ENTRIES + 1), options)
    found = audit(folder, database_url, "search", "--json", "--policy", "sys_dangerous").stdout.splitlines()
    assert [json.loads(line)["sequence"] for line in found] == [3, 9, 15]
    assert len(audit(folder, database_url, "export").stdout.splitlines()) == ENTRIES


def test_old_entries_are_pruned(
    database_url: str, options: StoreOptions, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(append, "now", lambda: "2020-01-01T00:00:00.000000Z")
        write(folder, range(1, 11), options)
    write(folder, range(11, 21), options)
    database = open_database(folder, options)
    trail = Trail(load_keys(folder).seal, MarkFile(folder / MARK_NAME), shared=True)
    appender = Appender(trail, database.engine.dialect)
    with database.engine.begin() as connection:
        head = prune_piece(connection, appender, appender.begin(connection), "2021-01-01T00:00:00.000000Z")
    database.close()
    assert head is not None
    assert head.anchor_sequence == 10
    report = json.loads(audit(folder, database_url, "verify", "--json").stdout)
    assert (report["findings"], report["first_sequence"], report["entries"]) == ([], 11, 11)


def test_the_password_is_in_no_message(postgres: PostgresServer, database_url: str, folder: Path) -> None:
    wrong = "w" + "rong-pa55word"
    result = audit(folder, database_url.replace(postgres.password, wrong), "verify")
    assert (result.returncode, "AXONFLOW_AGENT_DATABASE_URL" in result.stderr) == (1, True)
    assert wrong not in result.stdout + result.stderr
    assert audit(folder, "mysql://user:" + wrong + "@host/x", "verify").stderr.count(wrong) == 0
    assert audit(folder, f"postgresql://user:{wrong}@host:port/x", "verify").stderr.count(wrong) == 0
