"""Which policies an override can lift (wire 1.8). Asked again of every match at its use, as policies change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axonflow_hooks.agent.grants.refusals import GrantRefused

if TYPE_CHECKING:
    from axonflow_hooks.agent.policies.compiling import PolicySet
    from axonflow_hooks.wire.overrides import PolicyType
    from axonflow_hooks.wire.words import Action, RiskLevel


@dataclass(frozen=True, slots=True)
class Target:
    """A policy that somebody wants lifted: all that it may do to a call."""

    id: str
    name: str
    policy_type: PolicyType
    severity: RiskLevel
    allow_override: bool
    actions: frozenset[Action]


def liftable(policies: PolicySet, policy_id: str) -> Target:
    """Give the policy of this id. Raises GrantRefused: 404 for none, 403 for one that no override lifts."""
    target = _static(policies, policy_id) or _dynamic(policies, policy_id)
    if target is None:
        raise GrantRefused(404, "Policy not found")
    if target.severity == "critical":
        raise GrantRefused(403, f"{target.id} is of critical risk: no override lifts it")
    if not target.allow_override:
        raise GrantRefused(403, f"{target.id} does not admit overrides")
    if "block" in target.actions:
        return target
    if "require_approval" in target.actions:
        raise GrantRefused(403, f"{target.id} asks a person about each call: approve the call instead")
    raise GrantRefused(403, f"{target.id} does not block anything: there is nothing to lift")


def _static(policies: PolicySet, policy_id: str) -> Target | None:
    for policy in policies.engine.policies:
        if policy.id == policy_id:
            actions = frozenset({policy.action_request, policy.action_response, *policy.action_by_kind.values()})
            return Target(policy.id, policy.name, "static", policy.severity, policy.allow_override, actions)
    return None


def _dynamic(policies: PolicySet, policy_id: str) -> Target | None:
    for rule in policies.rules:
        if policy_id in {rule.policy.policy_id, rule.policy.id}:
            action = rule.action(None)
            severity = rule.severity(action)
            return Target(
                rule.policy.policy_id,
                rule.policy.says.name,
                "dynamic",
                severity,
                severity != "critical",
                frozenset({action}),
            )
    return None
