"""POST /api/v1/mcp/check-input and check-output: one statement or output, checked over REST (wire 1.5, 1.6)."""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, StrictBool

from axonflow_hooks.wire.decide import HeldCall
from axonflow_hooks.wire.fields import FilledText
from axonflow_hooks.wire.words import Action, RiskLevel

TEXT_PLAIN: Final = "text/plain"
"""The one content type of statements that there is a redactor for."""

ROW_LIMIT: Final = 10_000
BYTE_LIMIT: Final = 10_485_760
"""What one output may hold before it counts as exfiltration (wire 1.6)."""


class CheckInputRequest(BaseModel):
    """A statement before its execution. `tool` is told apart from its server, which `connector_type` then names."""

    connector_type: FilledText
    statement: FilledText
    operation: str | None = None
    parameters: dict[str, Any] | None = None
    tool: str | None = None
    content_type: str | None = None
    client_id: str | None = None
    user_token: str | None = None
    tenant_id: str | None = None
    user_id: str | None = None
    user_role: str | None = None
    approval_id: str | None = None


class CheckOutputRequest(BaseModel):
    """An output before it is shown: rows, a message, or both. `row_count` counts rows that are not all sent."""

    connector_type: FilledText
    response_data: list[dict[str, Any]] | None = None
    message: str | None = None
    metadata: dict[str, Any] | None = None
    row_count: int | None = None
    tool: str | None = None
    client_id: str | None = None
    user_token: str | None = None
    tenant_id: str | None = None
    user_id: str | None = None


class CheckedPolicy(BaseModel):
    """A policy that matched; `action` is what it asks for on this plane."""

    model_config = ConfigDict(extra="ignore")

    policy_id: str
    policy_name: str = ""
    risk_level: RiskLevel | None = None
    allow_override: StrictBool = False
    action: Action | None = None


class MatchedPolicy(BaseModel):
    """A policy that matched, as `policy_info` names it."""

    model_config = ConfigDict(extra="ignore")

    policy_id: str
    policy_name: str
    category: str
    severity: RiskLevel
    action: Action


class DynamicMatch(BaseModel):
    """A dynamic policy that matched (wire 1.6)."""

    model_config = ConfigDict(extra="ignore")

    policy_id: str
    policy_name: str = ""
    policy_type: str = ""
    action: str = ""
    message: str | None = None


class DynamicPolicyInfo(BaseModel):
    """What the dynamic policies said; they are evaluated in the agent, so they can always be reached."""

    model_config = ConfigDict(extra="ignore")

    policies_evaluated: int = 0
    matched_policies: list[DynamicMatch] = []
    orchestrator_reachable: bool = True
    risk_score: float | None = None
    processing_time_ms: int = 0


class ExfiltrationInfo(BaseModel):
    """How much an output holds, and whether that is too much."""

    model_config = ConfigDict(extra="ignore")

    rows_returned: int
    row_limit: int = ROW_LIMIT
    bytes_returned: int
    byte_limit: int = BYTE_LIMIT
    exceeded: bool
    limit_type: Literal["rows", "bytes", "none"]


class PolicyInfo(BaseModel):
    """How a verdict came about; `redactions_applied` counts places, times are in milliseconds."""

    model_config = ConfigDict(extra="ignore")

    policies_evaluated: int
    blocked: bool
    block_reason: str | None = None
    redactions_applied: int
    processing_time_ms: int
    matched_policies: list[MatchedPolicy]
    exfiltration_check: ExfiltrationInfo | None = None
    dynamic_policy_info: DynamicPolicyInfo | None = None


class CheckInputReply(BaseModel):
    """The verdict on a statement: 200 when allowed, 403 when not.

    `redacted_statement` replaces the statement where `redacted`; `redaction_evaluated` says that the redactor ran.
    """

    model_config = ConfigDict(extra="ignore")

    allowed: StrictBool
    decision_id: str | None = None
    policies_evaluated: int = 0
    block_reason: str | None = None
    blocked_by: str | None = None
    risk_level: RiskLevel | None = None
    policy_matches: list[CheckedPolicy] | None = None
    override_available: bool | None = None
    override_existing_id: str | None = None
    approval_id: str | None = None
    pending_approval: HeldCall | None = None
    policy_info: PolicyInfo | None = None
    redacted: bool | None = None
    redacted_statement: str | None = None
    redacted_parameters: dict[str, Any] | None = None
    redaction_evaluated: bool | None = None
    success: bool | None = None
    error: str | None = None


class CheckOutputReply(BaseModel):
    """The verdict on an output: 200 when it may be shown, masked where `redacted_data` is there, 403 when not.

    `redacted_data` are the masked rows, or the masked message where there are no rows; `redacted_message` is always
    the message.
    """

    model_config = ConfigDict(extra="ignore")

    allowed: StrictBool
    decision_id: str | None = None
    policies_evaluated: int = 0
    block_reason: str | None = None
    blocked_by: str | None = None
    risk_level: RiskLevel | None = None
    policy_matches: list[CheckedPolicy] | None = None
    override_available: bool | None = None
    override_existing_id: str | None = None
    approval_id: str | None = None
    pending_approval: HeldCall | None = None
    policy_info: PolicyInfo | None = None
    redacted_data: list[dict[str, Any]] | str | None = None
    redacted_message: str | None = None
    redacted_metadata: dict[str, Any] | None = None
    exfiltration_info: ExfiltrationInfo | None = None
    redaction_evaluated: bool | None = None
    success: bool | None = None
    error: str | None = None


class Refusal(BaseModel):
    """What most routes answer a request with that they do not carry out (wire 1.2)."""

    model_config = ConfigDict(extra="ignore")

    success: Literal[False] = False
    error: str
    allowed: bool | None = None
