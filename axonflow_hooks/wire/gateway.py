"""Gateway mode: ask before a model is called, report after it was (wire 1.17)."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from axonflow_hooks.wire.decide import Outcome
from axonflow_hooks.wire.fields import FilledText


class PreCheckRequest(BaseModel):
    """May this prompt be sent? `user_token` is no identity here: nobody can verify it."""

    query: FilledText
    client_id: str | None = None
    user_token: str | None = None
    data_sources: list[str] | None = None
    context: dict[str, Any] | None = None


class PreCheckReply(BaseModel):
    """The verdict; `context_id` names it in the report of the call. `approved_data` is empty: nothing is fetched."""

    model_config = ConfigDict(extra="ignore")

    context_id: str
    approved: bool
    requires_redaction: bool
    approved_data: dict[str, Any]
    policies: list[str]
    expires_at: str
    block_reason: str | None = None
    decision_id: str
    verdict: Outcome
    trace_id: str


class TokenUsage(BaseModel):
    """Tokens of one call."""

    prompt_tokens: int = Field(default=0, ge=0, le=2**53)
    completion_tokens: int = Field(default=0, ge=0, le=2**53)
    total_tokens: int = Field(default=0, ge=0, le=2**53)


class LlmCallRequest(BaseModel):
    """A call of a model that was made; the summary is stored without secrets and personal data."""

    context_id: FilledText
    client_id: FilledText
    provider: FilledText
    model: FilledText
    token_usage: TokenUsage
    response_summary: str | None = None
    latency_ms: float | None = Field(default=None, ge=0, le=1e12)
    metadata: dict[str, Any] | None = None


class LlmCallReceipt(BaseModel):
    """What the report is known by."""

    model_config = ConfigDict(extra="ignore")

    success: bool
    audit_id: str
