"""Static policies: /api/v1/static-policies (wire 1.11)."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.policies import changes
from axonflow_hooks.agent.policies.catalogue import catalogue_of, page_of
from axonflow_hooks.agent.policies.editing import change_of, override_end, row_of
from axonflow_hooks.agent.policies.overriding import Wish
from axonflow_hooks.agent.policies.patterns import first_groups, rejection
from axonflow_hooks.agent.policies.rules import DYNAMIC_PREFIX
from axonflow_hooks.agent.policies.static import overridden, strongest_of, weakens
from axonflow_hooks.agent.policies.weakening import PROTECTING, ending_loses
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.agent.rest.policies_in_use import refuse_misfit, shown_in_use
from axonflow_hooks.agent.rest.policy_calls import (
    deleted,
    edit,
    override,
    redacted,
    tenant_only,
    told,
    versions_of,
    write,
)
from axonflow_hooks.agent.rest.policy_overrides import ENDPOINTS as OVERRIDES
from axonflow_hooks.agent.rest.policy_texts import refuse_private
from axonflow_hooks.agent.tables.records import format_time
from axonflow_hooks.wire.dynamic_policies import EffectivePolicies
from axonflow_hooks.wire.policies import (
    EffectiveQuery,
    PatternMatch,
    PatternTest,
    PatternTestResult,
    PolicyListQuery,
    PolicyStatus,
    PolicyVersions,
    StaticPolicyCreate,
    StaticPolicyPage,
    StaticPolicyUpdate,
    StaticPolicyView,
    Toggle,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from axonflow_hooks.agent.policies.catalogue import Catalogue
    from axonflow_hooks.agent.policies.editing import Planned
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.policy import Policy

_NEEDED: Final = "name, pattern and category are required"
_NOT_FOUND: Final = "Policy not found"


async def _list(agent: Agent, call: RestCall) -> RestReply:
    wanted = call.read_query(PolicyListQuery)
    known = await catalogue_of(agent, call.caller.tenant_id)
    policies, pagination = page_of(known.static_views(), wanted)
    return told(StaticPolicyPage(policies=await shown_in_use(agent, call, policies), pagination=pagination))


async def _get(agent: Agent, call: RestCall) -> RestReply:
    return await _found(agent, call, call.path["policy_id"])


async def _create(agent: Agent, call: RestCall) -> RestReply:
    given = call.read(StaticPolicyCreate, missing=_NEEDED)
    tenant_only(given.tier)
    _check(given)
    await refuse_private(agent, call, given)
    policy_id = changes.new_policy_id("static", await redacted(agent, call, given.name))
    await refuse_misfit(agent, call, policy_id, given)
    document = given.model_dump(mode="json")
    row = await write(agent, call, lambda tx: changes.create(tx, call.caller, "static", policy_id, document))
    return await _found(agent, call, row["id"], status=201)


async def _update(agent: Agent, call: RestCall) -> RestReply:
    given = call.read(StaticPolicyUpdate)
    await refuse_private(agent, call, given)
    known = await catalogue_of(agent, call.caller.tenant_id)
    base = known.base.get(call.path["policy_id"])
    if base is not None:
        raise RestRefused(403, _immutable(known, base, "modified"))
    if given.pattern is not None:
        await _refuse_changed(agent, call, known, given.pattern)

    def changed(document: dict[str, Any]) -> dict[str, Any]:
        after = StaticPolicyCreate.model_validate({**document, **given.model_dump(exclude_none=True)})
        _check(after)
        return after.model_dump(mode="json")

    (row,) = await edit(agent, call, _plan(call, changed))
    return await _found(agent, call, row["id"])


async def _refuse_changed(agent: Agent, call: RestCall, known: Catalogue, pattern: str) -> None:
    """Refuse another pattern for the policy that a path names where it would make the policy useless."""
    key = call.path["policy_id"]
    before = next((policy for policy in known.own if key in (policy.id, policy.policy_id)), None)
    if before is not None and before.says.pattern != pattern:
        _check_pattern(pattern)
        await refuse_misfit(agent, call, before.policy_id, before.says.model_copy(update={"pattern": pattern}))


def _plan(
    call: RestCall, changed: Callable[[dict[str, Any]], dict[str, Any] | None]
) -> Callable[[Connection], Sequence[Planned]]:
    """Plan what `changed` makes of the document of the policy that a path names; None deletes it."""

    def plan(connection: Connection) -> Sequence[Planned]:
        row = row_of(connection, call.caller, "static", call.path["policy_id"])
        return [change_of(row, changed(json.loads(row["document"])))]

    return plan


async def _toggle(agent: Agent, call: RestCall) -> RestReply:
    given = call.read(Toggle, missing="enabled is required")
    key = call.path["policy_id"]
    known = await catalogue_of(agent, call.caller.tenant_id)
    base = known.base.get(key)
    if base is not None:
        await _switch(agent, call, known, base, enabled=given.enabled)
    else:
        await edit(agent, call, _plan(call, lambda document: {**document, "enabled": given.enabled}))
    return await _found(agent, call, key)


async def _switch(agent: Agent, call: RestCall, known: Catalogue, base: Policy, *, enabled: bool) -> None:
    """Switch a policy of the system or a pack: by an override, or back to what it ships as."""
    before = known.override(base.id)
    if overridden(base, before).enabled == enabled:
        return
    if enabled == base.enabled and (before is None or before.action is None):
        await edit(agent, call, lambda tx: [override_end(tx, call.caller, base.id, partial(ending_loses, base))])
        return
    action = before.action if before else None
    wish = Wish(
        kind="static",
        policy_id=base.id,
        policy_name=base.name,
        severity=base.severity,
        lifts=weakens(base, action=action, enabled=enabled),
        reason=f"switched {'on' if enabled else 'off'}",
        action=action,
        enabled=enabled,
        expires_at=before.expires_at if before else None,
        replaces=before.id if before else "",
        lowers=not enabled and strongest_of(overridden(base, before)) in PROTECTING,
    )
    await override(agent, call, wish)


async def _delete(agent: Agent, call: RestCall) -> RestReply:
    key = call.path["policy_id"]
    known = await catalogue_of(agent, call.caller.tenant_id)
    if key in known.base:
        raise RestRefused(403, _immutable(known, known.base[key], "deleted"))
    await edit(agent, call, _plan(call, lambda _: None))
    return deleted()


async def _effective(agent: Agent, call: RestCall) -> RestReply:
    wanted = call.read_query(EffectiveQuery)
    known = await catalogue_of(agent, call.caller.tenant_id)
    static = [
        view
        for view in known.static_views()
        if wanted.category in (None, view.category)
        and (view.enabled or wanted.include_disabled or (wanted.include_overridden and view.has_override))
    ]
    dynamic = [policy.view() for policy in known.dynamic if policy.enabled or wanted.include_disabled]
    return told(
        EffectivePolicies(
            static=await shown_in_use(agent, call, static),
            dynamic=[view for view in dynamic if wanted.category in (None, view.category)],
            tenant_id=call.caller.tenant_id,
            computed_at=format_time(datetime.now(timezone.utc)),
        )
    )


async def _test(agent: Agent, call: RestCall) -> RestReply:
    given = call.read(PatternTest, missing="pattern is required")
    inputs = given.inputs if given.inputs is not None else [given.input] if given.input is not None else []
    fault = await agent.compute(call.size, lambda: rejection(given.pattern))
    matches = [] if fault else await agent.compute(call.size, lambda: [_tried(given.pattern, text) for text in inputs])
    result = PatternTestResult(valid=fault is None, error=fault, pattern=given.pattern, inputs=inputs, matches=matches)
    return told(result)


def _tried(pattern: str, text: str) -> PatternMatch:
    groups = first_groups(pattern, text)
    return PatternMatch(input=text, matched=groups is not None, groups=groups)


async def _versions(agent: Agent, call: RestCall) -> RestReply:
    key = call.path["policy_id"]
    known = await catalogue_of(agent, call.caller.tenant_id)
    view = known.static_view(key)
    return await versions_of(agent, call, key if view is None else view.id, known=view is not None)


async def _status(agent: Agent, call: RestCall) -> RestReply:
    current = await agent.policies_of(call.caller.tenant_id)
    known = await catalogue_of(agent, call.caller.tenant_id)
    live = agent.policies
    status = PolicyStatus(
        static=sum(policy.enabled for policy in current.engine.policies),
        builtin=sum(view.origin == "builtin" for view in known.static_views()),
        dynamic=len(current.rules),
        revision=current.revision,
        faults=[] if live is None else live.faults(current),
    )
    return told(status)


def _check(says: StaticPolicyCreate) -> None:
    if says.category.startswith(DYNAMIC_PREFIX):
        raise RestRefused(400, "category: a static policy cannot have a dynamic category")
    _check_pattern(says.pattern)


def _check_pattern(pattern: str) -> None:
    fault = rejection(pattern)
    if fault is not None:
        raise RestRefused(400, f"Invalid regex pattern: {fault}")


async def _found(agent: Agent, call: RestCall, key: str, *, status: int = 200) -> RestReply:
    view = (await catalogue_of(agent, call.caller.tenant_id)).static_view(key)
    if view is None:
        raise RestRefused(404, _NOT_FOUND)
    (shown,) = await shown_in_use(agent, call, [view])
    return told(shown, status)


def _immutable(known: Catalogue, base: Policy, what: str) -> str:
    view = known.static_view(base.id)
    if view is not None and view.origin == "pack":
        return f"This policy comes from a pack and cannot be {what} here: change the pack's file"
    return f"System policies cannot be {what}: override them instead"


_route: Final = partial(Endpoint, tag="static policies", envelope="status")
_ALL: Final = "/api/v1/static-policies"
_ONE: Final = f"{_ALL}/{{policy_id}}"

ENDPOINTS: Final = (
    _route(
        "GET",
        _ALL,
        _list,
        "Static policies: built-in ones, the user's packs, the tenant's own",
        query=PolicyListQuery,
        answers={200: StaticPolicyPage},
    ),
    _route(
        "POST",
        _ALL,
        _create,
        "Write a pattern policy; it holds from the next request on",
        body=StaticPolicyCreate,
        answers={201: StaticPolicyView},
    ),
    _route(
        "GET",
        f"{_ALL}/effective",
        _effective,
        "What holds for the tenant, overrides applied",
        query=EffectiveQuery,
        answers={200: EffectivePolicies},
    ),
    _route("POST", f"{_ALL}/test", _test, "Try a pattern on texts", body=PatternTest, answers={200: PatternTestResult}),
    _route(
        "GET",
        f"{_ALL}/status",
        _status,
        "How many policies are in use, and what is not and why",
        answers={200: PolicyStatus},
    ),
    *OVERRIDES,
    _route("GET", _ONE, _get, "One static policy", answers={200: StaticPolicyView, 404: None}),
    _route(
        "PUT",
        _ONE,
        _update,
        "Change a policy of the tenant; where a passphrase is set, weakening it needs a person",
        body=StaticPolicyUpdate,
        answers={200: StaticPolicyView, 404: None, 409: None, 410: None, 429: None},
    ),
    _route(
        "PATCH",
        _ONE,
        _toggle,
        "Switch a policy on or off; switching off one of the system needs a person",
        body=Toggle,
        answers={200: StaticPolicyView, 404: None, 409: None, 410: None, 429: None},
    ),
    _route(
        "DELETE",
        _ONE,
        _delete,
        "Delete a policy of the tenant; where a passphrase is set, one that protects needs a person",
        answers={204: None, 404: None, 409: None, 410: None, 429: None},
    ),
    _route(
        "GET",
        f"{_ONE}/versions",
        _versions,
        "The changes of a policy, the newest first",
        answers={200: PolicyVersions, 404: None},
    ),
)
"""The fixed paths stand before `{policy_id}`, which would take them for ids."""
