"""Dynamic policies: /api/v1/dynamic-policies (wire 1.12); trials, import and export stand in `dynamic_tools`."""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.policies.catalogue import catalogue_of, page_of
from axonflow_hooks.agent.policies.editing import change_of, creation, override_end, row_of
from axonflow_hooks.agent.policies.overriding import Wish
from axonflow_hooks.agent.policies.rules import Rule, rule_of, to_document
from axonflow_hooks.agent.policies.seeds import system_dynamic
from axonflow_hooks.agent.policies.weakening import dynamic_losses
from axonflow_hooks.agent.rest.dynamic_tools import ENDPOINTS as TOOLS
from axonflow_hooks.agent.rest.dynamic_tools import read_coded, without_faults
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.agent.rest.policy_calls import deleted, edit, override, redacted, tenant_only, told
from axonflow_hooks.agent.rest.policy_texts import refuse_private
from axonflow_hooks.wire.dynamic_policies import (
    DynamicPolicies,
    DynamicPolicyCreate,
    DynamicPolicyPage,
    DynamicPolicyReply,
    DynamicPolicyUpdate,
)
from axonflow_hooks.wire.policies import PolicyListQuery

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection

    from axonflow_hooks.agent.policies.editing import Planned
    from axonflow_hooks.agent.policies.rules import DynamicPolicy
    from axonflow_hooks.agent.policies.static import Override
    from axonflow_hooks.agent.runtime import Agent

_IMMUTABLE: Final = "System policies cannot be changed or deleted: only enabled can be set"


async def _list(agent: Agent, call: RestCall) -> RestReply:
    wanted = call.read_query(PolicyListQuery)
    known = await catalogue_of(agent, call.caller.tenant_id)
    policies, pagination = page_of([policy.view() for policy in known.dynamic], wanted)
    return told(DynamicPolicyPage(policies=policies, pagination=pagination))


async def _effective(agent: Agent, call: RestCall) -> RestReply:
    known = await catalogue_of(agent, call.caller.tenant_id)
    found = [policy.view() for policy in known.dynamic if policy.enabled]
    return told(DynamicPolicies(policies=found, count=len(found)))


async def _get(agent: Agent, call: RestCall) -> RestReply:
    return _reply(await _found(agent, call, call.path["policy_id"]))


async def _create(agent: Agent, call: RestCall) -> RestReply:
    given = without_faults(read_coded(call, DynamicPolicyCreate))
    await refuse_private(agent, call, given)
    tenant_only(given.tier)
    made = creation("dynamic", await redacted(agent, call, given.name), to_document(given))
    (row,) = await edit(agent, call, lambda _: [made])
    return _reply(await _found(agent, call, row["id"]), 201)


async def _update(agent: Agent, call: RestCall) -> RestReply:
    given = read_coded(call, DynamicPolicyUpdate)
    await refuse_private(agent, call, given)
    policy = await _found(agent, call, call.path["policy_id"])
    tenant_only(given.tier or "tenant")
    if policy.tier == "system":
        if given.enabled is None or given.model_fields_set != {"enabled"}:
            raise RestRefused(403, _IMMUTABLE)
        await _switch(agent, call, policy, enabled=given.enabled)
    else:

        def plan(connection: Connection) -> Sequence[Planned]:
            row = row_of(connection, call.caller, "dynamic", policy.id)
            named = given.model_dump(mode="json", exclude_none=True, exclude={"organization_id"})
            says = DynamicPolicyCreate.model_validate({**json.loads(row["document"]), **named})
            return [change_of(row, to_document(without_faults(says)))]

        await edit(agent, call, plan)
    return _reply(await _found(agent, call, policy.id))


async def _switch(agent: Agent, call: RestCall, policy: DynamicPolicy, *, enabled: bool) -> None:
    """Switch a policy of the system: off by an override that a person grants, or back to what it ships as."""
    if policy.enabled == enabled:
        return
    ships = next(shipped.enabled for shipped in system_dynamic() if shipped.id == policy.id)
    if enabled == ships:
        shown = to_document(policy.says)

        def loses(ending: Override) -> bool:
            return bool(dynamic_losses({**shown, "enabled": ending.enabled}, {**shown, "enabled": enabled}))

        await edit(agent, call, lambda connection: [override_end(connection, call.caller, policy.id, loses)])
        return
    rule = rule_of(policy)
    wish = Wish(
        kind="dynamic",
        policy_id=policy.id,
        policy_name=policy.says.name,
        severity=_severity(rule),
        lifts=not enabled,
        reason=f"switched {'on' if enabled else 'off'}",
        enabled=enabled,
    )
    await override(agent, call, wish)


async def _delete(agent: Agent, call: RestCall) -> RestReply:
    policy = await _found(agent, call, call.path["policy_id"])
    if policy.tier == "system":
        raise RestRefused(403, _IMMUTABLE)
    await edit(agent, call, lambda tx: [change_of(row_of(tx, call.caller, "dynamic", policy.id), None)])
    return deleted()


async def _found(agent: Agent, call: RestCall, key: str) -> DynamicPolicy:
    policy = (await catalogue_of(agent, call.caller.tenant_id)).dynamic_policy(key)
    if policy is None:
        raise RestRefused(404, "Policy not found")
    return policy


def _reply(policy: DynamicPolicy, status: int = 200) -> RestReply:
    return told(DynamicPolicyReply(policy=policy.view()), status)


def _severity(rule: Rule) -> Any:
    return rule.severity(rule.action(None))


_route: Final = partial(Endpoint, tag="dynamic policies", envelope="coded")
_ALL: Final = "/api/v1/dynamic-policies"
_ONE: Final = f"{_ALL}/{{policy_id}}"

ENDPOINTS: Final = (
    _route(
        "GET",
        _ALL,
        _list,
        "Dynamic policies: those of the system and the tenant's own",
        query=PolicyListQuery,
        answers={200: DynamicPolicyPage},
    ),
    _route(
        "POST",
        _ALL,
        _create,
        "Write a dynamic policy; it holds from the next request on",
        body=DynamicPolicyCreate,
        answers={201: DynamicPolicyReply},
    ),
    _route(
        "GET",
        f"{_ALL}/effective",
        _effective,
        "The dynamic policies that are evaluated, in their order",
        answers={200: DynamicPolicies},
    ),
    _route("GET", _ONE, _get, "One dynamic policy", answers={200: DynamicPolicyReply, 404: None}),
    _route(
        "PUT",
        _ONE,
        _update,
        "Change a policy of the tenant, or switch one of the system; what protects less needs a person",
        body=DynamicPolicyUpdate,
        answers={200: DynamicPolicyReply, 404: None, 409: None, 410: None, 429: None},
    ),
    _route(
        "DELETE",
        _ONE,
        _delete,
        "Delete a policy of the tenant; where a passphrase is set, one that protects needs a person",
        answers={204: None, 404: None, 409: None, 410: None, 429: None},
    ),
    *TOOLS,
)
