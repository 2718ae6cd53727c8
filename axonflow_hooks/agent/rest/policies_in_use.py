"""Whether a tenant's static policies are in use, as the answers about them say.

Each pattern is good by itself, but all of a tenant's together may be too much (see `policies.fitting`). What would have
to be left out is refused when it is written; what is left out all the same (another replica wrote at that moment, this
release has less room than the one before) is shown as such.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anyio import to_thread

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.policies.static import TENANT_GROUP, StaticPolicy
from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import Engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from axonflow_hooks.agent.policies.compiling import PolicySet
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.policy import Policy
    from axonflow_hooks.wire.policies import StaticPolicyCreate, StaticPolicyView

_UNKNOWN: Final = "this agent does not use it, or not yet: see GET /api/v1/static-policies/status"


async def refuse_misfit(agent: Agent, call: RestCall, policy_id: str, says: StaticPolicyCreate) -> None:
    """Refuse a policy that does not compile together with the others. Raises RestRefused 400 and StoreUnavailable."""
    tenant_id = call.caller.tenant_id
    wanted = StaticPolicy("", policy_id, says, tenant_id, version=0, created_at="", updated_at="").compiled()
    own = [known for known in (await agent.policies_of(tenant_id)).engine.policies if known.group == TENANT_GROUP]
    others = [known for known in own if known.id != policy_id]
    fault = await to_thread.run_sync(_fault, [*others, wanted])
    if fault is not None:
        why = f"it does not compile together with this tenant's {len(others)} other policies ({fault})"
        raise RestRefused(400, f"Invalid regex pattern: {why}. Nothing was changed")


async def shown_in_use(agent: Agent, call: RestCall, views: Iterable[StaticPolicyView]) -> list[StaticPolicyView]:
    """Give views in which each policy of the tenant that is not in use says so, and why."""
    current = await agent.policies_of(call.caller.tenant_id)
    return [_marked(current, view) for view in views]


def _marked(current: PolicySet, view: StaticPolicyView) -> StaticPolicyView:
    if view.origin != "tenant" or view.policy_id in current.engine.ids:
        return view
    told = (fault for fault in current.faults if f" {view.policy_id} " in f" {fault} ")
    return view.model_copy(update={"not_in_use": next(told, _UNKNOWN)})


def _fault(policies: Sequence[Policy]) -> str | None:
    # Groups are compiled one by one: those of the system need not be looked at for this one.
    try:
        Engine(policies)
    except PolicyPackError as error:
        return error.message
    return None
