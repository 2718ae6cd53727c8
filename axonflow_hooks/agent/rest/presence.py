"""The questions that wait for a person, and their answers: /api/v1/presence (an addition of the embedded agent)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.grants import approvals_queue, overrides
from axonflow_hooks.agent.grants.presence import answer, refuse, waiting_questions
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.policies import editing, overriding
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.wire.presence import PRESENCE_HEADER, PresenceStatus, WaitingQuestions, parse_header

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction


class Nothing(BaseModel):
    """An empty object."""


def rest_refusal(refusal: GrantRefused) -> RestRefused:
    """Give a refused grant as the refusal of a route."""
    wait = refusal.extra.get("retry_after")
    headers = {} if wait is None else {"Retry-After": str(wait)}
    return RestRefused(refusal.status, refusal.message, code=refusal.code, extra=refusal.extra, headers=headers)


async def _status(agent: Agent, _call: RestCall) -> RestReply:
    key = agent.presence
    found = PresenceStatus(
        enrolled=key is not None,
        enrolled_at=key.enrolled_at if key else None,
        fingerprint=key.fingerprint if key else None,
    )
    return RestReply(found.model_dump(exclude_none=True))


async def _questions(agent: Agent, call: RestCall) -> RestReply:
    waiting = await waiting_questions(agent, call.caller)
    return RestReply(WaitingQuestions(challenges=waiting, count=len(waiting)).model_dump())


async def _confirm(agent: Agent, call: RestCall) -> RestReply:
    header = call.headers.get(PRESENCE_HEADER.lower(), "")
    code, proof = parse_header(header)
    if code != call.path["code"].upper() or not proof:
        raise RestRefused(400, f"{PRESENCE_HEADER} must answer the question {call.path['code'][:20]}")

    def grant(transaction: Transaction, row: Mapping[str, Any]) -> dict[str, Any]:
        if row["purpose"] == overrides.PURPOSE:
            return overrides.grant_asked(transaction, call.caller, row)
        if row["purpose"] == approvals_queue.PURPOSE:
            return approvals_queue.approve_asked(transaction, call.caller, row)
        if row["purpose"] == overriding.PURPOSE:
            return overriding.grant_asked(transaction, call.caller, row)
        if row["purpose"] == editing.PURPOSE:
            return editing.carry_out_asked(transaction, call.caller, row)
        raise GrantRefused(409, "Answer this question with the request that has asked it.")

    try:
        made = await answer(agent, call.caller, header, grant)
        if agent.policies is not None:
            await agent.policies.refresh(call.caller.tenant_id)
        return RestReply(made, 201)
    except GrantRefused as refusal:
        raise rest_refusal(refusal) from None


async def _refuse(agent: Agent, call: RestCall) -> RestReply:
    if not await refuse(agent, call.caller, call.path["code"]):
        raise RestRefused(404, "No such question waits for a person.")
    return RestReply(status=204)


ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/api/v1/presence",
        _status,
        "Whether a passphrase is set by which the agent recognises a person",
        "presence",
        answers={200: PresenceStatus},
    ),
    Endpoint(
        "GET",
        "/api/v1/presence/challenges",
        _questions,
        "The questions that wait for a person",
        "presence",
        answers={200: WaitingQuestions},
    ),
    Endpoint(
        "POST",
        "/api/v1/presence/challenges/{code}/confirm",
        _confirm,
        "Answer a question with yes; the header X-Axonflow-Presence proves that a person does",
        "presence",
        body=Nothing,
        optional_body=True,
        answers={201: None, 404: None, 409: None, 410: None, 429: None},
    ),
    Endpoint(
        "DELETE",
        "/api/v1/presence/challenges/{code}",
        _refuse,
        "Answer a question with no",
        "presence",
        answers={204: None, 404: None},
    ),
)
