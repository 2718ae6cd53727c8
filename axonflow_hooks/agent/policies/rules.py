"""Dynamic policies (wire 1.12): what they say, whether it makes sense, and the same ready to be evaluated."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from axonflow_hooks.agent.policies.facts import ALWAYS_THERE, TEXT_FIELDS, is_field
from axonflow_hooks.agent.policies.operators import OPERATORS, normalised, prepared, value_fault
from axonflow_hooks.wire.dynamic_policies import (
    MAX_VALUES,
    Condition,
    DynamicAction,
    DynamicPolicyCreate,
    DynamicPolicyView,
)
from axonflow_hooks.wire.words import ACTIONS_BY_STRENGTH, Phase, RiskLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from axonflow_hooks.agent.policies.operators import Test
    from axonflow_hooks.wire.words import Action

DYNAMIC_PREFIX: Final = "dynamic-"
"""Every category of a dynamic policy starts so, and no other does: by it a match tells where it came from."""

CATEGORIES: Final = ("dynamic-risk", "dynamic-compliance", "dynamic-security", "dynamic-cost", "dynamic-access")
ACTION_TYPES: Final = ("block", "require_approval", "redact", "alert", "log", "route", "modify_risk")
MAX_MESSAGE_CHARS: Final = 500

_ALIASES: Final = {"warn": "alert"}
_SEVERITIES: Final = get_args(RiskLevel)
_PHASES: Final[tuple[Phase, ...]] = get_args(Phase)
_STRENGTH: Final[Mapping[str, Action]] = {
    "block": "block", "require_approval": "require_approval", "redact": "redact", "alert": "warn", "log": "log",
    "modify_risk": "log",
}  # fmt: skip
_SEVERITY_BY_ACTION: Final[Mapping[Action, RiskLevel]] = {
    "block": "high", "require_approval": "high", "redact": "medium", "warn": "medium", "log": "low", "none": "low",
}  # fmt: skip
_PRIVATE: Final = ("pii-*", "sensitive-data", "code-secrets")


def action_strength(kind: str) -> Action:
    """Give what an action of a dynamic policy does to every call that it is taken on; a route depends on the call."""
    return _STRENGTH.get(kind, "log")


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with a body, and where (`details` of the coded envelope, wire 1.2)."""

    field: str
    message: str


@dataclass(frozen=True, slots=True)
class DynamicPolicy:
    """One dynamic policy with its history; `tier` is system or tenant."""

    id: str
    policy_id: str
    says: DynamicPolicyCreate
    tier: Literal["system", "tenant"]
    tenant_id: str | None
    version: int
    created_at: str
    updated_at: str
    created_by: str | None
    updated_by: str | None
    enabled: bool

    def view(self) -> DynamicPolicyView:
        """Give the policy as the contract shows it."""
        return DynamicPolicyView(
            id=self.id,
            policy_id=self.policy_id,
            name=self.says.name,
            description=self.says.description,
            type=self.says.type,
            category=self.says.category,
            tier=self.tier,
            conditions=self.says.conditions,
            actions=self.says.actions,
            priority=self.says.priority,
            enabled=self.enabled,
            version=self.version,
            tags=self.says.tags,
            tenant_id=self.tenant_id,
            created_at=self.created_at,
            updated_at=self.updated_at,
            created_by=self.created_by,
            updated_by=self.updated_by,
        )


@dataclass(frozen=True, slots=True)
class Rule:
    """A dynamic policy, ready to be evaluated on `planes`: its conditions as (field, test).

    `needs` are fields without a value of which it cannot match.
    """

    policy: DynamicPolicy
    tests: tuple[tuple[str, Test], ...]
    planes: frozenset[Phase]
    reads_text: bool
    needs: frozenset[str]

    def action(self, provider: object) -> Action:
        """Give the strongest of its actions, for a call to `provider` (None where none is known)."""
        asked = [_action(action, provider) for action in self.policy.says.actions]
        return min(asked, key=ACTIONS_BY_STRENGTH.index)

    def severity(self, action: Action) -> RiskLevel:
        """Give the severity of a match: what an action's config says, else what goes with the action."""
        named = [action.config["severity"] for action in self.policy.says.actions if "severity" in action.config]
        return min(named, key=_SEVERITIES[::-1].index) if named else _SEVERITY_BY_ACTION[action]

    @property
    def message(self) -> str:
        """What people are told of a match."""
        messages = (str(action.config.get("message", "")) for action in self.policy.says.actions)
        return next(filter(None, messages), self.policy.says.description or self.policy.says.name)

    @property
    def adjustment(self) -> float:
        """By how much a match moves the risk score."""
        moves = (a.config["adjustment"] for a in self.policy.says.actions if a.type == "modify_risk")
        return float(sum(moves))

    @property
    def categories(self) -> tuple[str, ...]:
        """The categories whose findings a match masks; a trailing `*` stands for any ending."""
        for action in self.policy.says.actions:
            if action.type == "redact" and "categories" in action.config:
                return tuple(action.config["categories"])
        return () if self.reads_text else _PRIVATE


