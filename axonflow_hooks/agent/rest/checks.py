"""POST /api/v1/mcp/check-input and check-output: one statement or one output, checked (wire 1.5, 1.6)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.checks import (
    exfiltration_info,
    masked_output,
    masked_statement,
    output_check,
    policy_info,
    statement_check,
    verdict_fields,
)
from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.grants.lasting import grants_of
from axonflow_hooks.agent.rest.callers import check_tenant, refuse_user_token
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestReply
from axonflow_hooks.agent.rest.handshake import check_handshake
from axonflow_hooks.agent.verdicts import decide
from axonflow_hooks.wire.checks import (
    BYTE_LIMIT,
    TEXT_PLAIN,
    CheckInputReply,
    CheckInputRequest,
    CheckOutputReply,
    CheckOutputRequest,
    Refusal,
)
from axonflow_hooks.wire.decide import APPROVAL_HEADER, CHECK_INPUT_PATH, CHECK_OUTPUT_PATH

if TYPE_CHECKING:
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent

MAX_OUTPUT_BODY: Final = BYTE_LIMIT + 2 * 1_048_576
"""An output that is too large by the contract's limit is still read, so that it is refused as one."""

_TAG: Final = "Checks"


async def check_input(agent: Agent, call: RestCall) -> RestReply:
    """Decide on a statement before it is executed: 200 with it masked where it must be, 403 where it must not run."""
    check_handshake(call.headers)
    given = call.read(
        CheckInputRequest,
        missing={"connector_type": "connector_type is required", "statement": "statement is required"},
    )
    if (given.content_type or TEXT_PLAIN).partition(";")[0].strip().lower() != TEXT_PLAIN:
        raise RestRefused(415, f"There is no redactor for this content_type; {TEXT_PLAIN} has one")
    refuse_user_token(given.user_token)
    check_tenant(call.caller, given.tenant_id)
    check = statement_check(
        agent,
        request_type="check_input",
        connector_type=given.connector_type,
        statement=given.statement,
        size=call.size,
        parameters=given.parameters,
        tool=given.tool,
        approval_id=given.approval_id or call.headers.get(APPROVAL_HEADER),
        trace_id=call.trace_id,
    )
    verdict = await decide(agent, check, call.caller, call.caller.session_id)
    masked = masked_statement(verdict, given.statement)
    value = {
        **verdict_fields(verdict),
        "policy_info": policy_info(verdict),
        "redacted": bool(masked),
        **masked,
        "redaction_evaluated": True,
    }
    rests_on = grants_of(verdict.record.matches) if verdict.allowed else ()
    return RestReply(value, 200 if verdict.allowed else 403, rests_on=rests_on)


async def check_output(agent: Agent, call: RestCall) -> RestReply:
    """Decide on an output before it is shown: 200 with it masked where it must be, 403 where it must be withheld."""
    check_handshake(call.headers)
    given = call.read(CheckOutputRequest, missing={"connector_type": "connector_type is required"})
    if given.response_data is None and given.message is None:
        raise RestRefused(400, "response_data or message is required")
    refuse_user_token(given.user_token)
    check_tenant(call.caller, given.tenant_id)
    size = await agent.compute(call.size, lambda: _size(given))
    exfiltration = exfiltration_info(given.response_data, size, given.row_count)
    check = output_check(
        agent,
        request_type="check_output",
        connector_type=given.connector_type,
        fields={"response_data": given.response_data, "message": given.message, "metadata": given.metadata},
        size=call.size,
        tool=given.tool,
        trace_id=call.trace_id,
        exfiltration=exfiltration,
    )
    verdict = await decide(agent, check, call.caller, call.caller.session_id)
    value = verdict_fields(verdict)
    if not verdict.allowed:
        value["block_reason"] = f"Response blocked: {value['block_reason']}"
    value |= {
        "policy_info": policy_info(verdict, exfiltration),
        "exfiltration_info": exfiltration.model_dump(),
        **masked_output(verdict, rows_given=given.response_data is not None),
        "redaction_evaluated": True,
    }
    return RestReply(value, 200 if verdict.allowed else 403)


def _size(given: CheckOutputRequest) -> int:
    """Give the bytes of an output: of its message as text, of its rows as JSON."""
    message = (given.message or "").encode("utf-8", "surrogatepass")
    if given.response_data is None:
        return len(message)
    rows = json.dumps(given.response_data, ensure_ascii=False, separators=(",", ":"))
    return len(message) + len(rows.encode("utf-8", "surrogatepass"))


ENDPOINTS: Final = (
    Endpoint(
        method="POST",
        path=CHECK_INPUT_PATH,
        run=check_input,
        summary="Check a statement before its execution, and mask it where it must be masked",
        tag=_TAG,
        body=CheckInputRequest,
        answers={200: CheckInputReply, 403: CheckInputReply, 415: Refusal, 422: Refusal},
        idempotent=True,
    ),
    Endpoint(
        method="POST",
        path=CHECK_OUTPUT_PATH,
        run=check_output,
        summary="Check an output before it is shown, and mask it where it must be masked",
        tag=_TAG,
        body=CheckOutputRequest,
        answers={200: CheckOutputReply, 403: CheckOutputReply},
        max_body=MAX_OUTPUT_BODY,
    ),
)
