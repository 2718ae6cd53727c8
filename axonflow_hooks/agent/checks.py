"""Statements and outputs as checks, and verdicts as the fields that the MCP tools and the REST routes tell of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from axonflow_hooks.agent.arguments import split_call
from axonflow_hooks.agent.check import Check, tool_signature
from axonflow_hooks.agent.integrations import integration_of_connector
from axonflow_hooks.agent.policies.applied import provenance
from axonflow_hooks.agent.tables.records import MatchRecord
from axonflow_hooks.wire.checks import BYTE_LIMIT, ROW_LIMIT, ExfiltrationInfo

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.verdicts import Verdict

EXFILTRATION_POLICY: str = "sys_exfiltration_limit"

GATEWAY: str = "gateway"
"""The connector as which an obligation is fulfilled (wire 1.4): its statements are the texts of calls."""


def statement_check(
    agent: Agent,
    *,
    request_type: str,
    connector_type: str,
    statement: str,
    size: int,
    parameters: Mapping[str, Any] | None = None,
    tool: str | None = None,
    approval_id: str | None = None,
    trace_id: str | None = None,
    integrations: frozenset[str] = frozenset(),
) -> Check:
    """Give the check of a statement before its execution; `size` is the number of bytes of the request."""
    fields: dict[str, Any] = {"statement": statement}
    if parameters:
        fields["parameters"] = parameters
    signature = tool_signature(connector_type, tool)
    call = split_call(statement) if signature == GATEWAY else None
    if call is not None:
        fields["head"], fields["arguments"] = call
    return Check(
        phase="request",
        request_type=request_type,
        tool_signature=signature,
        fields=fields,
        size=size,
        integrations=agent.integrations | integrations | integration_of_connector(connector_type),
        trace_id=trace_id,
        approval_id=approval_id,
        readings={"arguments": f"{GATEWAY}.mcp__tool"} if call else {},
    )


def output_check(
    agent: Agent,
    *,
    request_type: str,
    connector_type: str,
    fields: Mapping[str, Any],
    size: int,
    tool: str | None = None,
    trace_id: str | None = None,
    integrations: frozenset[str] = frozenset(),
    exfiltration: ExfiltrationInfo | None = None,
) -> Check:
    """Give the check of an output before it is shown; `fields` are its parts, those that are None left out."""
    return Check(
        phase="response",
        request_type=request_type,
        tool_signature=tool_signature(connector_type, tool),
        fields={name: value for name, value in fields.items() if value is not None},
        size=size,
        integrations=agent.integrations | integrations | integration_of_connector(connector_type),
        trace_id=trace_id,
        found=(_too_much(exfiltration),) if exfiltration and exfiltration.exceeded else (),
    )


def exfiltration_info(rows: Sequence[Any] | None, size: int, row_count: int | None) -> ExfiltrationInfo:
    """Measure an output of `size` bytes: its rows, or as many as the caller says that there are (wire 1.6)."""
    count = max(len(rows or ()), row_count or 0)
    limit_type = "rows" if count > ROW_LIMIT else "bytes" if size > BYTE_LIMIT else "none"
    return ExfiltrationInfo(
        rows_returned=count,
        bytes_returned=size,
        exceeded=limit_type != "none",
        limit_type=limit_type,  # type: ignore[arg-type] # one of the three words
    )


def verdict_fields(verdict: Verdict) -> dict[str, Any]:
    """Give what every verdict tells (wire 1.3.1): the reason, the blocker and the ways out only of one that blocks."""
    record = verdict.record
    value: dict[str, Any] = {
        "allowed": verdict.allowed,
        "decision_id": record.decision_id,
        "policies_evaluated": record.policies_evaluated,
    }
    if not verdict.allowed:
        blockers = verdict.blockers or record.matches
        value["block_reason"] = record.reason
        value["blocked_by"] = blockers[0].policy_id if blockers else ""
        value["risk_level"] = record.risk_level
        value["policy_matches"] = _matches(record.matches)
        value["override_available"] = verdict.override_available
    elif record.matches:
        value["policy_matches"] = _matches(record.matches)
    if verdict.override_existing_id is not None:
        value["override_existing_id"] = verdict.override_existing_id
    if record.approval_id is not None:
        value["approval_id"] = record.approval_id
    if verdict.pending_approval is not None:
        value["pending_approval"] = verdict.pending_approval.body()
    if verdict.reasons:
        value["reasons"] = list(verdict.reasons)
    return value


def masked_statement(verdict: Verdict, statement: str) -> dict[str, Any]:
    """Give the masked statement and parameters of an allowed verdict that asks for redaction, else nothing."""
    if not verdict.allowed or not verdict.redacted:
        return {}
    masked: dict[str, Any] = {"redacted_statement": verdict.redacted.get("statement", statement)}
    if "arguments" in verdict.redacted and (call := split_call(statement)):
        # What JSON escapes hide from a look at the text is masked in the value.
        head = verdict.redacted.get("head", call[0])
        masked["redacted_statement"] = head + json.dumps(verdict.redacted["arguments"], ensure_ascii=False)
    if "parameters" in verdict.redacted:
        masked["redacted_parameters"] = verdict.redacted["parameters"]
    return masked


def masked_output(verdict: Verdict, *, rows_given: bool) -> dict[str, Any]:
    """Give rows as `redacted_data`, a message as `redacted_message`; nothing of an output that is withheld.

    Clients of the REST route look for a masked message in `redacted_data`: it stands there too where no rows do.
    """
    masked: dict[str, Any] = {}
    if not verdict.allowed:
        return masked
    if "message" in verdict.redacted:
        masked["redacted_message"] = verdict.redacted["message"]
        if not rows_given:
            masked["redacted_data"] = verdict.redacted["message"]
    if "response_data" in verdict.redacted:
        masked["redacted_data"] = verdict.redacted["response_data"]
    if "metadata" in verdict.redacted:
        masked["redacted_metadata"] = verdict.redacted["metadata"]
    return masked


def policy_info(verdict: Verdict, exfiltration: ExfiltrationInfo | None = None) -> dict[str, Any]:
    """Give how a verdict came about: the fields of `PolicyInfo` (wire 1.6). Times are whole milliseconds."""
    record = verdict.record
    info: dict[str, Any] = {
        "policies_evaluated": record.policies_evaluated,
        "blocked": not verdict.allowed,
        "redactions_applied": sum(len(match.spans) for match in record.matches if match.action == "redact"),
        "processing_time_ms": round(record.duration_ms),
        "matched_policies": [
            {
                "policy_id": match.policy_id,
                "policy_name": match.policy_name,
                "category": match.category,
                "severity": match.risk_level,
                "action": match.action,
            }
            for match in record.matches
        ],
    }
    if not verdict.allowed:
        info["block_reason"] = record.reason
    if exfiltration is not None:
        info["exfiltration_check"] = exfiltration.model_dump()
    if verdict.dynamic is not None:
        dynamic = verdict.dynamic.body()
        info["dynamic_policy_info"] = {**dynamic, "processing_time_ms": round(dynamic["processing_time_ms"])}
    return info


def _matches(matches: Sequence[MatchRecord]) -> list[dict[str, Any]]:
    return [
        {
            "policy_id": match.policy_id,
            "policy_name": match.policy_name,
            "risk_level": match.risk_level,
            "allow_override": match.allow_override,
            "action": match.action,
            "policy_type": provenance(match.category),
        }
        for match in matches
    ]


def _too_much(exfiltration: ExfiltrationInfo) -> MatchRecord:
    limit = f"{ROW_LIMIT} rows" if exfiltration.limit_type == "rows" else f"{BYTE_LIMIT} bytes"
    return MatchRecord(
        policy_id=EXFILTRATION_POLICY,
        policy_name="Exfiltration Limit",
        category="data-exfiltration",
        action="block",
        risk_level="high",
        allow_override=False,
        policy_description=f"The output holds more than {limit}.",
        spans=(),
    )
