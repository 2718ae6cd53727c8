"""The tables of policies."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy.exc import IntegrityError

from axonflow_hooks.agent.store import policies as store
from axonflow_hooks.agent.store.database import open_database

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[Connection]:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path)
    with database.engine.begin() as opened:
        yield opened
    database.close()


def row(number: int, **fields: Any) -> dict[str, Any]:
    made = {"id": f"id-{number}", "tenant_id": "a", "kind": "static", "policy_id": f"p{number}", "document": "{}"}
    times = {"created_at": f"2026-01-0{number}", "updated_at": "x", "created_by": "x", "updated_by": "x", "version": 1}
    return {**made, **times, **fields}


def override(policy_id: str, **fields: Any) -> dict[str, Any]:
    made = {"tenant_id": "a", "policy_id": policy_id, "id": f"o-{policy_id}", "kind": "static", "created_by": "x"}
    rest = {"action_override": "block", "enabled_override": None, "override_reason": "r", "expires_at": None}
    return {**made, **rest, "created_at": "2026-01-01", **fields}


def test_changes_are_counted_by_tenant(connection: Connection) -> None:
    assert store.find_revision(connection, "a") == 0
    for _ in range(3):
        store.bump_revision(connection, "a")
    store.bump_revision(connection, "b")
    assert (store.find_revision(connection, "a"), store.find_revision(connection, "b")) == (3, 1)


def test_a_tenant_has_its_rows_the_oldest_first(connection: Connection) -> None:
    for made in (row(2), row(1), row(3, tenant_id="b")):
        store.add_policy(connection, made)
    store.put_override(connection, override("sys_x"))
    rows = store.tenant_rows(connection, "a")
    assert [each["id"] for each in rows.policies] == ["id-1", "id-2"]
    assert [each["policy_id"] for each in rows.overrides] == ["sys_x"]
    assert store.tenant_rows(connection, "c") == store.TenantRows(0, (), ())


@pytest.mark.parametrize(
    ("tenant", "kind", "key", "found"),
    [
        ("a", "static", "id-1", True),
        ("a", "static", "p1", True),
        ("a", "dynamic", "p1", False),
        ("b", "static", "id-1", False),
        ("a", "static", "p\x00\ud800", False),
    ],
)
def test_a_policy_is_found_by_either_id(connection: Connection, tenant: str, kind: str, key: str, found: bool) -> None:
    store.add_policy(connection, row(1))
    assert (store.find_policy(connection, tenant, kind, key) is not None) is found


def test_a_readable_id_is_there_once(connection: Connection) -> None:
    store.add_policy(connection, row(1))
    with pytest.raises(IntegrityError):
        store.add_policy(connection, row(2, policy_id="p1"))


def test_changing_and_removing(connection: Connection) -> None:
    made = store.add_policy(connection, row(1))
    store.change_policy(connection, made, {"version": 2})
    found = store.find_policy(connection, "a", "static", "p1")
    assert found is not None
    assert found["version"] == 2
    assert store.count_policies(connection, "a", "static") == 1
    store.remove_policy(connection, "id-1")
    assert store.count_policies(connection, "a", "static") == 0


def test_an_override_takes_the_place_of_the_one_before(connection: Connection) -> None:
    store.put_override(connection, override("sys_x"))
    store.put_override(connection, override("sys_x", id="o2", action_override="log"))
    found = store.find_override(connection, "a", "sys_x")
    assert found is not None
    assert (found["id"], found["action_override"]) == ("o2", "log")
    assert store.find_override(connection, "b", "sys_x") is None
    store.remove_override(connection, "a", "sys_x")
    assert store.find_overrides(connection, "a") == ()


def test_versions_come_newest_first(connection: Connection) -> None:
    assert store.last_version(connection, "a", "p") == 0
    for number in (1, 2):
        version = {"id": f"v{number}", "tenant_id": "a", "policy_id": "p", "version": number, "snapshot": "{}"}
        change = {"change_type": "created", "change_summary": "s", "changed_by": "x", "changed_at": "x"}
        store.add_version(connection, {**version, **change})
    assert store.last_version(connection, "a", "p") == 2
    assert [each["version"] for each in store.find_versions(connection, "a", "p")] == [2, 1]
    assert store.find_versions(connection, "b", "p") == ()


def test_the_newest_versions_are_listed(connection: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "VERSIONS_LISTED", 3)
    for number in range(5):
        version = {"id": f"v{number}", "tenant_id": "a", "policy_id": "p", "version": number, "changed_by": "x"}
        rest = {"change_type": "updated", "change_summary": "x", "snapshot": "{}", "changed_at": "2026-01-01"}
        store.add_version(connection, {**version, **rest})
    assert [found["version"] for found in store.find_versions(connection, "a", "p")] == [4, 3, 2]
