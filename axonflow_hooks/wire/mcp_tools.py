"""Arguments and results of the agent's MCP tools that enforcement points call (wire 1.3.1).

Each is built when it is first used (`defer_build`): an enforcement point that starts for a call needs few of them.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StrictBool

from axonflow_hooks.wire.fields import (
    OBJECT_OR_NONE,
    OBJECTS,
    LenientCount,
    LenientFlag,
    LenientOptionalText,
    LenientRisk,
    LenientText,
)


class CheckPolicyArguments(BaseModel):
    """`check_policy`: may this statement be executed? Give `statement` decoded and whole."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    connector_type: str
    statement: str
    operation: str = "execute"
    parameters: dict[str, Any] | None = None
    tool: str | None = None
    approval_id: str | None = None


class CheckOutputArguments(BaseModel):
    """`check_output`: what in this output must not reach the model? Give rows or a message, or both."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    connector_type: str
    message: str | None = None
    response_data: list[dict[str, Any]] | None = None
    tool: str | None = None


class AuditToolCallArguments(BaseModel):
    """`audit_tool_call`: one executed or refused tool call. `success` stays unset where the host does not tell."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    tool_name: str
    caller_name: str = "claude_code"
    input: dict[str, Any] = Field(default_factory=dict)
    output: dict[str, Any] = Field(default_factory=dict)
    success: bool | None = None
    error_message: str | None = None
    duration_ms: int | None = None


class PolicyMatchInfo(BaseModel):
    """One policy that a statement or output matched."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    policy_id: LenientText = ""
    policy_name: LenientText = ""
    risk_level: LenientRisk = None
    allow_override: LenientFlag = False
    action: LenientText = ""


class PendingApproval(BaseModel):
    """A held call that a human has to decide (wire 1.4)."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    approval_id: LenientText = ""
    status: LenientText = ""
    expires_at: LenientOptionalText = None


class _Verdict(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)

    allowed: StrictBool
    decision_id: LenientText = ""
    policies_evaluated: LenientCount = None
    block_reason: LenientText = ""
    blocked_by: LenientText = ""
    risk_level: LenientRisk = None
    policy_matches: Annotated[list[PolicyMatchInfo], OBJECTS] = Field(default_factory=list)
    override_available: LenientFlag = False
    override_existing_id: LenientOptionalText = None


class PolicyVerdict(_Verdict):
    """Result of `check_policy`. Without a boolean `allowed` it does not parse: then it is no verdict."""

    requires_redaction: LenientFlag = False
    redacted_statement: LenientOptionalText = None
    pending_approval: Annotated[PendingApproval | None, OBJECT_OR_NONE] = None


class OutputVerdict(_Verdict):
    """Result of `check_output`. `redaction_evaluated` is None on releases that do not report it (before 9.x)."""

    redacted_message: LenientOptionalText = None
    redacted_data: list[Any] | str | None = None
    redaction_evaluated: bool | None = None


class AuditReceipt(BaseModel):
    """Result of `audit_tool_call`."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    recorded: bool
    details: dict[str, Any] = Field(default_factory=dict)
