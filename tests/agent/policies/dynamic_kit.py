"""Makes dynamic policies for tests."""

from __future__ import annotations

from typing import Any

from axonflow_hooks.agent.policies.rules import DynamicPolicy, Rule, checked, rule_of
from axonflow_hooks.wire.dynamic_policies import DynamicPolicyCreate


def condition(field: str, operator: str, value: Any) -> dict[str, Any]:
    return {"field": field, "operator": operator, "value": value}


def says(*conditions: dict[str, Any], **fields: Any) -> DynamicPolicyCreate:
    """Give what a policy says, as it would come over REST; an action that is only a type stands for itself."""
    actions = [{"type": a} if isinstance(a, str) else a for a in fields.pop("actions", ["alert"])]
    body = {"name": "test", "conditions": list(conditions), "actions": actions, **fields}
    return DynamicPolicyCreate.model_validate(body, strict=True)


def policy(*conditions: dict[str, Any], policy_id: str = "dyn_test", **fields: Any) -> DynamicPolicy:
    normal, faults = checked(says(*conditions, **fields))
    assert not faults
    return DynamicPolicy(
        id=policy_id,
        policy_id=policy_id,
        says=normal,
        tier="tenant",
        tenant_id="default",
        version=1,
        created_at="2026-01-01T00:00:00.000000Z",
        updated_at="2026-01-01T00:00:00.000000Z",
        created_by="x",
        updated_by="x",
        enabled=normal.enabled,
    )


def rule(*conditions: dict[str, Any], **fields: Any) -> Rule:
    return rule_of(policy(*conditions, **fields))
