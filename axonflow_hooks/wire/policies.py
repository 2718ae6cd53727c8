"""Bodies and answers of the routes of static policies (wire 1.11), and what both kinds of policies share."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from axonflow_hooks.wire.words import RiskLevel

StaticAction = Literal["block", "require_approval", "redact", "warn", "log", "allow"]
"""What a static policy may ask for; `allow` notes a match and lifts nothing."""

OverrideAction = Literal["block", "require_approval", "redact", "warn", "log"]
ChangeType = Literal["created", "updated", "deleted", "enabled", "disabled"]

MAX_NAME_CHARS: Final = 200
MAX_DESCRIPTION_CHARS: Final = 2_000
MAX_REASON_CHARS: Final = 500
MAX_PATTERN_CHARS: Final = 1_000
MAX_TAGS: Final = 20
MAX_TEST_INPUTS: Final = 100

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME_CHARS)]
Description = Annotated[str, Field(max_length=MAX_DESCRIPTION_CHARS)]
Category = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,63}$")]
Pattern = Annotated[str, Field(min_length=1, max_length=MAX_PATTERN_CHARS)]
Priority = Annotated[int, Field(ge=-1_000_000, le=1_000_000)]
Tags = Annotated[list[Annotated[str, Field(min_length=1, max_length=64)]], Field(max_length=MAX_TAGS)]
Reason = Annotated[str, Field(min_length=1, max_length=MAX_REASON_CHARS)]


class StaticPolicyCreate(BaseModel):
    """A new pattern policy. Only tenant policies can be made over REST."""

    model_config = ConfigDict(frozen=True)

    name: Name
    pattern: Pattern
    category: Category
    action: StaticAction = "block"
    severity: RiskLevel = "medium"
    tier: Literal["system", "organization", "tenant"] = "tenant"
    description: Description = ""
    enabled: bool = True
    priority: Priority = 50
    tags: Tags = Field(default_factory=list)
    organization_id: Annotated[str, Field(max_length=128)] | None = None


class StaticPolicyUpdate(BaseModel):
    """The fields of a pattern policy that change; what is not named stays."""

    model_config = ConfigDict(frozen=True)

    name: Name | None = None
    pattern: Pattern | None = None
    category: Category | None = None
    action: StaticAction | None = None
    severity: RiskLevel | None = None
    description: Description | None = None
    enabled: bool | None = None
    priority: Priority | None = None
    tags: Tags | None = None


class Toggle(BaseModel):
    """Switches a policy on or off."""

    model_config = ConfigDict(frozen=True)

    enabled: bool


class PolicyListQuery(BaseModel):
    """Filters and paging of a list: by `page` and `page_size`, or by `limit` and `offset` as clients send them."""

    model_config = ConfigDict(frozen=True)

    page: Annotated[int, Field(ge=1, le=100_000)] | None = None
    page_size: Annotated[int, Field(ge=1, le=100)] | None = None
    limit: Annotated[int, Field(ge=1, le=1_000)] | None = None
    offset: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    category: str | None = None
    type: str | None = None
    tier: Literal["system", "organization", "tenant"] | None = None
    severity: RiskLevel | None = None
    enabled: bool | None = None
    organization_id: str | None = None
    search: Annotated[str, Field(max_length=200)] | None = None
    sort_by: Literal["name", "policy_id", "category", "severity", "priority", "created_at", "updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    sort_dir: Literal["asc", "desc"] | None = None


class EffectiveQuery(BaseModel):
    """Which of the effective policies are listed."""

    model_config = ConfigDict(frozen=True)

    category: str | None = None
    include_disabled: bool = False
    include_overridden: bool = False


class PatternTest(BaseModel):
    """A pattern to try on texts; `input` stands for one of them."""

    model_config = ConfigDict(frozen=True)

    pattern: Annotated[str, Field(min_length=1)]
    inputs: Annotated[list[str], Field(max_length=MAX_TEST_INPUTS)] | None = None
    input: str | None = None


class PatternMatch(BaseModel):
    """What a pattern finds in one text: the first match as `groups[0]`, then its groups."""

    input: str
    matched: bool
    groups: list[str] | None = None


class PatternTestResult(BaseModel):
    """Whether a pattern is accepted, and what it finds."""

    valid: bool
    error: str | None = None
    pattern: str
    inputs: list[str]
    matches: list[PatternMatch]


class PolicyOverrideCreate(BaseModel):
    """Another action for a policy of the system, or its switch, until `expires_at` (RFC 3339)."""

    model_config = ConfigDict(frozen=True)

    override_reason: Reason
    action_override: OverrideAction | None = None
    enabled_override: bool | None = None
    expires_at: str | None = None


class PolicyOverrideView(BaseModel):
    """A per-policy override as it stands."""

    id: str
    policy_id: str
    action_override: OverrideAction
    enabled_override: bool | None = None
    override_reason: str
    created_by: str
    created_at: str
    expires_at: str | None = None


class PolicyOverrides(BaseModel):
    """The live overrides of a tenant."""

    overrides: list[PolicyOverrideView]
    count: int


class StaticPolicyView(BaseModel):
    """A static policy; the fields from `origin` on are additions of the embedded agent.

    `origin` is builtin, pack (a file of the user) or tenant. `action` is the strongest of the planes' actions.
    `not_in_use` says why nothing is judged by a policy that the agent has and cannot use.
    """

    id: str
    policy_id: str
    name: str
    description: str
    category: str
    tier: Literal["system", "tenant"]
    pattern: str
    severity: RiskLevel
    enabled: bool
    action: StaticAction
    priority: int
    organization_id: str | None = None
    tenant_id: str | None = None
    created_at: str
    updated_at: str
    version: int
    tags: list[str]
    has_override: bool
    override: PolicyOverrideView | None = None
    origin: Literal["builtin", "pack", "tenant"]
    allow_override: bool
    phase: Literal["request", "response", "both"]
    action_request: StaticAction | None = None
    action_response: StaticAction | None = None
    scope: list[str]
    references: list[str]
    integration: str | None = None
    not_in_use: str | None = None


class Pagination(BaseModel):
    """Where a page stands; `total` and `total_items` are the same number under both of its names."""

    page: int
    page_size: int
    total_items: int
    total: int
    total_pages: int
    limit: int
    offset: int


class StaticPolicyPage(BaseModel):
    """A page of static policies."""

    policies: list[StaticPolicyView]
    pagination: Pagination


class PolicyVersionView(BaseModel):
    """The state of a policy after one change."""

    id: str
    policy_id: str
    version: int
    snapshot: dict[str, Any]
    change_type: ChangeType
    change_summary: str
    changed_by: str
    changed_at: str


class PolicyVersions(BaseModel):
    """The changes of a policy, the newest first."""

    policy_id: str
    versions: list[PolicyVersionView]
    count: int


class PolicyStatus(BaseModel):
    """How many policies are in use, how often they have changed, and what is not in use and why."""

    static: int
    builtin: int
    dynamic: int
    revision: int
    faults: list[str]
