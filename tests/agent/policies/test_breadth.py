"""Patterns of a tenant that find everything do not leave an audit trail of placeholders."""

from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.agent.policies.breadth import masks_of
from axonflow_hooks.agent.policies.compiling import compiled
from axonflow_hooks.agent.policies.static import StaticPolicy
from axonflow_hooks.agent.store.policies import TenantRows
from axonflow_hooks.policy import load_engine
from axonflow_hooks.wire.policies import StaticPolicyCreate

BASE = load_engine(packs=[])


def policy(number: int, pattern: str, **fields: Any) -> Any:
    says = StaticPolicyCreate(name="n", pattern=pattern, **{"category": "custom", "action": "redact", **fields})
    return StaticPolicy("i", f"custom_{number}", says, "default", 1, "t", "t").compiled()


@pytest.mark.parametrize(
    ("patterns", "kept"),
    [
        pytest.param(["."], 0, id="all"),
        pytest.param([r"\w+"], 0, id="words"),
        pytest.param(["rm.*"], 0, id="a command"),
        pytest.param([r"(?i)select.*|drop.*"], 0, id="queries"),
        pytest.param(["PRJ-[0-9]{4}"], 1, id="an identifier"),
        pytest.param(["[A-Z]{2}[0-9]{6}", "(?i)employee #?[0-9]+"], 2, id="two"),
        pytest.param(["[a-e ]", "[f-j]", "[k-o]", "[p-t]", "[u-z]"], 1, id="all together"),
    ],
)
def test_what_may_mask_what_is_stored(patterns: list[str], kept: int) -> None:
    policies = [policy(number, pattern) for number, pattern in enumerate(patterns)]
    found, left_out = masks_of(policies)
    assert (found, left_out) == (policies[:kept], policies[kept:])


@pytest.mark.parametrize("category", ["custom", "pii-global", "sensitive-data"])
def test_the_category_does_not_matter(category: str) -> None:
    assert masks_of([policy(1, ".", category=category)])[0] == []


def test_what_masks_nothing_stored_may_find_everything() -> None:
    broad = policy(1, ".", action="log")
    assert masks_of([broad]) == ([broad], [])


def test_it_acts_on_calls_and_is_told() -> None:
    says = StaticPolicyCreate(name="n", pattern=".", category="pii-global", action="redact")
    row = {
        "id": "i", "policy_id": "custom_all", "kind": "static", "document": json.dumps(says.model_dump(mode="json")),
        "tenant_id": "default", "version": 1, "created_at": "t", "updated_at": "t",
    }  # fmt: skip
    made = compiled(BASE, TenantRows(1, (row,), ()))
    assert "custom_all" in {policy.id for policy in made.engine.policies}
    assert "custom_all" not in {policy.id for policy in made.storage.policies}
    assert any("custom_all" in fault for fault in made.faults)
