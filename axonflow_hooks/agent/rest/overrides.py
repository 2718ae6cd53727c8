"""Session overrides: /api/v1/overrides (wire 1.8)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.grants import overrides
from axonflow_hooks.agent.grants.presence import require_person
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.agent.rest.presence import rest_refusal
from axonflow_hooks.wire.overrides import (
    OVERRIDE_FIELDS_NEEDED,
    CreateOverride,
    OverrideCreated,
    OverrideList,
    OverrideQuery,
    OverrideRevoked,
    OverrideRow,
)
from axonflow_hooks.wire.presence import PRESENCE_HEADER

if TYPE_CHECKING:
    from axonflow_hooks.agent.runtime import Agent


async def _create(agent: Agent, call: RestCall) -> RestReply:
    wanted = call.read(CreateOverride, missing=OVERRIDE_FIELDS_NEEDED)
    try:
        question = await overrides.override_question(agent, call.caller, wanted)
        made = await require_person(
            agent,
            call.caller,
            call.headers.get(PRESENCE_HEADER.lower()),
            question,
            lambda transaction: overrides.grant_override(transaction, call.caller, question.request),
        )
    except GrantRefused as refusal:
        raise rest_refusal(refusal) from None
    return RestReply(made, 201)


async def _list(agent: Agent, call: RestCall) -> RestReply:
    wanted = call.read_query(OverrideQuery)
    return RestReply(
        await overrides.listed(agent, call.caller, wanted.policy_id, include_revoked=wanted.include_revoked)
    )


async def _get(agent: Agent, call: RestCall) -> RestReply:
    try:
        return RestReply(await overrides.find(agent, call.caller, call.path["override_id"]))
    except GrantRefused as refusal:
        raise rest_refusal(refusal) from None


async def _delete(agent: Agent, call: RestCall) -> RestReply:
    try:
        return RestReply(await overrides.revoke(agent, call.caller, call.path["override_id"]))
    except GrantRefused as refusal:
        raise rest_refusal(refusal) from None


_ONE: Final = "/api/v1/overrides/{override_id}"

ENDPOINTS: Final = (
    Endpoint(
        "POST",
        "/api/v1/overrides",
        _create,
        "Lift a policy for a while; only a person can (X-Axonflow-Presence)",
        "overrides",
        body=CreateOverride,
        answers={201: OverrideCreated, 404: None, 409: None, 410: None, 429: None},
    ),
    Endpoint(
        "GET",
        "/api/v1/overrides",
        _list,
        "The overrides of the tenant, newest first",
        "overrides",
        query=OverrideQuery,
        answers={200: OverrideList},
    ),
    Endpoint("GET", _ONE, _get, "One override", "overrides", answers={200: OverrideRow, 404: None}),
    Endpoint(
        "DELETE",
        _ONE,
        _delete,
        "End an override before its time",
        "overrides",
        answers={200: OverrideRevoked, 404: None},
    ),
)
