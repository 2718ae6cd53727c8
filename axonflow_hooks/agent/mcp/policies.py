"""The tool `list_policies` (wire 1.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel

from axonflow_hooks.agent.mcp.calls import ToolReply, read_arguments
from axonflow_hooks.agent.policies.catalogue import catalogue_of
from axonflow_hooks.agent.policies.rules import rule_of
from axonflow_hooks.wire.words import RiskLevel

if TYPE_CHECKING:
    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.policies.rules import DynamicPolicy
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.wire.policies import StaticPolicyView


_SHOWN_BUILTIN: Final = {
    "id", "name", "category", "severity", "action", "enabled", "phase", "tier", "override", "integration",
}  # fmt: skip
_SHOWN_OWN: Final = _SHOWN_BUILTIN | {"policy_id", "description", "pattern", "references", "scope", "origin"}
_SHOWN_DYNAMIC: Final = {
    "id", "policy_id", "name", "description", "type", "category", "tier", "conditions", "actions", "priority",
    "enabled",
}  # fmt: skip


class _Arguments(BaseModel):
    category: str | None = None
    severity: RiskLevel | None = None


async def list_policies(agent: Agent, call: ToolCall) -> ToolReply:
    """Give the policies of the system, of the user's packs and of the tenant, each with where it comes from."""
    given = read_arguments(_Arguments, call.arguments, missing="")
    known = await catalogue_of(agent, call.caller.tenant_id)
    static = map(_static, known.static_views())
    found = [
        policy
        for policy in (*static, *map(_dynamic, known.dynamic))
        if given.category in (None, policy["category"]) and given.severity in (None, policy["severity"])
    ]
    value: dict[str, Any] = {"policies": found, "count": len(found)}
    current = await agent.policies_of(call.caller.tenant_id)
    faults = [] if agent.policies is None else agent.policies.faults(current)
    if faults:
        value["faults"] = faults
    return ToolReply(value)


def _static(view: StaticPolicyView) -> dict[str, Any]:
    # Everything stands in the REST routes: with all patterns and references the list would fill a model's context.
    shown = view.model_dump(exclude_none=True, include=_SHOWN_BUILTIN if view.origin == "builtin" else _SHOWN_OWN)
    if view.phase == "both":  # what most are
        del shown["phase"]
    return {**shown, "source": "static"}


def _dynamic(policy: DynamicPolicy) -> dict[str, Any]:
    rule = rule_of(policy)
    action = rule.action(None)
    return {
        **policy.view().model_dump(exclude_none=True, include=_SHOWN_DYNAMIC),
        "action": action,
        "severity": rule.severity(action),
        "source": "dynamic",
    }
