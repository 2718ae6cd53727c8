"""Session overrides: a policy lifted for a while by a person (wire 1.8)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

DEFAULT_TTL_S: Final = 3_600
MIN_TTL_S: Final = 60
MAX_TTL_S: Final = 86_400
MAX_REASON_CHARS: Final = 500
OVERRIDE_FIELDS_NEEDED: Final = "policy_id, policy_type and override_reason are required"

PolicyType = Literal["static", "dynamic"]
ClampReason = Literal["exceeds_hard_cap", "below_minimum"]


class CreateOverride(BaseModel):
    """What is asked for. `ttl_seconds` 0 or none stands for an hour; a tool signature is as in decisions."""

    model_config = ConfigDict(extra="ignore")

    policy_id: str
    policy_type: PolicyType
    override_reason: str
    tool_signature: str | None = None
    ttl_seconds: int | None = None


class OverrideCreated(BaseModel):
    """The answer to a creation (201): `requested_ttl` and the clamp stand there where the time was changed."""

    model_config = ConfigDict(extra="ignore")

    id: str
    policy_id: str
    policy_type: str
    expires_at: str
    ttl_seconds: int
    created_at: str
    requested_ttl: int | None = None
    clamped: bool | None = None
    clamped_reason: ClampReason | None = None


class OverrideRow(BaseModel):
    """One override, as lists give it."""

    model_config = ConfigDict(extra="ignore")

    id: str
    policy_id: str
    policy_type: str
    tenant_id: str
    organization_id: str
    action_override: str
    enabled_override: bool | None = None
    override_reason: str
    expires_at: str
    ttl_seconds: int
    tool_signature: str | None = None
    created_by: str
    created_at: str
    revoked_at: str | None = None
    revoked_by: str | None = None


class OverrideList(BaseModel):
    """Overrides, newest first, at most 100."""

    model_config = ConfigDict(extra="ignore")

    overrides: list[OverrideRow]
    count: int


class OverrideRevoked(BaseModel):
    """The answer to a revocation."""

    model_config = ConfigDict(extra="ignore")

    id: str
    revoked_at: str


def _flag_text(value: Any) -> Any:
    return value.strip().lower() if isinstance(value, str) else value


class OverrideQuery(BaseModel):
    """Which overrides: `include_revoked` adds those that are over."""

    model_config = ConfigDict(extra="ignore")

    policy_id: str | None = None
    include_revoked: Annotated[bool, BeforeValidator(_flag_text)] = Field(default=False)
