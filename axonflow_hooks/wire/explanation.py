"""The explanation of one decision: `explain_decision` and GET /api/v1/decisions/{id}/explain (wire 1.7)."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from axonflow_hooks.wire.fields import (
    OBJECTS,
    LenientCount,
    LenientFlag,
    LenientOptionalText,
    LenientRisk,
    LenientText,
)

DECISION_NOT_FOUND: Final = "Decision not found or past retention window"
"""What an agent says of an id it does not know, or that belongs to somebody else."""


class MatchedSpan(BaseModel):
    """Where a policy matched: characters `start` to `end` of `field` (`statement`, `message`, `rows[0].name`)."""

    model_config = ConfigDict(extra="ignore")

    field: LenientText = ""
    start: int
    end: int


class ExplainedPolicy(BaseModel):
    """One policy that matched, with the action it asked for. The fields from `spans` on are additions.

    `quote` is what it matched at the first place, with secrets and personal data replaced; `lifted_by` is the override
    or the approval by which it did not count.
    """

    model_config = ConfigDict(extra="ignore")

    policy_id: LenientText = ""
    policy_name: LenientText = ""
    action: LenientText = ""
    risk_level: LenientRisk = None
    allow_override: LenientFlag = False
    policy_description: LenientText = ""
    spans: Annotated[list[MatchedSpan], OBJECTS] = Field(default_factory=list)
    quote: LenientOptionalText = None
    lifted_by: LenientOptionalText = None


class MatchedRule(BaseModel):
    """A rule of a policy and the field it matched in."""

    model_config = ConfigDict(extra="ignore")

    policy_id: LenientText = ""
    rule_id: LenientText = ""
    rule_text: LenientText = ""
    matched_on: LenientText = ""


class DecisionExplanation(BaseModel):
    """Why a decision fell as it did. The fields from `plane` on are additions of the embedded agent.

    `excerpt` is a part of the statement or output, starting at character `excerpt_offset`, in which secrets and
    personal data are replaced; `statement_hash` is keyed, so that short texts cannot be guessed from it.
    `explanation` says which part of the call did it, `what_would_be_allowed` what to do instead.
    """

    model_config = ConfigDict(extra="ignore")

    decision_id: LenientText = ""
    timestamp: LenientText = ""
    decision: LenientText = ""
    reason: LenientText = ""
    risk_level: LenientRisk = None
    policy_matches: Annotated[list[ExplainedPolicy], OBJECTS] = Field(default_factory=list)
    override_available: LenientFlag = False
    override_existing_id: LenientOptionalText = None
    historical_hit_count_session: LenientCount = None
    tool_signature: LenientOptionalText = None
    matched_rules: Annotated[list[MatchedRule], OBJECTS] = Field(default_factory=list)
    context: dict[str, str] | None = None
    context_truncated: bool | None = None
    plane: LenientOptionalText = None
    excerpt: LenientOptionalText = None
    excerpt_offset: LenientCount = None
    statement_hash: LenientOptionalText = None
    policies_evaluated: LenientCount = None
    duration_ms: float | None = None
    approval_id: LenientOptionalText = None
    explanation: LenientOptionalText = None
    what_would_be_allowed: LenientOptionalText = None
