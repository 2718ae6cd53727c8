"""Lists policies as the contract shows them: built-in ones, the user's packs, the tenant's own (wire 1.11, 1.12)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from axonflow_hooks.agent.policies.compiling import dynamic_policies
from axonflow_hooks.agent.policies.rules import in_order
from axonflow_hooks.agent.policies.seeds import SYSTEM_SINCE
from axonflow_hooks.agent.policies.static import (
    honoured_overrides,
    overridden,
    static_of_row,
    strongest_of,
)
from axonflow_hooks.agent.store.policies import tenant_rows
from axonflow_hooks.policy import builtin_packs
from axonflow_hooks.wire.dynamic_policies import DynamicPolicyView
from axonflow_hooks.wire.policies import Pagination, PolicyListQuery, PolicyOverrideView, StaticPolicyView
from axonflow_hooks.wire.words import RISK_LEVELS_BY_WEIGHT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from axonflow_hooks.agent.policies.rules import DynamicPolicy
    from axonflow_hooks.agent.policies.static import Override, StaticPolicy
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.policies import TenantRows
    from axonflow_hooks.policy import Policy
    from axonflow_hooks.wire.policies import OverrideAction, StaticAction
    from axonflow_hooks.wire.words import RiskLevel

DEFAULT_PAGE: Final = 20
PRIORITY: Final[Mapping[RiskLevel, int]] = {"critical": 100, "high": 80, "medium": 50, "low": 10}
"""The priority of policies that state none. All policies are evaluated: it only orders lists."""

Origin = Literal["builtin", "pack", "tenant"]
ViewT = TypeVar("ViewT", StaticPolicyView, DynamicPolicyView)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All policies of a tenant at one moment, whether they are switched on or not."""

    base: Mapping[str, Policy]
    own: Sequence[StaticPolicy]
    dynamic: Sequence[DynamicPolicy]
    overrides: Mapping[str, Override]

    def static_views(self) -> list[StaticPolicyView]:
        """Give the static policies, each as it is under its override."""
        found = [base_view(policy, self.overrides.get(policy.id)) for policy in self.base.values()]
        return found + [own_view(policy) for policy in self.own]

    def static_view(self, key: str) -> StaticPolicyView | None:
        """Give one static policy by its id or its readable id."""
        if key in self.base:
            return base_view(self.base[key], self.overrides.get(key))
        return next((own_view(policy) for policy in self.own if key in (policy.id, policy.policy_id)), None)

    def dynamic_policy(self, key: str) -> DynamicPolicy | None:
        """Give one dynamic policy by its id or its readable id."""
        return next((policy for policy in self.dynamic if key in (policy.id, policy.policy_id)), None)

    def override(self, policy_id: str) -> Override | None:
        """Give the live override of a static policy."""
        found = self.overrides.get(policy_id)
        return found if found is not None and found.kind == "static" else None


async def catalogue_of(agent: Agent, tenant_id: str) -> Catalogue:
    """Read the policies of a tenant. Raises StoreUnavailable."""
    base = agent.base if agent.policies is None else agent.policies.source.engine
    rows = await agent.read(lambda connection: tenant_rows(connection, tenant_id))
    return catalogue(base.policies, rows)


def catalogue(base: Sequence[Policy], rows: TenantRows) -> Catalogue:
    """Give the catalogue of the built-in and pack policies and a tenant's rows; what cannot be read is left out."""
    overrides, _ = honoured_overrides(base, rows.overrides, rows.unproven)
    own = []
    for row in rows.policies:
        if row["kind"] == "static":
            try:
                own.append(static_of_row(row))
            except ValueError:
                continue
    dynamic, _ = dynamic_policies(rows, overrides)
    return Catalogue({policy.id: policy for policy in base}, own, in_order(dynamic), overrides)


@lru_cache(maxsize=1)
def _builtin_ids() -> frozenset[str]:
    return frozenset(policy.id for pack in builtin_packs() for policy in pack.policies)


