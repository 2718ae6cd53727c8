"""The queue of calls that wait for a person: /api/v1/hitl (wire 1.17; paths and shapes of the official SDK)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.grants import approvals_queue as queue
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.agent.rest.presence import rest_refusal
from axonflow_hooks.wire.approvals import (
    ApprovalPage,
    ApprovalQuery,
    ApprovalReply,
    ApprovalStatsReply,
    CreateApproval,
    Review,
)
from axonflow_hooks.wire.presence import PRESENCE_HEADER

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from axonflow_hooks.agent.runtime import Agent


async def _list(agent: Agent, call: RestCall) -> RestReply:
    return RestReply(await queue.listed(agent, call.caller, call.read_query(ApprovalQuery)))


async def _create(agent: Agent, call: RestCall) -> RestReply:
    given = call.read(CreateApproval, missing="client_id, original_query and request_type are required")
    return RestReply(await _told(queue.put_in(agent, call.caller, given, call.size)), 201)


async def _get(agent: Agent, call: RestCall) -> RestReply:
    return RestReply(await _told(queue.find(agent, call.caller, call.path["request_id"])))


async def _approve(agent: Agent, call: RestCall) -> RestReply:
    header = call.headers.get(PRESENCE_HEADER.lower())
    review = call.read(Review)
    return RestReply(await _told(queue.approve(agent, call.caller, call.path["request_id"], review, header)))


async def _reject(agent: Agent, call: RestCall) -> RestReply:
    return RestReply(await _told(queue.reject(agent, call.caller, call.path["request_id"], call.read(Review))))


async def _stats(agent: Agent, call: RestCall) -> RestReply:
    return RestReply(await queue.stats(agent, call.caller))


async def _told(work: Awaitable[dict[str, Any]]) -> dict[str, Any]:
    try:
        return await work
    except GrantRefused as refusal:
        raise rest_refusal(refusal) from None


_QUEUE: Final = "/api/v1/hitl/queue"
_ONE: Final = f"{_QUEUE}/{{request_id}}"

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        _QUEUE,
        _list,
        "Calls that wait for a person, and what became of others",
        "approvals",
        query=ApprovalQuery,
        answers={200: ApprovalPage},
    ),
    Endpoint(
        "POST",
        _QUEUE,
        _create,
        "Put a call into the queue",
        "approvals",
        body=CreateApproval,
        answers={201: ApprovalReply, 429: None},
        idempotent=True,
    ),
    Endpoint("GET", _ONE, _get, "One entry of the queue", "approvals", answers={200: ApprovalReply, 404: None}),
    Endpoint(
        "POST",
        f"{_ONE}/approve",
        _approve,
        "Approve a call once; only a person can (X-Axonflow-Presence)",
        "approvals",
        body=Review,
        optional_body=True,
        answers={200: ApprovalReply, 404: None, 409: None, 410: None, 429: None},
    ),
    Endpoint(
        "POST",
        f"{_ONE}/reject",
        _reject,
        "Refuse a call",
        "approvals",
        body=Review,
        optional_body=True,
        answers={200: ApprovalReply, 404: None, 409: None},
    ),
    Endpoint("GET", "/api/v1/hitl/stats", _stats, "How much waits", "approvals", answers={200: ApprovalStatsReply}),
)
