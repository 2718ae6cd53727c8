"""POST /api/policy/pre-check and /api/audit/llm-call: before and after the call of a model (wire 1.17).

This agent calls no model itself: there is no /api/request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.check import Check
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.rest.decide import outcome_of, valid_until
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestReply
from axonflow_hooks.agent.rest.handshake import check_handshake
from axonflow_hooks.agent.store.queries import find_decision
from axonflow_hooks.agent.tables.records import AuditRecord, new_audit_id, now
from axonflow_hooks.agent.verdicts import decide
from axonflow_hooks.wire.gateway import LlmCallReceipt, LlmCallRequest, PreCheckReply, PreCheckRequest

if TYPE_CHECKING:
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction

LLM_CALL_AUDIT: Final = "llm_call_audit"
"""`request_type` of a reported call of a model."""

_TAG: Final = "Gateway mode"
_SIGNATURE: Final = "llm"
_MAX_ID_CHARS: Final = 64


async def pre_check(agent: Agent, call: RestCall) -> RestReply:
    """Decide on a prompt before it is sent to a model."""
    check_handshake(call.headers)
    given = call.read(PreCheckRequest, missing={"query": "query field is required"})
    check = Check(
        phase="request",
        request_type="pre_check",
        tool_signature=_SIGNATURE,
        fields={"statement": given.query},
        size=call.size,
        integrations=agent.integrations,
        stage="llm",
        trace_id=call.trace_id,
    )
    verdict = await decide(agent, check, call.caller, call.caller.session_id)
    record = verdict.record
    reply: dict[str, Any] = {
        "context_id": record.decision_id,
        "approved": verdict.allowed,
        "requires_redaction": verdict.allowed and bool(verdict.redacted),
        "approved_data": {},
        "policies": list(dict.fromkeys(match.policy_id for match in record.matches)),
        "expires_at": valid_until(record),
        "decision_id": record.decision_id,
        "verdict": outcome_of(verdict),
        "trace_id": call.trace_id,
    }
    if not verdict.allowed:
        reply["block_reason"] = record.reason
    return RestReply(reply)


async def report_llm_call(agent: Agent, call: RestCall) -> RestReply:
    """Append the call of a model to the audit trail, linked to its pre-check."""
    required = ("context_id", "client_id", "provider", "model", "token_usage")
    given = call.read(LlmCallRequest, missing={name: f"{name} is required" for name in required})
    tenant_id = call.caller.tenant_id
    decision = await agent.read(lambda connection: find_decision(connection, given.context_id, tenant_id))
    decision_id = None if decision is None else given.context_id
    storage = (await agent.policies_of(tenant_id)).storage
    placeholders = agent.placeholders.of(call.caller.client_id, call.caller.session_id)
    redactor = StorageRedactor(storage, _SIGNATURE, placeholders)
    record = await agent.compute(call.size, lambda: _record(redactor, call, given, decision_id))

    def keep(transaction: Transaction) -> None:
        transaction.append_audit(record)

    await agent.writer.submit(keep)
    return RestReply({"success": True, "audit_id": record.id})


def _record(redactor: StorageRedactor, call: RestCall, given: LlmCallRequest, decision_id: str | None) -> AuditRecord:
    provider, model = redactor.text(given.provider), redactor.text(given.model)
    return AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=LLM_CALL_AUDIT,
        tool_name=f"{provider}.{model}",
        query=redactor.text(given.response_summary or ""),
        policy_details={
            "provider": provider,
            "model": model,
            "tokens_used": given.token_usage.total_tokens,
            "token_usage": given.token_usage.model_dump(),
            "metadata": redactor.tree(given.metadata or {}, "metadata"),
        },
        decision_id=decision_id,
        correlation_id=redactor.text(given.context_id)[:_MAX_ID_CHARS],
        response_time_ms=given.latency_ms,
        caller=call.caller,
    )


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path="/api/policy/pre-check",
        run=pre_check,
        summary="Check a prompt before it is sent to a model",
        tag=_TAG,
        body=PreCheckRequest,
        answers={200: PreCheckReply},
    ),
    Endpoint(
        method="POST",
        path="/api/audit/llm-call",
        run=report_llm_call,
        summary="Record the call of a model",
        tag=_TAG,
        body=LlmCallRequest,
        answers={200: LlmCallReceipt},
    ),
)
