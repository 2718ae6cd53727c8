"""Answers the same Idempotency-Key with the first answer (wire 1.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.idempotency import REPLAYED_HEADER, FirstReply, Reused, claim, first_reply, keep_reply, turn
from axonflow_hooks.agent.rest.endpoint import RestReply
from axonflow_hooks.agent.rest.refusals import refusal_body

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall
    from axonflow_hooks.agent.runtime import Agent

_OF_ONE_ANSWER: Final = frozenset(
    {"connection", "content-length", "content-type", "date", "keep-alive", "retry-after", "transfer-encoding"}
)
"""Headers of the first answer that are not repeated: those of its connection and its body, and those that are about
the moment at which it was given (RFC 9110, 6.6.1 and 10.2.3)."""


async def answer_once(agent: Agent, endpoint: Endpoint, call: RestCall) -> RestReply:
    """Answer a request whose Idempotency-Key was seen before as it was answered then, where that still may be said.

    A replay has the headers of the first answer, those left out that are true of that one alone.
    """
    claimed = claim(agent, call.caller, endpoint.path, call.idempotency_key, call.json)
    if claimed is None:
        return await endpoint.run(agent, call)
    try:
        async with turn(claimed):
            first = await first_reply(agent, claimed)
            if first is None:
                reply = await _run_to_end(agent, endpoint, call)
                if reply.status >= 500:
                    return reply
                kept = FirstReply(reply.status, reply.value, reply.rests_on, _repeated(reply.headers))
                first = await keep_reply(agent, claimed, kept)
                if first is None:
                    return reply
    except Reused as error:
        raise RestRefused(422, str(error)) from None
    return RestReply(first.body, first.status, {**first.headers, REPLAYED_HEADER: "true"})


async def _run_to_end(agent: Agent, endpoint: Endpoint, call: RestCall) -> RestReply:
    """Give a refusal as a reply too, for it is replayed as one."""
    try:
        return await endpoint.run(agent, call)
    except RestRefused as refusal:
        return RestReply(refusal_body(endpoint.envelope, refusal, {}), refusal.status, refusal.headers)


def _repeated(headers: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in headers.items() if name.lower() not in _OF_ONE_ANSWER}
