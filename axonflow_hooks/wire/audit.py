"""Entries of the audit trail, as `search_audit_events` and the audit routes give them (wire 1.3.1, 1.9)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from axonflow_hooks.wire.fields import OBJECTS, FilledText, LenientCount, LenientOptionalText, LenientText

Decision = Literal["allowed", "blocked", "redacted", "needs_approval", "error"]
"""The canonical verdicts of records (wire 1.7)."""

TOOL_CALL_AUDIT: Final = "tool_call_audit"
"""`request_type` of a recorded tool call."""

SEARCH_DEFAULT_LIMIT: Final = 20
SEARCH_MAX_LIMIT: Final = 100
SEARCH_DEFAULT_MINUTES: Final = 15
QUERY_MAX_CHARS: Final = 200
QUERY_CUT_MARK: Final = "...(truncated)"


class AuditEntry(BaseModel):
    """One row of the audit trail; `id` and `timestamp` are always there.

    `policy_details` of a verdict holds what matched, of a tool call its caller and status.
    """

    model_config = ConfigDict(extra="ignore")

    id: str
    timestamp: str
    request_type: LenientText = ""
    query: LenientText = ""
    query_hash: LenientOptionalText = None
    policy_decision: LenientOptionalText = None
    policy_details: dict[str, Any] | None = None
    decision_id: LenientOptionalText = None
    plane: LenientOptionalText = None
    session_id: LenientOptionalText = None
    user_email: LenientOptionalText = None
    client_id: LenientOptionalText = None
    tenant_id: LenientOptionalText = None
    response_time_ms: float | None = None
    redacted_fields: list[str] | None = None
    error_message: LenientOptionalText = None
    tool_name: LenientOptionalText = None
    request_id: LenientOptionalText = None
    override_id: LenientOptionalText = None
    correlation_id: LenientOptionalText = None
    provider: LenientOptionalText = None
    model: LenientOptionalText = None
    tokens_used: LenientCount = None


class AuditPage(BaseModel):
    """Entries, newest first; `total` counts what the filter finds before `limit`."""

    model_config = ConfigDict(extra="ignore")

    entries: Annotated[list[AuditEntry], OBJECTS] = Field(default_factory=list)
    total: LenientCount = None
    limit: LenientCount = None
    offset: LenientCount = None


class AuditSearchRequest(BaseModel):
    """Which entries: every filter that is given must hold (wire 1.9).

    Times are RFC 3339, or a date for its whole day; `client_id` is a part of it in any case; `action` is a verdict in
    its canonical or a former spelling, or a `request_type`.
    """

    user_email: str | None = None
    client_id: str | None = None
    start_time: str | None = None
    end_time: str | None = None
    action: str | None = None
    request_type: str | None = None
    session_id: str | None = None
    decision_id: str | None = None
    policy_name: str | None = None
    override_id: str | None = None
    limit: int = Field(default=100, ge=1, le=1000)
    offset: int = Field(default=0, ge=0, le=2**31)


class ToolCallRequest(BaseModel):
    """An executed or refused tool call, to be recorded; `success` stays out where the host does not tell (wire 1.9)."""

    tool_name: FilledText
    caller_name: str | None = None
    tool_type: str | None = None
    input: dict[str, Any] | None = None
    output: dict[str, Any] | None = None
    workflow_id: str | None = None
    step_id: str | None = None
    user_id: str | None = None
    duration_ms: float | None = Field(default=None, ge=0, le=1e12)
    policies_applied: list[str] | None = None
    success: bool | None = None
    error_message: str | None = None


class ToolCallReceipt(BaseModel):
    """What a recorded tool call is known by."""

    model_config = ConfigDict(extra="ignore")

    audit_id: str
    status: Literal["recorded"]
    timestamp: str


class SummaryRequest(BaseModel):
    """The range that a summary covers: RFC 3339 times, at most a year apart; `connector_type` narrows it."""

    start_time: FilledText
    end_time: FilledText
    connector_type: str | None = None


class PolicyCount(BaseModel):
    """How often a policy was what decided, and how often it stopped a call."""

    model_config = ConfigDict(extra="ignore")

    policy_id: str
    policy_name: str
    trigger_count: int
    block_count: int


class AuditSummary(BaseModel):
    """What happened in a range (wire 1.9). The counts of requests are of verdicts, `total_events` is of all entries.

    `compliance_score` is the percentage of verdicts that let the call go on, 100 when there were none.
    """

    model_config = ConfigDict(extra="ignore")

    total_requests: int
    allowed_requests: int
    blocked_requests: int
    modified_requests: int
    needs_approval_requests: int
    error_requests: int
    block_rate_percent: float
    avg_latency_ms: float
    total_events: int
    by_severity: dict[str, int]
    by_action: dict[str, int]
    top_policies: list[PolicyCount]
    compliance_score: float


class DecisionSummary(BaseModel):
    """One row of the list of decisions: at most five keys of the context."""

    model_config = ConfigDict(extra="ignore")

    decision_id: str
    timestamp: str
    decision: Decision
    policy_id: str | None = None
    tool_signature: str | None = None
    context: dict[str, str] | None = None


class DecisionList(BaseModel):
    """Decisions, newest first."""

    model_config = ConfigDict(extra="ignore")

    decisions: list[DecisionSummary]
