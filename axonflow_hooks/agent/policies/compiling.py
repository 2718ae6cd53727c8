"""The set of policies that is evaluated for one tenant, compiled of what is shipped and what the tenant has written.

What cannot be used is left out and named: a fault of one row must not take the others out of use.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from axonflow_hooks.agent.policies.breadth import masks_of
from axonflow_hooks.agent.policies.fitting import fitting
from axonflow_hooks.agent.policies.patterns import rejection
from axonflow_hooks.agent.policies.rules import in_order, rule_of
from axonflow_hooks.agent.policies.seeds import dynamic_of_row, system_dynamic
from axonflow_hooks.agent.policies.static import honoured_overrides, overridden, static_of_row
from axonflow_hooks.agent.tables.records import now
from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import Engine

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping, Sequence

    from axonflow_hooks.agent.policies.evaluation import Outcome
    from axonflow_hooks.agent.policies.rules import DynamicPolicy, Rule
    from axonflow_hooks.agent.policies.static import Override
    from axonflow_hooks.agent.store.policies import TenantRows
    from axonflow_hooks.policy import Policy


@dataclass(frozen=True, slots=True)
class PolicySet:
    """What is evaluated for one tenant: the engine of its static policies, and its dynamic ones in their order.

    `storage` masks what is stored: policies that an override has switched off still count there, those of the tenant
    that find ordinary text do not (`breadth`). `faults` are rows of the tenant that were left out. `expires_at` is when
    the next of its overrides ends. `outcomes` are those of `rules` that were found already (`applied`).
    """

    engine: Engine
    storage: Engine
    rules: tuple[Rule, ...] = ()
    revision: int = 0
    base: Engine | None = None
    expires_at: str | None = None
    faults: tuple[str, ...] = ()
    outcomes: dict[Hashable, Outcome] = field(default_factory=dict, init=False, repr=False, compare=False)

    def expired(self) -> bool:
        """Tell whether an override in it has ended, so that it must not be used any more."""
        return self.expires_at is not None and now() >= self.expires_at


def compiled(base: Engine, rows: TenantRows, known: PolicySet | None = None) -> PolicySet:
    """Give the set of a tenant from the built-in and pack policies and from what it has written.

    The engine of `known`, the set before, is taken over where the static policies are the same. A row that another
    release wrote, or whose name a pack has taken, is left out and named in `faults`.
    """
    made = (base,) if known is None else (base, known.engine, known.storage)
    overrides, not_honoured = honoured_overrides(base.policies, rows.overrides, rows.unproven)
    readable, unreadable = _own_static(rows, {policy.id for policy in base.policies})
    shipped = tuple(overridden(policy, _static(overrides.get(policy.id))) for policy in base.policies)
    engine, own, misfits = _together(shipped, readable, rows, made)
    narrow, broad = masks_of(own)
    dynamic, lost = dynamic_policies(rows, overrides)
    switched_off = any(override.enabled is False for override in overrides.values() if override.kind == "static")
    ends = [override.expires_at for override in overrides.values() if override.expires_at is not None]
    return PolicySet(
        engine=engine,
        storage=_engine((*base.policies, *narrow), made) if switched_off or broad else engine,
        rules=tuple(rule_of(policy) for policy in in_order(dynamic) if policy.enabled),
        revision=rows.revision,
        base=base,
        expires_at=min(ends, default=None),
        faults=(
            *not_honoured,
            *(f"{name} as its author wrote it: it was changed past the agent" for name in sorted(rows.altered)),
            *unreadable,
            *misfits,
            *(f"{policy.id} as a mask of what is stored: it finds ordinary text" for policy in broad),
            *lost,
        ),
    )


def dynamic_policies(rows: TenantRows, overrides: Mapping[str, Override]) -> tuple[list[DynamicPolicy], list[str]]:
    """Give the system's dynamic policies, switched as the overrides say, and the tenant's own; and what is left out."""
    found, faults = [], []
    for policy in system_dynamic():
        override = overrides.get(policy.policy_id)
        switched = override.enabled if override is not None and override.kind == "dynamic" else None
        found.append(policy if switched is None else replace(policy, enabled=switched))
    for row in rows.policies:
        if row["kind"] == "dynamic":
            try:
                found.append(dynamic_of_row(row))
            except ValueError:
                faults.append(f"the dynamic policy {row['policy_id']} cannot be read")
    return found, faults


def _engine(policies: tuple[Policy, ...], made: tuple[Engine, ...]) -> Engine:
    """Give an engine of these policies, one that is made already where there is one. Raises PolicyPackError."""
    return next((engine for engine in made if engine.policies == policies), None) or Engine(policies)


def _together(
    shipped: tuple[Policy, ...], own: list[Policy], rows: TenantRows, made: tuple[Engine, ...]
) -> tuple[Engine, list[Policy], list[str]]:
    """Give an engine of as many policies as compile together, the tenant's own among them, and what is left out."""

    def compiles(policies: Sequence[Policy]) -> bool:
        try:
            _engine((*shipped, *policies), made)
        except PolicyPackError:
            return False
        return True

    try:
        return _engine((*shipped, *own), made), own, []
    except PolicyPackError as error:  # each pattern is good, but not all of them together
        why = str(error)
    kept, left_out = fitting(own, {row["policy_id"]: row["updated_at"] for row in rows.policies}, compiles)
    faults = [f"the policy {policy.id} does not compile with the others: {why}" for policy in left_out]
    return _engine((*shipped, *kept), made), kept, faults


def _static(override: Override | None) -> Override | None:
    return override if override is not None and override.kind == "static" else None


def _own_static(rows: TenantRows, taken: set[str]) -> tuple[list[Policy], list[str]]:
    """Give the tenant's static policies, and what is left out: what cannot be read, or whose name is `taken`."""
    own, faults = [], []
    for row in rows.policies:
        if row["kind"] != "static":
            continue
        try:
            policy = static_of_row(row)
        except ValueError:
            faults.append(f"the policy {row['policy_id']} cannot be read")
            continue
        fault = "its name is taken" if policy.policy_id in taken else rejection(policy.says.pattern)
        if fault is not None:
            faults.append(f"the policy {policy.policy_id} is not in use: {fault}")
            continue
        own.append(policy.compiled())
    return own, faults
