"""The set of one tenant: what is left out of it, and what is taken over of the set before."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.policies.compiling import compiled
from axonflow_hooks.agent.store.policies import TenantRows
from axonflow_hooks.policy import load_engine, parse_pack
from tests.agent.packs import ZEBRA

if TYPE_CHECKING:
    from axonflow_hooks.agent.policies.compiling import PolicySet

BASE = load_engine(packs=[parse_pack(ZEBRA, name="t.toml")])


def action(policies: PolicySet, text: str) -> str:
    return policies.engine.evaluate(text, phase="request", connector_type="gateway").action


def row(**fields: Any) -> dict[str, Any]:
    base: dict[str, Any] = {"id": "1", "kind": "static", "policy_id": "custom_a", "tenant_id": "default", "version": 1}
    times = dict.fromkeys(("created_at", "updated_at", "created_by", "updated_by"), "x")
    return {**base, **times, **fields}


@pytest.mark.parametrize(
    ("fields", "fault"),
    [
        ({"document": '{"name": 5}'}, "custom_a cannot be read"),
        ({"document": "not json"}, "custom_a cannot be read"),
        ({"document": '{"name": "x", "pattern": "(", "category": "x"}'}, "custom_a is not in use"),
        ({"policy_id": "pack_zebra", "document": '{"name": "x", "pattern": "y", "category": "x"}'}, "name is taken"),
        ({"kind": "dynamic", "document": '{"name": "x", "conditions": [], "actions": []}'}, "custom_a cannot be read"),
    ],
    ids=["other-release", "no-json", "pattern", "taken", "dynamic"],
)
def test_rows_that_cannot_be_used_are_left_out_and_told(fields: dict[str, Any], fault: str) -> None:
    found = compiled(BASE, TenantRows(1, (row(**fields),), ()))
    assert found.engine is BASE
    assert len(found.faults) == 1
    assert fault in found.faults[0]


def test_a_policy_that_was_changed_past_the_agent_is_used_and_told() -> None:
    rows = (row(document='{"name": "x", "pattern": "y", "category": "x"}'),)
    found = compiled(BASE, TenantRows(1, rows, (), altered=frozenset({"custom_a"})))
    assert action(found, "y") == "block"
    assert found.faults == ("custom_a as its author wrote it: it was changed past the agent",)


def test_a_change_of_dynamic_policies_compiles_no_patterns() -> None:
    rows = TenantRows(1, (row(document='{"name": "x", "pattern": "y", "category": "x"}'),), ())
    first = compiled(BASE, rows)
    assert compiled(BASE, rows, first).engine is first.engine
    assert compiled(BASE, TenantRows(2, (), ()), first).engine is BASE
