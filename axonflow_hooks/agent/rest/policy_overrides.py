"""Overrides of static policies: /api/v1/static-policies/{id}/override (wire 1.11)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.policies.catalogue import catalogue_of, override_view
from axonflow_hooks.agent.policies.editing import override_end
from axonflow_hooks.agent.policies.overriding import Wish, checked_end
from axonflow_hooks.agent.policies.static import weakens
from axonflow_hooks.agent.policies.weakening import ending_loses
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.agent.rest.policy_calls import deleted, edit, override, refusing, told
from axonflow_hooks.wire.policies import PolicyOverrideCreate, PolicyOverrides, PolicyOverrideView

if TYPE_CHECKING:
    from axonflow_hooks.agent.policies.static import Override
    from axonflow_hooks.agent.runtime import Agent


async def _overrides(agent: Agent, call: RestCall) -> RestReply:
    known = await catalogue_of(agent, call.caller.tenant_id)
    found = [view.override for view in known.static_views() if view.override is not None]
    return told(PolicyOverrides(overrides=found, count=len(found)))


async def _create_override(agent: Agent, call: RestCall) -> RestReply:
    given = call.read(PolicyOverrideCreate, missing="override_reason is required")
    if given.action_override is None and given.enabled_override is None:
        raise RestRefused(400, "action_override or enabled_override is required")
    if not given.override_reason.strip():
        raise RestRefused(400, "override_reason is required")
    key = call.path["policy_id"]
    known = await catalogue_of(agent, call.caller.tenant_id)
    base = known.base.get(key)
    if base is None:
        if known.static_view(key) is None:
            raise RestRefused(404, "Policy not found")
        raise RestRefused(400, "This policy is the tenant's own: change it instead of overriding it")
    if known.override(base.id) is not None:
        raise RestRefused(409, "The policy has an override already: delete it first")
    wish = Wish(
        kind="static",
        policy_id=base.id,
        policy_name=base.name,
        severity=base.severity,
        lifts=weakens(base, action=given.action_override, enabled=given.enabled_override),
        reason=given.override_reason.strip(),
        action=given.action_override,
        enabled=given.enabled_override,
        expires_at=_end(given.expires_at),
    )
    await override(agent, call, wish)
    after = await catalogue_of(agent, call.caller.tenant_id)
    view, made = after.static_view(base.id), after.override(base.id)
    if view is None or made is None:
        raise RestRefused(409, "The override has been deleted meanwhile")
    return told(override_view(made, view.action), 201)


async def _delete_override(agent: Agent, call: RestCall) -> RestReply:
    key = call.path["policy_id"]
    known = await catalogue_of(agent, call.caller.tenant_id)
    if known.static_view(key) is None:
        raise RestRefused(404, "Policy not found")
    base = known.base.get(key)

    def loses(ending: Override) -> bool:
        return base is not None and ending.kind == "static" and ending_loses(base, ending)

    await edit(agent, call, lambda connection: [override_end(connection, call.caller, key, loses)])
    return deleted()


def _end(expires_at: str | None) -> str | None:
    with refusing():
        return checked_end(expires_at)


_route: Final = partial(Endpoint, tag="static policies", envelope="status")
_ALL: Final = "/api/v1/static-policies"

ENDPOINTS: Final = (
    _route("GET", f"{_ALL}/overrides", _overrides, "The live overrides of policies", answers={200: PolicyOverrides}),
    _route(
        "POST",
        f"{_ALL}/{{policy_id}}/override",
        _create_override,
        "Override a policy of the system or a pack; what lifts protection needs a person (X-Axonflow-Presence)",
        body=PolicyOverrideCreate,
        answers={201: PolicyOverrideView, 404: None, 409: None, 410: None, 429: None},
    ),
    _route(
        "DELETE",
        f"{_ALL}/{{policy_id}}/override",
        _delete_override,
        "Delete the override of a policy, which is then again what it ships as",
        answers={204: None, 404: None},
    ),
)
