"""Clients and tenants of the release before their codes are sealed once, as far as the trail has them (real SQLite)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.audit_trail import append
from axonflow_hooks.agent.audit_trail.append import Appender, Trail
from axonflow_hooks.agent.audit_trail.chain import HASH_COLUMN, row_hash
from axonflow_hooks.agent.audit_trail.mark import MARK_NAME, MarkFile
from axonflow_hooks.agent.audit_trail.retention import prune_piece
from axonflow_hooks.agent.clients import Clients
from axonflow_hooks.agent.errors import StartupError
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.keys import SIGNING_KEY_NAME, load_keys
from axonflow_hooks.agent.store.registrations import add_client, agent_clients, tenants
from axonflow_hooks.agent.store.sealed import committing
from axonflow_hooks.agent.tables.records import now
from tests.agent.audit_trail.conftest import checked_folder, write
from tests.agent.store.old_release import (
    FAR,
    SET_BACK,
    added,
    client,
    client_row,
    event,
    make_old,
    run_jobs,
    secret_hash,
    tamper,
    tenant,
    tenant_row,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from axonflow_hooks.agent.store.writer import Transaction

    Job = Callable[[Transaction], None]

LONG_AGO = "2020-01-01T00:00:00.000000Z"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data


def rows(folder: Path, query: str) -> list[tuple[Any, ...]]:
    with contextlib.closing(sqlite3.connect(folder / "agent.db")) as connection:
        return connection.execute(query).fetchall()


def with_access(folder: Path, *names: str) -> set[str]:
    """Start a store on the folder and give which of the names have access, whatever their secret."""
    database = open_database(folder)
    clients = Clients(database)

    async def work() -> set[str]:
        return {name for name in names if await clients.find(name) is not None}

    try:
        return asyncio.run(work())
    finally:
        database.close()


def named(folder: Path) -> set[str]:
    """Give the clients and tenants that the verification names."""
    return {finding.id for finding in checked_folder(folder).findings if finding.kind == "access"}


def note(folder: Path) -> dict[str, Any]:
    ((details,),) = rows(folder, "SELECT policy_details FROM audit_log WHERE request_type = 'rows_sealed'")
    found: dict[str, Any] = json.loads(details)
    return found


def test_what_the_trail_has_is_sealed_and_said(folder: Path) -> None:
    ended = added(
        agent_clients,
        client_row("gone", revoked_at=now()),
        event("client_added", "gone"),
        event("client_revoked", "gone"),
    )
    make_old(folder, client("ci"), ended, tenant("cs_1"))
    assert with_access(folder, "ci", "gone", "cs_1") == {"ci", "cs_1"}
    assert checked_folder(folder).findings == []
    assert note(folder) == {"sealed": 3, "refused": 0, "refused_names": []}
    entries = rows(folder, "SELECT request_type, correlation_id FROM audit_log WHERE request_type LIKE '%_sealed'")
    assert set(entries) >= {("client_sealed", "ci"), ("client_sealed", "gone"), ("tenant_sealed", "cs_1")}
    run_jobs(folder)  # the next start has nothing to do
    assert checked_folder(folder).findings == []
    assert note(folder)["sealed"] == 3


@pytest.mark.parametrize(
    ("job", "name"),
    [
        pytest.param(added(agent_clients, client_row("eve")), "eve", id="a client that no entry has added"),
        pytest.param(added(tenants, tenant_row("cs_eve")), "cs_eve", id="a tenant that no entry has registered"),
        pytest.param(
            added(agent_clients, client_row("eve"), event("tenant_registered", "evelyn")), "eve", id="another's entry"
        ),
        pytest.param(
            added(agent_clients, client_row("eve"), event("client_added", "eve"), event("client_revoked", "eve")),
            "eve",
            id="a client whose end was taken back",
        ),
        pytest.param(
            added(agent_clients, client_row("eve", created_at=LONG_AGO)), "eve", id="as if older than the trail"
        ),
        pytest.param(
            added(tenants, tenant_row("cs_eve", label=b"\xff"), event("tenant_registered", "cs_eve")),
            "cs_eve",
            id="what is no text",
        ),
    ],
)
def test_what_the_trail_does_not_have_so_gets_no_access(folder: Path, job: Job, name: str) -> None:
    make_old(folder, client("ci"), job)
    assert with_access(folder, "ci", name) == {"ci"}
    assert named(folder) == {name}
    found = note(folder)
    assert (found["sealed"], found["refused"]) == (1, 1)
    assert found["refused_names"] in (["client eve"], ["tenant cs_eve"])


def test_entries_that_stand_after_the_end_account_for_nothing(folder: Path) -> None:
    make_old(folder, client("ci"))
    with contextlib.closing(sqlite3.connect(folder / "agent.db")) as connection, connection:
        connection.row_factory = sqlite3.Row
        last = dict(connection.execute("SELECT * FROM audit_log ORDER BY sequence DESC LIMIT 1").fetchone())
        forged = {**last, "sequence": last["sequence"] + 1, "id": "forged", "query": "client added: eve"}
        forged["previous_hash"] = forged.pop(HASH_COLUMN)
        forged[HASH_COLUMN] = row_hash(forged)
        marks = ", ".join(f":{name}" for name in forged)
        connection.execute(f"INSERT INTO audit_log ({', '.join(forged)}) VALUES ({marks})", forged)
        copied = "SELECT 'eve', secret_hash, created_at, created_by, NULL FROM agent_clients"
        connection.execute(f"INSERT INTO agent_clients {copied}")
    assert with_access(folder, "ci", "eve") == {"ci"}
    assert named(folder) == {"eve"}


def test_with_another_key_nothing_is_taken_over(folder: Path) -> None:
    make_old(folder, client("ci"))
    (folder / SIGNING_KEY_NAME).unlink()
    assert with_access(folder, "ci") == set()
    assert note(folder)["refused_names"] == ["client ci"]


def sealed_client(transaction: Transaction) -> None:
    """Add a client as this release does."""
    made = add_client(transaction.connection, client_row("ci"))
    assert made is not None
    transaction.append_audit(committing(event("client_added", "ci"), agent_clients, made))


@pytest.mark.parametrize("migrated", [True, False], ids=["migrated", "new"])
def test_a_revision_that_is_set_back_has_nothing_sealed_anew(folder: Path, migrated: bool) -> None:
    if migrated:
        make_old(folder, client("ci"))
        with_access(folder)
    else:
        run_jobs(folder, sealed_client)
    stolen = f"UPDATE agent_clients SET secret_hash = '{secret_hash('ci', 'mine')}'"
    tamper(folder, *SET_BACK, stolen, f"INSERT INTO tenants VALUES ('cs_eve', 'x', NULL, NULL, '{LONG_AGO}', '{FAR}')")
    assert with_access(folder, "ci", "cs_eve") == set()
    assert named(folder) == {"ci", "cs_eve"}


def pruned(folder: Path, monkeypatch: pytest.MonkeyPatch, job: Job) -> None:
    """Have a trail of which all that a job has written is forgotten, and something since is not."""
    with monkeypatch.context() as patch:
        patch.setattr(append, "now", lambda: LONG_AGO)
        run_jobs(folder, job)
    write(folder, range(1, 4))
    database = open_database(folder)
    trail = Trail(load_keys(folder).seal, MarkFile(folder / MARK_NAME))
    appender = Appender(trail, database.engine.dialect)
    with database.engine.begin() as connection:
        head = prune_piece(connection, appender, appender.begin(connection), "2021-01-01T00:00:00.000000Z")
    database.close()
    assert head is not None
    assert head.anchor_sequence > 0


def test_after_a_pruning_neither(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pruned(
        folder, monkeypatch, added(agent_clients, client_row("ci", created_at=LONG_AGO), event("client_added", "ci"))
    )
    tamper(folder, *SET_BACK)
    assert with_access(folder, "ci") == set()
    assert named(folder) == {"ci"}


def test_of_rows_older_than_the_trail_no_entry_is_asked(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = client_row("ci", created_at=LONG_AGO)
    pruned(folder, monkeypatch, added(agent_clients, row, event("client_added", "ci", timestamp=LONG_AGO)))
    tamper(
        folder,
        *SET_BACK,
        "DROP TRIGGER audit_log_no_update",
        # As the release before has pruned: without saying that rows are sealed.
        "UPDATE audit_log SET policy_details = '{}' WHERE request_type = 'audit_pruned'",
    )
    assert with_access(folder, "ci") == {"ci"}
    assert named(folder) == set()


def test_an_older_copy_is_not_taken_over(folder: Path, tmp_path: Path) -> None:
    make_old(folder, client("ci"))
    shutil.copy(folder / "agent.db", tmp_path / "older")
    run_jobs(folder)  # sealed, and so longer than the copy
    for path in folder.glob("agent.db*"):
        path.unlink()
    shutil.copy(tmp_path / "older", folder / "agent.db")
    tamper(folder, f"UPDATE agent_clients SET secret_hash = '{secret_hash('ci', 'mine')}'")
    with pytest.raises(StartupError, match="an older copy"):
        open_database(folder)
    assert rows(folder, "SELECT version_num FROM alembic_version") == [("0006",)]
    (folder / MARK_NAME).unlink()
    assert with_access(folder, "ci") == {"ci"}


def test_a_mark_that_others_can_read_is_named(folder: Path) -> None:
    make_old(folder, client("ci"))
    (folder / MARK_NAME).chmod(0o644)
    with pytest.raises(StartupError, match=MARK_NAME):
        open_database(folder)


def test_open_recovery_tokens_end(folder: Path) -> None:
    make_old(folder, tenant("cs_1"))
    tamper(folder, f"INSERT INTO recovery_tokens VALUES ('hash', 'cs_1', 'x', '{LONG_AGO}', '{FAR}', NULL)")
    with_access(folder)
    assert rows(folder, "SELECT count(*) FROM recovery_tokens") == [(0,)]


def test_more_rows_than_one_page_are_sealed(folder: Path) -> None:
    names = [f"cs_{number:04}" for number in range(1_001)]

    def many(transaction: Transaction) -> None:
        for name in names:
            tenant(name)(transaction)

    make_old(folder, many)
    assert with_access(folder, names[0], names[-1]) == {names[0], names[-1]}
    assert (checked_folder(folder).findings, note(folder)["sealed"]) == ([], len(names))
