"""Entries of the audit trail, as `search_audit_events` and the audit routes give them (wire 1.3.1, 1.9)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from axonflow_hooks.wire.fields import OBJECTS, LenientCount, LenientOptionalText, LenientText

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


class AuditPage(BaseModel):
    """Entries, newest first; `total` counts what the filter finds before `limit`."""

    model_config = ConfigDict(extra="ignore")

    entries: Annotated[list[AuditEntry], OBJECTS] = Field(default_factory=list)
    total: LenientCount = None
    limit: LenientCount = None
    offset: LenientCount = None
