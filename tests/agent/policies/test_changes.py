"""Writing policies: ids, bounds, and what one change leaves behind."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.errors import PolicyRefused
from axonflow_hooks.agent.policies import changes
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.policies import find_revision, find_versions, tenant_rows
from axonflow_hooks.agent.store.records import LOCAL_TENANT, Caller
from axonflow_hooks.agent.store.reports import AuditQuery, search_entries
from axonflow_hooks.agent.store.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from axonflow_hooks.agent.store.database import Database
    from axonflow_hooks.agent.store.writer import Transaction

    Submit = Callable[[Callable[[Transaction], Any]], Any]

CALLER = Caller("local", user_email="Dev@Example.com")
DOCUMENT = {"name": "x", "enabled": True, "category": "c", "priority": 1}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    tmp_path.chmod(0o700)
    opened = open_database(tmp_path)
    yield opened
    opened.close()


@pytest.fixture
def submit(database: Database) -> Iterator[Submit]:
    writing = Writer(database.engine)
    yield lambda change: asyncio.run(writing.submit(change))
    writing.close()


@pytest.mark.parametrize(
    ("kind", "name", "shape"),
    [
        ("static", "No Production!", r"custom_no_production_[0-9a-f]{8}"),
        ("dynamic", "é", r"dyn_[0-9a-f]{8}"),
        ("static", "x" * 200, r"custom_x{48}_[0-9a-f]{8}"),
        ("static", "  [REDACTED:ssn#1]  ", r"custom_redacted_ssn_1_[0-9a-f]{8}"),
    ],
)
def test_ids_are_readable_and_new(kind: Any, name: str, shape: str) -> None:
    first, second = (changes.new_policy_id(kind, name) for _ in range(2))
    assert re.fullmatch(shape, first)
    assert first != second


def test_there_is_an_end_to_how_many(submit: Submit, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "MAX_POLICIES", 1)
    submit(lambda tx: changes.create(tx, CALLER, "static", "p1", DOCUMENT))
    submit(lambda tx: changes.create(tx, CALLER, "dynamic", "p2", DOCUMENT))
    with pytest.raises(PolicyRefused) as refused:
        submit(lambda tx: changes.create(tx, CALLER, "static", "p3", DOCUMENT))
    assert refused.value.status == 403


def test_a_change_that_changes_nothing_is_no_version(submit: Submit, database: Database) -> None:
    row = submit(lambda tx: changes.create(tx, CALLER, "static", "p", DOCUMENT))
    same = submit(lambda tx: changes.update(tx, CALLER, "static", "p", lambda document: document))
    assert same["version"] == 1
    assert len(database.read(lambda connection: find_versions(connection, LOCAL_TENANT, row["id"]))) == 1


def test_what_is_refused_leaves_nothing_behind(submit: Submit, database: Database) -> None:
    submit(lambda tx: changes.create(tx, CALLER, "static", "p", DOCUMENT))
    before = database.read(lambda connection: find_revision(connection, LOCAL_TENANT))

    def refuse(_document: Any) -> Any:
        raise PolicyRefused(400, "no")

    for change in (
        lambda tx: changes.update(tx, CALLER, "static", "p", refuse),
        lambda tx: changes.update(tx, CALLER, "dynamic", "p", dict),
        lambda tx: changes.remove(tx, Caller("local", tenant_id="other"), "static", "p"),
        lambda tx: changes.end_override(tx, CALLER, "p"),
    ):
        with pytest.raises(PolicyRefused):
            submit(change)
    assert database.read(lambda connection: find_revision(connection, LOCAL_TENANT)) == before
    assert len(database.read(lambda connection: tenant_rows(connection, LOCAL_TENANT)).policies) == 1


def test_the_audit_trail_says_who_and_what(submit: Submit, database: Database) -> None:
    submit(lambda tx: changes.create(tx, CALLER, "dynamic", "p", DOCUMENT))
    submit(lambda tx: changes.update(tx, CALLER, "dynamic", "p", lambda old: {**old, "enabled": False}))
    wanted = AuditQuery(LOCAL_TENANT, "2000", "9999")
    (last, _first), total = database.read(lambda connection: search_entries(connection, wanted, 20, 0))
    assert total == 2
    assert (last["request_type"], last["tool_name"], last["user_email"]) == (
        "policy_disabled",
        "dynamic-policies",
        "Dev@Example.com",
    )
    assert last["policy_decision"] is None
    assert last["query"] == "p: changed: enabled"
    (policy,) = database.read(lambda connection: tenant_rows(connection, LOCAL_TENANT)).policies
    assert (policy["updated_by"], policy["version"]) == ("dev@example.com", 2)
