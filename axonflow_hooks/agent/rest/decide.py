"""POST /api/v1/decide: the policy decision point (wire 1.4). It decides, and never changes what it is asked about."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.arguments import embedded_arguments
from axonflow_hooks.agent.check import Check, tool_signature
from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.integrations import integration_of_connector
from axonflow_hooks.agent.names import kept_name, kept_user
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.rest.callers import check_tenant, refuse_user_token
from axonflow_hooks.agent.rest.context import keep_context
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestReply
from axonflow_hooks.agent.rest.handshake import check_handshake
from axonflow_hooks.agent.tables.records import format_time, parse_time
from axonflow_hooks.agent.verdicts import decide
from axonflow_hooks.wire.checks import TEXT_PLAIN
from axonflow_hooks.wire.decide import (
    APPROVAL_HEADER,
    CHECK_INPUT_PATH,
    DECIDE_PATH,
    REDACT_PII,
    CallerIdentity,
    DecideError,
    DecideReply,
    DecideRequest,
    Target,
)

if TYPE_CHECKING:
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.tables.records import DecisionRecord
    from axonflow_hooks.agent.verdicts import Verdict
    from axonflow_hooks.policy import Engine
    from axonflow_hooks.wire.decide import Outcome

VALID_FOR: Final = timedelta(minutes=5)
"""How long a verdict may be acted upon."""

MAX_GATEWAY_ID_CHARS: Final = 128
MAX_CAPABILITIES: Final = 16
MAX_CAPABILITY_CHARS: Final = 64

_MISSING: Final = {
    "stage": "stage is required and must be one of: llm, tool, agent",
    "query": "query field is required",
}


async def make_decision(agent: Agent, call: RestCall) -> RestReply:
    """Decide on what a gateway is about to do; a deny is an answer like the others, with status 200."""
    check_handshake(call.headers)
    given = call.read(DecideRequest, missing=_MISSING)
    identity = given.caller_identity or CallerIdentity()
    _check_limits(given, identity)
    refuse_user_token(given.user_token)
    check_tenant(call.caller, identity.tenant_id, identity.org_id)
    storage = (await agent.policies_of(call.caller.tenant_id)).storage
    check = await agent.compute(call.size, lambda: _check(agent, storage, call, given, identity))
    verdict = await decide(agent, check, call.caller, call.caller.session_id)
    return RestReply(_reply(verdict, given, call.trace_id, truncated=check.context_truncated))


def _check_limits(given: DecideRequest, identity: CallerIdentity) -> None:
    if identity.gateway_id is not None and len(identity.gateway_id) > MAX_GATEWAY_ID_CHARS:
        raise RestRefused(400, f"caller_identity.gateway_id holds at most {MAX_GATEWAY_ID_CHARS} characters")
    capabilities = given.fulfillment_capabilities or []
    if len(capabilities) > MAX_CAPABILITIES or any(len(name) > MAX_CAPABILITY_CHARS for name in capabilities):
        raise RestRefused(
            400, f"fulfillment_capabilities holds at most {MAX_CAPABILITIES} names of {MAX_CAPABILITY_CHARS} characters"
        )


def _check(agent: Agent, storage: Engine, call: RestCall, given: DecideRequest, identity: CallerIdentity) -> Check:
    target = given.target or Target()
    signature = _signature(given, target)
    placeholders = agent.placeholders.of(call.caller.client_id, call.caller.session_id)
    redactor = StorageRedactor(storage, signature, placeholders)
    context = keep_context(
        given.context,
        agent.options.context_allowlist,
        redactor.text,
        lambda name: kept_user(agent, name),
        lambda key: kept_name(agent, key),
    )
    fields, readings = _fields(given, target)
    return Check(
        phase="request",
        request_type="decide",
        tool_signature=signature,
        fields=fields,
        size=call.size,
        integrations=agent.integrations | integration_of_connector(signature),
        stage=given.stage,
        trace_id=call.trace_id,
        context=context.values,
        context_truncated=context.truncated,
        approval_id=given.approval_id or call.headers.get(APPROVAL_HEADER),
        target={
            **target.model_dump(exclude_none=True),
            **identity.model_dump(include={"gateway_id"}, exclude_none=True),
        },
        readings=readings,
    )


def _signature(given: DecideRequest, target: Target) -> str:
    """Give what is called, as policies and records name it: server and tool, or provider and model."""
    if given.stage == "tool":
        return tool_signature(target.server or target.tool or "gateway", target.tool if target.server else None)
    return tool_signature(target.provider or target.model or given.stage, target.model if target.provider else None)


def _fields(given: DecideRequest, target: Target) -> tuple[dict[str, Any], dict[str, str]]:
    """Give what is looked at, and as what.

    The query as it stands; and of the call of a tool its arguments too, decoded, because a command inside JSON is no
    command to a policy.
    """
    fields: dict[str, Any] = {"statement": given.query}
    if given.stage != "tool":
        return fields, {}
    if ": " in given.query:
        fields["lines"] = given.query
    arguments = embedded_arguments(given.query)
    if arguments is not None:
        fields["arguments"] = arguments
    tool = f"{target.server or 'gateway'}.mcp__{target.tool or 'tool'}"
    return fields, {"lines": tool, "arguments": tool}


def _reply(verdict: Verdict, given: DecideRequest, trace_id: str, *, truncated: bool) -> dict[str, Any]:
    """Give the fields of `DecideReply`; what has nothing to say is left out, the two lists never are."""
    record = verdict.record
    reply: dict[str, Any] = {
        "verdict": outcome_of(verdict),
        "decision_id": record.decision_id,
        "trace_id": trace_id,
        "stage": given.stage,
        "obligations": _obligations(verdict),
        "evaluated_policies": _evaluated(verdict),
        "expires_at": valid_until(record),
    }
    if record.matches or verdict.reasons:
        reply["reasons"] = [record.reason, *verdict.reasons]
    if truncated:
        reply["context_truncated"] = True
    if record.approval_id is not None:
        reply["approval_id"] = record.approval_id
    if verdict.pending_approval is not None:
        reply["pending_approval"] = verdict.pending_approval.body()
    return reply


def outcome_of(verdict: Verdict) -> Outcome:
    """Give the word of a decision point for what records call allowed, redacted, blocked and needs_approval."""
    if verdict.record.decision == "needs_approval":
        return "needs_approval"
    return "allow" if verdict.allowed else "deny"


def _evaluated(verdict: Verdict) -> list[str]:
    found = (*verdict.blockers, *verdict.record.matches)
    return list(dict.fromkeys(match.policy_id for match in found))


def _obligations(verdict: Verdict) -> list[dict[str, Any]]:
    if not verdict.allowed or not verdict.redacted:
        return []
    names = ", ".join(match.policy_name for match in verdict.record.matches if match.action == "redact")
    return [
        {
            "type": REDACT_PII,
            "detail": f"To be masked: {names}.",
            "fulfillment": {
                "endpoint": CHECK_INPUT_PATH,
                "method": "POST",
                "phase": "request",
                "content_types": [TEXT_PLAIN],
            },
        }
    ]


def valid_until(record: DecisionRecord) -> str:
    """Give the moment until which a verdict may be acted upon."""
    made = parse_time(record.timestamp)
    if record.expires_at is not None or made is None:
        return record.expires_at or record.timestamp
    return format_time(made + VALID_FOR)


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path=DECIDE_PATH,
        run=make_decision,
        summary="Decide whether a gateway may go on with a call, and under which obligations",
        tag="Decisions",
        body=DecideRequest,
        answers={200: DecideReply, 403: DecideError},
        envelope="decide",
    ),
)
