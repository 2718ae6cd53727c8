"""POST /api/v1/decide, the route of a policy decision point (wire 1.4)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictStr

from axonflow_hooks.wire.fields import OBJECT, OBJECT_OR_NONE, OBJECTS, FilledText, LenientOptionalText, LenientText

DECIDE_PATH: Final = "/api/v1/decide"
CHECK_INPUT_PATH: Final = "/api/v1/mcp/check-input"
CHECK_OUTPUT_PATH: Final = "/api/v1/mcp/check-output"

APPROVAL_HEADER: Final = "X-Axonflow-Approval-Id"
"""Names the approval with which a held call is tried again (wire 1.1)."""

REDACT_PII: Final = "redact_pii"
"""The obligation to replace what is about to be sent by what the engine gives for it."""

Stage = Literal["llm", "tool", "agent"]
Outcome = Literal["allow", "deny", "needs_approval"]
"""The verdicts of a decision point; records name them allowed, blocked and needs_approval (wire 1.7)."""


def _lower(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


class CallerIdentity(BaseModel):
    """Which gateway asks; what the credential says of organisation and tenant is what counts."""

    gateway_id: str | None = None
    org_id: str | None = None
    tenant_id: str | None = None


class Target(BaseModel):
    """What is about to be called: a tool of a server, or a model of a provider."""

    type: str | None = None
    model: str | None = None
    provider: str | None = None
    server: str | None = None
    tool: str | None = None


class DecideRequest(BaseModel):
    """May this be done? `query` is the text of it, decoded; `context` has correlation keys (wire 1.4)."""

    stage: Annotated[Stage, BeforeValidator(_lower)]
    query: FilledText
    caller_identity: CallerIdentity | None = None
    target: Target | None = None
    user_token: str | None = None
    context: dict[str, Any] | None = None
    fulfillment_capabilities: list[StrictStr] | None = None
    approval_id: str | None = None


class Fulfillment(BaseModel):
    """The call that discharges an obligation: POST the text to `endpoint`, go on with what comes back."""

    model_config = ConfigDict(extra="ignore")

    endpoint: LenientText = ""
    method: LenientText = ""
    phase: LenientText = ""
    content_types: list[str] | None = None


class Obligation(BaseModel):
    """Something an enforcement point must do with an allowed call before it goes on."""

    model_config = ConfigDict(extra="ignore")

    type: LenientText = ""
    detail: LenientOptionalText = None
    fulfillment: Annotated[Fulfillment | None, OBJECT_OR_NONE] = None


class ApprovalRetry(BaseModel):
    """How a held call names its approval when it is made again."""

    model_config = ConfigDict(extra="ignore")

    header: LenientText = ""
    argument: LenientOptionalText = None
    body_field: LenientOptionalText = None


class HeldCall(BaseModel):
    """A call that waits for a person (wire 1.4, `pending_approval`)."""

    model_config = ConfigDict(extra="ignore")

    approval_id: LenientText = ""
    status: LenientText = ""
    plane: LenientText = ""
    expires_at: LenientOptionalText = None
    retry: Annotated[ApprovalRetry, OBJECT] = Field(default_factory=ApprovalRetry)


class DecideReply(BaseModel):
    """The verdict. `obligations` stand on an allow only; `evaluated_policies` are those that matched, a blocker first.

    `reasons` is there when there is something to say, `context_truncated` when keys or values of the context were
    dropped.
    """

    model_config = ConfigDict(extra="ignore")

    verdict: Outcome
    decision_id: LenientText = ""
    trace_id: LenientText = ""
    stage: LenientOptionalText = None
    obligations: Annotated[list[Obligation], OBJECTS] = Field(default_factory=list)
    evaluated_policies: list[str] = Field(default_factory=list)
    expires_at: LenientOptionalText = None
    reasons: list[str] | None = None
    context_truncated: bool | None = None
    approval_id: LenientOptionalText = None
    pending_approval: Annotated[HeldCall | None, OBJECT_OR_NONE] = None


class DecideError(BaseModel):
    """The body of every other status: a deny all the same (wire 1.2)."""

    model_config = ConfigDict(extra="ignore")

    error: LenientText = ""
    verdict: Literal["deny"] = "deny"
    decision_id: LenientOptionalText = None
    trace_id: LenientOptionalText = None
