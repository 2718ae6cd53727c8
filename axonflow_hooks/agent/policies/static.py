"""Static policies of a tenant as policies of the engine, and the overrides of those that it did not write."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.tables.records import now
from axonflow_hooks.policy import Policy
from axonflow_hooks.policy.model import STATEMENT_KINDS, Matcher
from axonflow_hooks.wire.policies import StaticPolicyCreate
from axonflow_hooks.wire.words import ACTIONS_BY_STRENGTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from axonflow_hooks.wire.policies import OverrideAction
    from axonflow_hooks.wire.words import Action

TENANT_GROUP: Final = "tenant"
"""The patterns of a tenant are scanned together, in the text as it came."""


@dataclass(frozen=True, slots=True)
class StaticPolicy:
    """One pattern policy of a tenant with its history."""

    id: str
    policy_id: str
    says: StaticPolicyCreate
    tenant_id: str
    version: int
    created_at: str
    updated_at: str

    def compiled(self) -> Policy:
        """Give the policy as the engine takes it: on both planes, for every kind of text."""
        says = self.says
        # An `allow` notes a match. It lifts nothing: exceptions are overrides, which a person grants.
        action: Action = "log" if says.action == "allow" else says.action
        return Policy(
            id=self.policy_id,
            name=says.name,
            description=says.description or f"The text matches the policy {says.name}.",
            category=says.category,
            severity=says.severity,
            phases=frozenset(("request", "response")),
            scope=frozenset(STATEMENT_KINDS),
            action_request=action,
            action_response=action,
            allow_override=says.severity != "critical",
            group=TENANT_GROUP,
            kind=self.policy_id,
            matchers=(Matcher(pattern=says.pattern, standalone=True),),
            flag=(),
            clean=(),
            enabled=says.enabled,
        )


def static_of_row(row: Mapping[str, Any]) -> StaticPolicy:
    """Give the policy of a row of the table `policies`. Raises ValueError for a document of another release."""
    return StaticPolicy(
        id=row["id"],
        policy_id=row["policy_id"],
        says=StaticPolicyCreate.model_validate(json.loads(row["document"])),
        tenant_id=row["tenant_id"],
        version=row["version"],
        created_at=row["created_at"],
        updated_at=row["updated_at"],
    )


@dataclass(frozen=True, slots=True)
class Override:
    """Another action or switch for one policy, until `expires_at` (RFC 3339, fixed width) where it has an end."""

    id: str
    policy_id: str
    kind: str
    action: OverrideAction | None
    enabled: bool | None
    reason: str
    expires_at: str | None
    created_by: str
    created_at: str

    def live(self, moment: str) -> bool:
        """Tell whether it holds at a moment."""
        return self.expires_at is None or moment < self.expires_at


def override_of_row(row: Mapping[str, Any]) -> Override:
    """Give the override of a row of the table `policy_overrides`."""
    enabled = row["enabled_override"]
    return Override(
        id=row["id"],
        policy_id=row["policy_id"],
        kind=row["kind"],
        action=row["action_override"],
        enabled=None if enabled is None else bool(enabled),
        reason=row["override_reason"],
        expires_at=row["expires_at"],
        created_by=row["created_by"],
        created_at=row["created_at"],
    )


def live_overrides(rows: Iterable[Mapping[str, Any]], moment: str) -> dict[str, Override]:
    """Give the overrides that hold at a moment, by policy."""
    return {found.policy_id: found for found in map(override_of_row, rows) if found.live(moment)}


def honoured_overrides(
    base: Iterable[Policy], rows: Iterable[Mapping[str, Any]], unproven: AbstractSet[str]
) -> tuple[dict[str, Override], list[str]]:
    """Give the overrides that hold now, by policy, and what is left out.

    One that this agent has not written, or not so (`unproven`), holds only where it lifts no protection.
    """
    found = live_overrides(rows, now())
    if not unproven & found.keys():
        return found, []
    faults = []
    policies = {policy.id: policy for policy in base}
    for policy_id in sorted(unproven & found.keys()):
        override, policy = found[policy_id], policies.get(policy_id)
        lifts = override.enabled is False
        if override.kind == "static" and policy is not None:
            lifts = weakens(policy, action=override.action, enabled=override.enabled)
        if lifts:
            del found[policy_id]
            faults.append(f"the override of {policy_id}: this agent has not written it so, and it lifts protection")
    return found, faults


def overridden(policy: Policy, override: Override | None) -> Policy:
    """Give a policy as it is under an override: its action on all planes and kinds, its switch."""
    if override is None:
        return policy
    if override.enabled is not None:
        policy = replace(policy, enabled=override.enabled)
    if override.action is None:
        return policy
    return replace(
        policy,
        action_request=override.action if "request" in policy.phases else policy.action_request,
        action_response=override.action if "response" in policy.phases else policy.action_response,
        action_by_kind={},
    )


def strongest_of(policy: Policy) -> Action:
    """Give the strongest action that a policy asks for on any plane."""
    asked = [getattr(policy, f"action_{phase}") for phase in policy.phases]
    return min((*asked, *policy.action_by_kind.values()), key=ACTIONS_BY_STRENGTH.index)


def weakens(policy: Policy, *, action: OverrideAction | None, enabled: bool | None) -> bool:
    """Tell whether an override would lift protection: switch off what is on, or ask for less anywhere."""
    if enabled is False and policy.enabled:
        return True
    if action is None:
        return False
    asked = [getattr(policy, f"action_{phase}") for phase in policy.phases]
    strengths = [ACTIONS_BY_STRENGTH.index(each) for each in (*asked, *policy.action_by_kind.values())]
    return any(ACTIONS_BY_STRENGTH.index(action) > each for each in strengths)
