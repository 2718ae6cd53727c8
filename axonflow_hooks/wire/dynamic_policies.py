"""Bodies and answers of the routes of dynamic policies (wire 1.12)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from axonflow_hooks.wire.policies import Category, Description, Name, Pagination, Priority, StaticPolicyView, Tags

MAX_CONDITIONS: Final = 20
MAX_ACTIONS: Final = 10
MAX_VALUES: Final = 200
MAX_IMPORT: Final = 100

DynamicType = Literal["content", "user", "risk", "cost"]
OverwriteMode = Literal["skip", "overwrite", "error"]
Scalar = bool | int | float | str
Value = Scalar | list[Scalar]


class Condition(BaseModel):
    """One condition of a dynamic policy."""

    model_config = ConfigDict(frozen=True)

    field: Annotated[str, Field(min_length=1, max_length=128)]
    operator: Annotated[str, Field(min_length=1, max_length=32)]
    value: Value


class DynamicAction(BaseModel):
    """What a dynamic policy does when its conditions hold."""

    model_config = ConfigDict(frozen=True)

    type: Annotated[str, Field(min_length=1, max_length=32)]
    config: dict[str, Any] = Field(default_factory=dict)


class DynamicPolicyCreate(BaseModel):
    """A new dynamic policy: when all conditions hold, all actions are taken."""

    model_config = ConfigDict(frozen=True)

    name: Name
    description: Description = ""
    type: DynamicType = "risk"
    category: Category = "dynamic-risk"
    tier: Literal["system", "organization", "tenant"] = "tenant"
    organization_id: Annotated[str, Field(max_length=128)] | None = None
    conditions: Annotated[list[Condition], Field(min_length=1, max_length=MAX_CONDITIONS)]
    actions: Annotated[list[DynamicAction], Field(min_length=1, max_length=MAX_ACTIONS)]
    priority: Priority = 0
    enabled: bool = True
    tags: Tags = Field(default_factory=list)


class DynamicPolicyUpdate(BaseModel):
    """The fields of a dynamic policy that change."""

    model_config = ConfigDict(frozen=True)

    name: Name | None = None
    description: Description | None = None
    type: DynamicType | None = None
    category: Category | None = None
    tier: Literal["system", "organization", "tenant"] | None = None
    organization_id: Annotated[str, Field(max_length=128)] | None = None
    conditions: Annotated[list[Condition], Field(min_length=1, max_length=MAX_CONDITIONS)] | None = None
    actions: Annotated[list[DynamicAction], Field(min_length=1, max_length=MAX_ACTIONS)] | None = None
    priority: Priority | None = None
    enabled: bool | None = None
    tags: Tags | None = None


class DynamicPolicyView(BaseModel):
    """A dynamic policy."""

    id: str
    policy_id: str
    name: str
    description: str
    type: DynamicType
    category: str
    tier: Literal["system", "tenant"]
    organization_id: str | None = None
    conditions: list[Condition]
    actions: list[DynamicAction]
    priority: int
    enabled: bool
    version: int
    tags: list[str]
    tenant_id: str | None = None
    created_at: str
    updated_at: str
    created_by: str | None = None
    updated_by: str | None = None


class DynamicPolicyReply(BaseModel):
    """One dynamic policy, as single ones are answered."""

    policy: DynamicPolicyView


class DynamicPolicyPage(BaseModel):
    """A page of dynamic policies."""

    policies: list[DynamicPolicyView]
    pagination: Pagination


class DynamicPolicies(BaseModel):
    """The dynamic policies that are evaluated, in the order of their evaluation."""

    policies: list[DynamicPolicyView]
    count: int


class EffectivePolicies(BaseModel):
    """What holds for a tenant at the moment."""

    static: list[StaticPolicyView]
    dynamic: list[DynamicPolicyView]
    tenant_id: str
    organization_id: str | None = None
    computed_at: str


class TestUser(BaseModel):
    """The person of a trial."""

    __test__ = False
    model_config = ConfigDict(frozen=True)

    email: str | None = None
    role: str | None = None
    department: str | None = None
    region: str | None = None


class DynamicTest(BaseModel):
    """The facts of a trial. Without `phase`, it is response where a response is given and no query."""

    model_config = ConfigDict(frozen=True)

    query: str | None = None
    response: str | None = None
    phase: Literal["request", "response"] | None = None
    user: TestUser = Field(default_factory=TestUser)
    request_type: str | None = None
    connector: str | None = None
    client_id: str | None = None
    client_name: str | None = None
    provider: str | None = None
    risk_score: Annotated[float, Field(ge=0, le=1)] | None = None
    cost_estimate: float | None = None
    context: dict[str, Scalar] = Field(default_factory=dict)


class ConditionResult(BaseModel):
    """Whether one condition held."""

    field: str
    operator: str
    matched: bool


class DynamicTestResult(BaseModel):
    """What a dynamic policy would have done."""

    matched: bool
    blocked: bool
    actions: list[DynamicAction]
    conditions: list[ConditionResult]
    risk_score: float
    explanation: str


class PolicyImport(BaseModel):
    """Dynamic policies to take over, told apart by name."""

    model_config = ConfigDict(frozen=True)

    policies: Annotated[list[DynamicPolicyCreate], Field(max_length=MAX_IMPORT)]
    overwrite_mode: OverwriteMode = "error"


class PolicyImportResult(BaseModel):
    """What became of them."""

    created: int
    updated: int
    skipped: int
    errors: list[str]


class PolicyExport(BaseModel):
    """The tenant's own dynamic policies, as PolicyImport takes them."""

    policies: list[DynamicPolicyCreate]
    exported_at: str
    tenant_id: str