def base_view(policy: Policy, override: Override | None = None) -> StaticPolicyView:
    """Give a built-in or pack policy as the contract shows it, under its override."""
    shown = overridden(policy, override if override is not None and override.kind == "static" else None)
    builtin = policy.id in _builtin_ids()
    action = _shown(strongest_of(shown))
    return StaticPolicyView(
        id=policy.id,
        policy_id=policy.id,
        name=policy.name,
        description=policy.description,
        category=policy.category,
        tier="system" if builtin else "tenant",
        pattern=policy.pattern_text,
        severity=policy.severity,
        enabled=shown.enabled,
        action=action,
        priority=PRIORITY[policy.severity],
        created_at=SYSTEM_SINCE,
        updated_at=SYSTEM_SINCE if override is None else override.created_at,
        version=1,
        tags=[],
        has_override=override is not None,
        override=None if override is None else override_view(override, action),
        origin="builtin" if builtin else "pack",
        **_planes(shown),
    )


def own_view(policy: StaticPolicy) -> StaticPolicyView:
    """Give a policy of the tenant as the contract shows it."""
    says, compiled = policy.says, policy.compiled()
    return StaticPolicyView(
        id=policy.id,
        policy_id=policy.policy_id,
        name=says.name,
        description=says.description,
        category=says.category,
        tier="tenant",
        pattern=says.pattern,
        severity=says.severity,
        enabled=says.enabled,
        action=says.action,
        priority=says.priority,
        organization_id=says.organization_id,
        tenant_id=policy.tenant_id,
        created_at=policy.created_at,
        updated_at=policy.updated_at,
        version=policy.version,
        tags=says.tags,
        has_override=False,
        origin="tenant",
        **_planes(compiled),
    )


def override_view(override: Override, effective: StaticAction) -> PolicyOverrideView:
    """Give an override; one that only switches shows the action that holds, because clients need one."""
    action: OverrideAction = override.action or ("log" if effective == "allow" else effective)
    return PolicyOverrideView(
        id=override.id,
        policy_id=override.policy_id,
        action_override=action,
        enabled_override=override.enabled,
        override_reason=override.reason,
        created_by=override.created_by,
        created_at=override.created_at,
        expires_at=override.expires_at,
    )


def page_of(views: Sequence[ViewT], wanted: PolicyListQuery) -> tuple[list[ViewT], Pagination]:
    """Filter, sort and cut a list, by page or by offset (wire 1.11)."""
    found = [view for view in views if _wanted(view, wanted)]
    if wanted.sort_by is not None:
        descending = (wanted.sort_order or wanted.sort_dir) == "desc"
        found.sort(key=_sort_key(wanted.sort_by), reverse=descending)
    size = wanted.limit or wanted.page_size or DEFAULT_PAGE
    start = ((wanted.page or 1) - 1) * size if wanted.offset is None else wanted.offset
    pagination = Pagination(
        page=start // size + 1,
        page_size=size,
        total_items=len(found),
        total=len(found),
        total_pages=-(-len(found) // size),
        limit=size,
        offset=start,
    )
    return found[start : start + size], pagination


def _wanted(view: StaticPolicyView | DynamicPolicyView, wanted: PolicyListQuery) -> bool:
    # A filter that the kind does not have (type, severity) hides nothing.
    for name in ("category", "tier", "enabled", "severity", "type", "organization_id"):
        value = getattr(wanted, name)
        if value is not None and getattr(view, name, value) != value:
            return False
    search = (wanted.search or "").lower()
    return search in view.name.lower() or search in view.policy_id.lower() or search in view.description.lower()


def _sort_key(name: str) -> Callable[[Any], tuple[Any, str]]:
    def key(view: Any) -> tuple[Any, str]:
        value = getattr(view, name, "")
        # Ascending is from low to critical.
        return (-RISK_LEVELS_BY_WEIGHT.index(value) if name == "severity" and value else value), view.policy_id

    return key


def _planes(policy: Policy) -> dict[str, Any]:
    planes = policy.phases
    return {
        "allow_override": policy.allow_override,
        "phase": "both" if len(planes) > 1 else next(iter(planes)),
        "action_request": _shown(policy.action_request) if "request" in planes else None,
        "action_response": _shown(policy.action_response) if "response" in planes else None,
        "scope": sorted(policy.scope),
        "references": list(policy.references),
        "integration": policy.integration,
    }


def _shown(action: str) -> Any:
    return "log" if action == "none" else action
