"""The policies in use: packs that change, tenants that write, overrides that end, replicas, faults."""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.errors import StoreUnavailable
from axonflow_hooks.agent.policies import changes, compiling, live
from axonflow_hooks.agent.policies.live import LivePolicies
from axonflow_hooks.agent.policies.overriding import grant
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.reports import AuditQuery, search_entries
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, Caller
from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import Engine, PolicySource
from axonflow_hooks.wire.policies import StaticPolicyCreate
from tests.agent.packs import ZEBRA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from axonflow_hooks.agent.policies.compiling import PolicySet
    from axonflow_hooks.agent.store.database import Database
    from axonflow_hooks.agent.store.writer import Transaction

LOCAL, OTHER = Caller("local"), Caller("other", tenant_id="cs_other")


def document(**fields: Any) -> dict[str, Any]:
    body = {"name": "Prod", "pattern": "prod-db", "category": "security-admin", **fields}
    return StaticPolicyCreate.model_validate(body).model_dump(mode="json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "policies"
    made.mkdir()
    return made


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    opened = open_database(data)
    yield opened
    opened.close()


@pytest.fixture
def live_policies(folder: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> LivePolicies:
    monkeypatch.setattr(live, "LOOK_EVERY_S", 0.0)
    return LivePolicies(PolicySource(folder), database)


def write(database: Database, change: Callable[[Transaction], Any]) -> Any:
    writing = Writer(database.engine)
    try:
        return asyncio.run(writing.submit(change))
    finally:
        writing.close()


def current(policies: LivePolicies, tenant_id: str = LOCAL_TENANT) -> PolicySet:
    return asyncio.run(policies.current(tenant_id))


def action(policies: PolicySet, text: str) -> str:
    return policies.engine.evaluate(text, phase="request", connector_type="gateway").action


def test_a_pack_that_appears_changes_and_goes_is_followed(live_policies: LivePolicies, folder: Path) -> None:
    assert action(current(live_policies), "zebra") == "none"
    pack = folder / "mine.toml"
    pack.write_text(ZEBRA)
    assert action(current(live_policies), "zebra") == "block"
    assert live_policies.engine is current(live_policies).engine
    pack.write_text(ZEBRA.replace('"block"', '"warn"'))
    os.utime(pack, (1, 1))
    assert action(current(live_policies), "zebra") == "warn"
    pack.unlink()
    assert action(current(live_policies), "zebra") == "none"


def test_a_broken_pack_leaves_the_last_good_set_in_use_and_is_told_once(
    live_policies: LivePolicies, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    pack = folder / "mine.toml"
    pack.write_text(ZEBRA)
    good = current(live_policies)
    pack.write_text(ZEBRA.replace("'zebra'", "'(zebra'"))
    with caplog.at_level(logging.WARNING, "axonflow.agent"):
        found = [current(live_policies), current(live_policies)][-1]
    assert action(found, "zebra") == "block"
    (fault,) = live_policies.faults(found)
    assert "mine.toml" in fault
    assert "pack_zebra" in fault
    assert len([record for record in caplog.records if "mine.toml" in record.getMessage()]) == 1
    pack.write_text(ZEBRA)
    assert live_policies.faults(current(live_policies)) == []
    assert good.base is not None


def test_what_a_tenant_writes_is_its_own(live_policies: LivePolicies, database: Database) -> None:
    assert action(current(live_policies), "prod-db") == "none"
    write(database, lambda tx: changes.create(tx, LOCAL, "static", "custom_prod", document()))
    assert action(current(live_policies), "prod-db") == "block"
    other = current(live_policies, "cs_other")
    assert action(other, "prod-db") == "none"
    assert other.engine is live_policies.source.engine


def test_another_process_sees_a_change(live_policies: LivePolicies, folder: Path, database: Database) -> None:
    replica = LivePolicies(PolicySource(folder), database)
    assert action(current(replica), "prod-db") == "none"
    write(database, lambda tx: changes.create(tx, LOCAL, "static", "custom_prod", document()))
    assert action(current(replica), "prod-db") == "block"
    write(database, lambda tx: changes.remove(tx, LOCAL, "static", "custom_prod"))
    assert action(current(replica), "prod-db") == "none"


def test_it_looks_only_once_in_a_while(folder: Path, database: Database) -> None:
    policies = LivePolicies(PolicySource(folder), database)
    assert current(policies) is current(policies)
    write(database, lambda tx: changes.create(tx, LOCAL, "static", "custom_prod", document()))
    assert action(asyncio.run(policies.refresh(LOCAL_TENANT)), "prod-db") == "block"
    assert action(current(policies), "prod-db") == "block"


def test_an_override_ends_by_itself(folder: Path, database: Database) -> None:
    policies = LivePolicies(PolicySource(folder), database)
    lifted = {
        "kind": "static",
        "policy_id": "sys_pii_email",
        "action_override": "block",
        "enabled_override": None,
        "override_reason": "r",
        "expires_at": "2999-01-01T00:00:00.000000Z",
        "replaces": "",
    }
    made = write(database, lambda tx: grant(tx, LOCAL, lifted))
    held = current(policies)
    assert action(held, "joe@corp.io") == "block"
    assert held.expires_at == lifted["expires_at"]
    over = {**lifted, "expires_at": "2026-01-01T00:00:00.000000Z", "replaces": made["id"]}
    write(database, lambda tx: grant(tx, LOCAL, over))
    ended = replace(held, expires_at="2026-01-01T00:00:00.000000Z")
    policies._held[LOCAL_TENANT].policies = ended
    assert ended.expired()
    fresh = current(policies)
    assert action(fresh, "joe@corp.io") == "log"
    assert fresh.expires_at is None


def test_without_a_database_the_last_set_stays_and_a_first_one_is_refused(
    live_policies: LivePolicies, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    held = current(live_policies)

    def away(*_: Any) -> Any:
        raise StoreUnavailable("away")

    monkeypatch.setattr(live, "find_revision", away)
    monkeypatch.setattr(live, "tenant_rows", away)
    assert current(live_policies) is held
    with pytest.raises(StoreUnavailable):
        current(live_policies, "cs_other")
    with pytest.raises(StoreUnavailable):
        asyncio.run(live_policies.refresh(LOCAL_TENANT))


def test_what_is_switched_off_is_still_masked_where_it_is_stored(
    live_policies: LivePolicies, database: Database
) -> None:
    off = {
        "kind": "static",
        "policy_id": "sys_pii_email",
        "action_override": None,
        "enabled_override": False,
        "override_reason": "r",
        "expires_at": None,
        "replaces": "",
    }
    write(database, lambda tx: grant(tx, LOCAL, off))
    found = current(live_policies)
    assert action(found, "joe@corp.io") == "none"
    stored = found.storage.evaluate("joe@corp.io", phase="response", connector_type="gateway")
    assert [match.policy_id for match in stored.matches] == ["sys_pii_email"]
    assert live_policies.engine is found.storage is live_policies.source.engine


def test_policies_that_do_not_compile_together_leave_the_last_set_in_use(
    live_policies: LivePolicies, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(database, lambda tx: changes.create(tx, LOCAL, "static", "custom_prod", document()))
    assert action(current(live_policies), "prod-db") == "block"

    def too_much(_policies: Any) -> Any:
        raise PolicyPackError("too much memory")

    monkeypatch.setattr(compiling, "Engine", too_much)
    write(database, lambda tx: changes.create(tx, LOCAL, "static", "custom_more", document(pattern="more")))
    found = current(live_policies)
    assert action(found, "prod-db") == "block"
    (fault,) = live_policies.faults(found)
    assert fault == "the policy custom_more does not compile with the others: too much memory"


class Small(Engine):
    """An engine without room for two policies of which one mentions `huge`."""

    def __init__(self, policies: Any) -> None:
        huge = [policy for policy in policies if "huge" in policy.pattern_text]
        if huge and any(policy.group == "tenant" for policy in policies if policy not in huge):
            raise PolicyPackError(f"pattern {huge[0].pattern_text!r} is refused: too much memory")
        super().__init__(policies)


def test_after_a_restart_too_only_what_changed_last_is_left_out_and_it_is_told(
    folder: Path, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("a", "b", "c"):
        made = document(name=name, pattern=f"word-{name}")
        write(database, partial(changes.create, caller=LOCAL, kind="static", policy_id=f"custom_{name}", document=made))
    write(database, lambda tx: changes.update(tx, LOCAL, "static", "custom_a", lambda old: {**old, "pattern": "huge"}))
    monkeypatch.setattr(compiling, "Engine", Small)
    writing = Writer(database.engine)
    try:
        policies = LivePolicies(PolicySource(folder), database, writing)
        found = current(policies)
        assert [action(found, word) for word in ("huge", "word-b", "word-c")] == ["none", "block", "block"]
        (fault,) = policies.faults(found)
        assert "custom_a does not compile with the others" in fault
        assert policies.fault_count == 1
        current(LivePolicies(PolicySource(folder), database, writing))
    finally:
        writing.close()
    told = database.read(
        lambda connection: search_entries(connection, AuditQuery(None, request_type="policy_not_in_use"), 9, 0)[0]
    )
    assert [json.loads(row["policy_details"])["fault"] for row in told] == [fault, fault]