def rule_of(policy: DynamicPolicy) -> Rule:
    """Give the rule of a policy without faults."""
    says = policy.says
    fields = {condition.field for condition in says.conditions}
    planes = {TEXT_FIELDS[name] for name in fields & TEXT_FIELDS.keys()}
    tests = []
    for condition in says.conditions:
        operator = normalised(condition.operator)
        if operator is None:
            raise ValueError(f"operator of {policy.policy_id}")
        tests.append((condition.field, prepared(operator, condition.value)))
    # What costs little is asked first.
    tests.sort(key=lambda test: test[0] in TEXT_FIELDS)
    needs = {name for name, test in tests if not test.negated and name not in ALWAYS_THERE}
    return Rule(policy, tuple(tests), frozenset(planes or _PHASES), bool(planes), frozenset(needs))


def in_order(policies: Iterable[DynamicPolicy]) -> tuple[DynamicPolicy, ...]:
    """Give policies in the order of their evaluation: the highest priority first."""
    return tuple(sorted(policies, key=lambda policy: (-policy.says.priority, policy.policy_id)))


def checked(says: DynamicPolicyCreate) -> tuple[DynamicPolicyCreate, list[Fault]]:
    """Give what a policy says with its operators and action types normalised, and all that is wrong with it."""
    faults = []
    if says.category not in CATEGORIES:
        faults.append(Fault("category", f"must be one of {', '.join(CATEGORIES)}"))
    conditions = []
    for number, condition in enumerate(says.conditions):
        operator = normalised(condition.operator)
        faults += _condition_faults(f"conditions[{number}]", condition)
        conditions.append(condition.model_copy(update={"operator": operator or condition.operator}))
    if {condition.field for condition in conditions} >= TEXT_FIELDS.keys():
        faults.append(Fault("conditions", "query and response are never there at the same time"))
    actions = []
    for number, action in enumerate(says.actions):
        known = action.model_copy(update={"type": _ALIASES.get(action.type, action.type)})
        faults += _action_faults(f"actions[{number}]", known)
        actions.append(known)
    return says.model_copy(update={"conditions": conditions, "actions": actions}), faults


def to_document(says: DynamicPolicyCreate) -> dict[str, Any]:
    """Give what a policy says as it is stored and exported."""
    return says.model_dump(mode="json", exclude={"organization_id"})


def category_matches(category: str, patterns: Sequence[str]) -> bool:
    """Tell whether a category is one of `patterns` (`pii-*` or whole names)."""
    return any(category.startswith(p[:-1]) if p.endswith("*") else category == p for p in patterns)


def _condition_faults(where: str, condition: Condition) -> list[Fault]:
    operator = normalised(condition.operator)
    if not is_field(condition.field):
        return [Fault(f"{where}.field", "is no field that conditions can ask about")]
    if operator is None:
        return [Fault(f"{where}.operator", f"must be one of {', '.join(OPERATORS)}")]
    value = condition.value
    if isinstance(value, list) and len(value) > MAX_VALUES:
        return [Fault(f"{where}.value", f"has more than {MAX_VALUES} values")]
    fault = value_fault(operator, value)
    return [Fault(f"{where}.value", fault)] if fault else []


def _action_faults(where: str, action: DynamicAction) -> list[Fault]:
    if action.type not in ACTION_TYPES:
        hint = ": a policy only adds protection, exceptions are overrides" if action.type == "allow" else ""
        return [Fault(f"{where}.type", f"must be one of {', '.join(ACTION_TYPES)}{hint}")]
    config, faults = action.config, []
    message = config.get("message", "")
    if not isinstance(message, str) or len(message) > MAX_MESSAGE_CHARS:
        faults.append(Fault(f"{where}.config.message", f"must be text of at most {MAX_MESSAGE_CHARS} characters"))
    if config.get("severity", "low") not in _SEVERITIES:
        faults.append(Fault(f"{where}.config.severity", f"must be one of {', '.join(_SEVERITIES)}"))
    if action.type == "route" and not _is_words(config.get("allowed_providers")):
        faults.append(Fault(f"{where}.config.allowed_providers", "must be a list of provider names"))
    if action.type == "redact" and not _is_words(config.get("categories", ["x"])):
        faults.append(Fault(f"{where}.config.categories", "must be a list of categories"))
    adjustment = config.get("adjustment")
    if action.type == "modify_risk" and (
        isinstance(adjustment, bool) or not isinstance(adjustment, (int, float)) or not -1 <= adjustment <= 1
    ):
        faults.append(Fault(f"{where}.config.adjustment", "must be a number from -1 to 1"))
    if len(json.dumps(config)) > 8 * MAX_MESSAGE_CHARS:
        faults.append(Fault(f"{where}.config", "is too large"))
    return faults


def _is_words(value: object) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, str) and item for item in value)


def _action(action: DynamicAction, provider: object) -> Action:
    if action.type == "route":
        return "block" if provider is not None and provider not in action.config["allowed_providers"] else "log"
    return _STRENGTH[action.type]
