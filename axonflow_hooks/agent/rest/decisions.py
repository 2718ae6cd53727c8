"""GET /api/v1/decisions and …/explain: what was decided, and why (wire 1.7)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from pydantic import BaseModel

from axonflow_hooks.agent.decision_lists import recent_decisions
from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.explained_decisions import explain
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestReply
from axonflow_hooks.wire.audit import DecisionList
from axonflow_hooks.wire.checks import Refusal
from axonflow_hooks.wire.explanation import DECISION_NOT_FOUND, DecisionExplanation

if TYPE_CHECKING:
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent

READ_SCOPE: Final = {"X-Axonflow-Read-Scope": "tenant"}
"""What a read covers: the caller's tenant. Left out of a 404, which the SDK would blame on the scope (wire 1.1)."""

_route: Final = partial(Endpoint, tag="Decisions")


class DecisionFilter(BaseModel):
    """Which decisions; `since` is RFC 3339, `policy_id` any policy that matched."""

    since: str | None = None
    decision: str | None = None
    policy_id: str | None = None
    tool_signature: str | None = None
    limit: int | None = None


async def list_all(agent: Agent, call: RestCall) -> RestReply:
    """Give decisions, newest first."""
    given = call.read_query(DecisionFilter)
    return RestReply(await recent_decisions(agent, call.caller.tenant_id, **given.model_dump()), headers=READ_SCOPE)


async def explain_one(agent: Agent, call: RestCall) -> RestReply:
    """Give the full record of a decision."""
    decision_id, tenant_id = call.path["decision_id"], call.caller.tenant_id
    explained = await agent.read(lambda connection: explain(connection, decision_id, tenant_id))
    if explained is None:
        raise RestRefused(404, DECISION_NOT_FOUND)
    return RestReply(explained.model_dump(exclude_none=True), headers=READ_SCOPE)


ENDPOINTS: Final = (
    _route(
        "GET",
        "/api/v1/decisions",
        list_all,
        "List decisions, newest first",
        query=DecisionFilter,
        answers={200: DecisionList, 400: Refusal},
    ),
    _route(
        "GET",
        "/api/v1/decisions/{decision_id}/explain",
        explain_one,
        "Explain a decision",
        answers={200: DecisionExplanation, 404: Refusal},
    ),
)
