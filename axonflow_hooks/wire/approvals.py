"""The queue of calls that wait for a person: /api/v1/hitl (wire 1.4, 1.17; shapes of the official SDK)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ApprovalStatus = Literal["pending", "approved", "rejected", "expired"]
Severity = Literal["low", "medium", "high", "critical"]
MAX_COMMENT_CHARS = 500
MAX_QUERY_CHARS = 2_000


class ApprovalRequest(BaseModel):
    """One call that waits or waited. `consumed_at` tells when an approval was used: it is good for one call."""

    model_config = ConfigDict(extra="ignore")

    request_id: str
    org_id: str
    tenant_id: str
    client_id: str
    user_id: str | None = None
    original_query: str
    request_type: str
    request_context: dict[str, Any] | None = None
    triggered_policy_id: str
    triggered_policy_name: str
    trigger_reason: str
    severity: str
    eu_ai_act_article: str | None = None
    compliance_framework: str | None = None
    risk_classification: str | None = None
    notify_url: str | None = None
    status: ApprovalStatus
    reviewer_id: str | None = None
    reviewer_email: str | None = None
    review_comment: str | None = None
    reviewed_at: str | None = None
    consumed_at: str | None = None
    expires_at: str
    created_at: str
    updated_at: str


class CreateApproval(BaseModel):
    """A call that a program puts into the queue itself (POST /api/v1/hitl/queue), to poll what becomes of it."""

    model_config = ConfigDict(extra="ignore")

    client_id: str
    original_query: Annotated[str, Field(min_length=1)]
    request_type: Annotated[str, Field(min_length=1, max_length=32)]
    user_id: str | None = None
    request_context: dict[str, Any] | None = None
    triggered_policy_id: str | None = None
    triggered_policy_name: str | None = None
    trigger_reason: str | None = None
    severity: Severity | None = None
    notify_url: str | None = None
    eu_ai_act_article: str | None = None
    compliance_framework: str | None = None
    risk_classification: str | None = None
    expires_in_seconds: Annotated[int, Field(ge=1)] | None = None


class Review(BaseModel):
    """Who decides, and why."""

    model_config = ConfigDict(extra="ignore")

    reviewer_id: str | None = None
    reviewer_email: str | None = None
    reviewer_role: str | None = None
    comment: Annotated[str, Field(max_length=MAX_COMMENT_CHARS)] | None = None


class ApprovalQuery(BaseModel):
    """Which of the queue."""

    model_config = ConfigDict(extra="ignore")

    status: ApprovalStatus | None = None
    severity: Severity | None = None
    limit: Annotated[int, Field(ge=1, le=1000)] = 50
    offset: Annotated[int, Field(ge=0, le=1_000_000)] = 0


class PageMeta(BaseModel):
    """Where a page lies in the whole."""

    total: int
    limit: int
    offset: int


class ApprovalPage(BaseModel):
    """A page of the queue, newest first."""

    success: bool
    data: list[ApprovalRequest]
    meta: PageMeta


class ApprovalReply(BaseModel):
    """One entry of the queue."""

    success: bool
    data: ApprovalRequest


class ApprovalStats(BaseModel):
    """How much waits."""

    total_pending: int
    high_priority: int
    critical_priority: int
    oldest_pending_hours: float | None = None


class ApprovalStatsReply(BaseModel):
    """The answer of /api/v1/hitl/stats."""

    success: bool
    data: ApprovalStats
