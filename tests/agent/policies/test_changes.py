"""Writing policies: ids, bounds, and what one change leaves behind."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import insert, text

from axonflow_hooks.agent.errors import PolicyRefused
from axonflow_hooks.agent.policies import changes
from axonflow_hooks.agent.policies.editing import override_end
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.policies import find_revision, find_versions, policies, tenant_rows
from axonflow_hooks.agent.store.reports import AuditQuery, search_entries
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, Caller
from tests.agent.audit_trail.conftest import checked_folder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

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


@pytest.mark.parametrize(
    ("tamper", "altered"),
    [
        pytest.param("UPDATE policies SET document = replace(document, 'true', 'false')", {"p"}, id="switched off"),
        pytest.param("UPDATE policies SET mac = NULL", {"p"}, id="without its code"),
        pytest.param("UPDATE policies SET version = version", set(), id="nothing"),
    ],
)
def test_a_policy_that_was_changed_past_the_agent_is_told_and_not_built_on(
    submit: Submit, database: Database, tamper: str, altered: set[str]
) -> None:
    submit(lambda tx: changes.create(tx, CALLER, "static", "p", DOCUMENT))
    submit(lambda tx: changes.update(tx, CALLER, "static", "p", lambda old: {**old, "priority": 2}))
    submit(lambda tx: tx.connection.execute(text(tamper)))
    rows = database.read(lambda connection: tenant_rows(connection, LOCAL_TENANT))
    assert rows.altered == altered
    found = checked_folder(Path(str(database.engine.url.database)).parent).findings
    assert {finding.id for finding in found} == altered
    if altered:
        with pytest.raises(PolicyRefused) as refusal:
            submit(lambda tx: changes.update(tx, CALLER, "static", "p", lambda old: {**old, "priority": 3}))
        assert refusal.value.status == 409
        submit(lambda tx: changes.remove(tx, CALLER, "static", "p"))
    assert len(database.read(lambda connection: tenant_rows(connection, LOCAL_TENANT)).altered) == 0


def test_a_policy_of_a_release_without_codes_can_be_changed(submit: Submit, database: Database) -> None:
    row = {"id": "1", "tenant_id": LOCAL_TENANT, "kind": "static", "policy_id": "p", "document": json.dumps(DOCUMENT)}
    rest = dict.fromkeys(("created_at", "updated_at", "created_by", "updated_by"), "2026-01-01T00:00:00.000000Z")
    submit(lambda tx: tx.connection.execute(insert(policies).values(**row, **rest, version=1)))
    assert database.read(lambda connection: tenant_rows(connection, LOCAL_TENANT)).altered == set()
    submit(lambda tx: changes.update(tx, CALLER, "static", "p", lambda old: {**old, "priority": 2}))
    (kept,) = database.read(lambda connection: tenant_rows(connection, LOCAL_TENANT)).policies
    assert (kept["version"], len(kept["mac"])) == (2, 64)


def test_a_policy_that_is_gone_without_an_entry_is_named(submit: Submit, database: Database) -> None:
    made = submit(lambda tx: changes.create(tx, CALLER, "static", "p", DOCUMENT))
    submit(lambda tx: changes.create(tx, CALLER, "static", "q", DOCUMENT))
    submit(lambda tx: changes.remove(tx, CALLER, "static", "q"))
    submit(lambda tx: tx.connection.execute(text("DELETE FROM policies")))
    (finding,) = checked_folder(Path(str(database.engine.url.database)).parent).findings
    assert made["id"] in finding.what


def override(**changed: Any) -> dict[str, Any]:
    row = {"tenant_id": LOCAL_TENANT, "policy_id": "sys_x", "id": "first", "kind": "static", "created_by": "x"}
    rest = {"action_override": "block", "enabled_override": None, "override_reason": "r", "expires_at": None}
    return {**row, **rest, "created_at": "2026-01-01T00:00:00.000000Z", **changed}


@pytest.mark.parametrize("replaces", ["", "another"])
def test_an_override_takes_the_place_of_the_one_that_was_looked_at_only(submit: Submit, replaces: str) -> None:
    submit(lambda tx: changes.override(tx, CALLER, override()))
    with pytest.raises(PolicyRefused) as refusal:
        submit(lambda tx: changes.override(tx, CALLER, override(id="second"), replaces=replaces))
    assert refusal.value.status == 409
    submit(lambda tx: changes.override(tx, CALLER, override(id="second"), replaces="first"))


@pytest.mark.parametrize(("action", "losses"), [("block", 1), ("log", 0)])
def test_what_the_end_of_an_override_loses_is_seen_where_it_is_written(
    submit: Submit, action: str, losses: int
) -> None:
    submit(lambda tx: changes.override(tx, CALLER, override(action_override=action)))
    plan = submit(lambda tx: override_end(tx.connection, CALLER, "sys_x", lambda ending: ending.action == "block"))
    assert len(plan.losses) == losses


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
