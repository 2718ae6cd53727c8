"""The tools `check_policy` and `check_output` (wire 1.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel

from axonflow_hooks.agent.checks import (
    exfiltration_info,
    masked_output,
    masked_statement,
    output_check,
    statement_check,
    verdict_fields,
)
from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.mcp.calls import FilledText, ToolReply, read_arguments
from axonflow_hooks.agent.verdicts import decide

if TYPE_CHECKING:
    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent

_CHECK_POLICY_NEEDS: Final = "connector_type and statement are required"


class _StatementArguments(BaseModel):
    connector_type: FilledText
    statement: FilledText
    operation: Literal["execute", "query"] = "execute"
    parameters: dict[str, Any] | None = None
    tool: str | None = None
    approval_id: str | None = None


class _OutputArguments(BaseModel):
    connector_type: FilledText
    message: str | None = None
    response_data: list[dict[str, Any]] | None = None
    tool: str | None = None


async def check_policy(agent: Agent, call: ToolCall) -> ToolReply:
    """Decide on a statement before it is executed."""
    given = read_arguments(_StatementArguments, call.arguments, missing=_CHECK_POLICY_NEEDS)
    check = statement_check(
        agent,
        request_type="check_policy",
        connector_type=given.connector_type,
        statement=given.statement,
        size=call.size,
        parameters=given.parameters,
        tool=given.tool,
        approval_id=given.approval_id or call.approval_id,
        integrations=call.integrations,
    )
    verdict = await decide(agent, check, call.caller, call.session_key)
    value = verdict_fields(verdict)
    masked = masked_statement(verdict, given.statement)
    if masked:
        value.update(requires_redaction=True, **masked)
    return ToolReply(value)


async def check_output(agent: Agent, call: ToolCall) -> ToolReply:
    """Decide on an output before it is shown, and mask what must not be."""
    given = read_arguments(_OutputArguments, call.arguments, missing="connector_type is required")
    if given.message is None and given.response_data is None:
        raise ToolFailure("response_data or message is required")
    exfiltration = exfiltration_info(given.response_data, call.size, None)
    check = output_check(
        agent,
        request_type="check_output",
        connector_type=given.connector_type,
        fields={"response_data": given.response_data, "message": given.message},
        size=call.size,
        tool=given.tool,
        integrations=call.integrations,
        exfiltration=exfiltration,
    )
    verdict = await decide(agent, check, call.caller, call.session_key)
    value = {**verdict_fields(verdict), "redaction_evaluated": True}
    if exfiltration.exceeded:
        value["exfiltration_info"] = exfiltration.model_dump()
    value.update(masked_output(verdict, rows_given=given.response_data is not None))
    return ToolReply(value)
