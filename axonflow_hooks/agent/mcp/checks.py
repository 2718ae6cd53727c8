"""The tools `check_policy` and `check_output` (wire 1.3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from pydantic import BaseModel

from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.mcp.calls import FilledText, ToolReply, read_arguments
from axonflow_hooks.agent.mcp.integrations import integration_of_connector
from axonflow_hooks.agent.verdicts import Check, decide, tool_signature

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.records import MatchRecord
    from axonflow_hooks.agent.verdicts import Verdict

_CHECK_POLICY_NEEDS: Final = "connector_type and statement are required"


class _StatementArguments(BaseModel):
    connector_type: FilledText
    statement: FilledText
    operation: Literal["execute", "query"] = "execute"
    parameters: dict[str, Any] | None = None
    tool: str | None = None


class _OutputArguments(BaseModel):
    connector_type: FilledText
    message: str | None = None
    response_data: list[dict[str, Any]] | None = None
    tool: str | None = None


async def check_policy(agent: Agent, call: ToolCall) -> ToolReply:
    """Decide on a statement before it is executed."""
    given = read_arguments(_StatementArguments, call.arguments, missing=_CHECK_POLICY_NEEDS)
    fields: dict[str, Any] = {"statement": given.statement}
    if given.parameters:
        fields["parameters"] = given.parameters
    check = Check(
        phase="request",
        request_type="check_policy",
        tool_signature=tool_signature(given.connector_type, given.tool),
        fields=fields,
        size=call.size,
        integrations=_integrations(agent, call, given.connector_type),
    )
    verdict = await decide(agent, check, call.caller, call.session_key)
    value = _common(verdict)
    if verdict.record.decision == "redacted":
        value["requires_redaction"] = True
        value["redacted_statement"] = verdict.redacted.get("statement", given.statement)
        if "parameters" in verdict.redacted:
            value["redacted_parameters"] = verdict.redacted["parameters"]
    return ToolReply(value)


async def check_output(agent: Agent, call: ToolCall) -> ToolReply:
    """Decide on an output before it is shown, and mask what must not be."""
    given = read_arguments(_OutputArguments, call.arguments, missing="connector_type is required")
    if given.message is None and given.response_data is None:
        raise ToolFailure("response_data or message is required")
    present = {"response_data": given.response_data, "message": given.message}
    check = Check(
        phase="response",
        request_type="check_output",
        tool_signature=tool_signature(given.connector_type, given.tool),
        fields={name: value for name, value in present.items() if value is not None},
        size=call.size,
        integrations=_integrations(agent, call, given.connector_type),
    )
    verdict = await decide(agent, check, call.caller, call.session_key)
    value = {**_common(verdict), "redaction_evaluated": True}
    if verdict.record.decision == "redacted":
        value.update(_masked(verdict, rows_given=given.response_data is not None))
    return ToolReply(value)


def _masked(verdict: Verdict, *, rows_given: bool) -> dict[str, Any]:
    """Give rows as `redacted_data`, a message as `redacted_message`.

    Clients of the REST route look for a masked message in `redacted_data`: it stands there too where no rows do.
    """
    masked: dict[str, Any] = {}
    if "message" in verdict.redacted:
        masked["redacted_message"] = verdict.redacted["message"]
        if not rows_given:
            masked["redacted_data"] = verdict.redacted["message"]
    if "response_data" in verdict.redacted:
        masked["redacted_data"] = verdict.redacted["response_data"]
    return masked


def _common(verdict: Verdict) -> dict[str, Any]:
    record = verdict.record
    value: dict[str, Any] = {
        "allowed": verdict.allowed,
        "decision_id": record.decision_id,
        "policies_evaluated": record.policies_evaluated,
    }
    if not verdict.allowed:
        value["block_reason"] = record.reason
        value["blocked_by"] = record.matches[0].policy_id
        value["risk_level"] = record.risk_level
        value["policy_matches"] = _matches(record.matches)
        value["override_available"] = False  # this agent does not grant overrides
    elif record.matches:
        value["policy_matches"] = _matches(record.matches)
    return value


def _matches(matches: Sequence[MatchRecord]) -> list[dict[str, Any]]:
    return [
        {
            "policy_id": match.policy_id,
            "policy_name": match.policy_name,
            "risk_level": match.risk_level,
            "allow_override": match.allow_override,
            "action": match.action,
        }
        for match in matches
    ]


def _integrations(agent: Agent, call: ToolCall, connector_type: str) -> frozenset[str]:
    return agent.integrations | call.integrations | integration_of_connector(connector_type)
