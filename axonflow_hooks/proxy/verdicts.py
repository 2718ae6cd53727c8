"""What the agent's REST routes answer (wire 1.4 to 1.6), as far as the proxy reads it."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from axonflow_hooks.wire.fields import OBJECT_OR_NONE, OBJECTS, LenientFlag, LenientOptionalText, LenientText
from axonflow_hooks.wire.mcp_tools import OutputVerdict


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _or_empty(value: object) -> object:
    return [] if value is None else value  # how Go writes an empty list


_NOTHING: Final[list[Any]] = []
TextList = Annotated[list[str], BeforeValidator(_texts)]


class Pending(BaseModel):
    """A hold that a person has to decide (wire 1.4, v11.1)."""

    model_config = ConfigDict(extra="ignore")

    approval_id: LenientText = ""
    status: LenientText = ""
    expires_at: LenientOptionalText = None


class DecideReply(BaseModel):
    """Body of `POST /api/v1/decide`, whatever its status. Only a deny may have obligations that are no list."""

    model_config = ConfigDict(extra="ignore")

    verdict: Literal["allow", "deny", "needs_approval"]
    decision_id: LenientText = ""
    trace_id: LenientText = ""
    obligations: Annotated[list[dict[str, Any]], BeforeValidator(_or_empty)] = Field(default_factory=list)
    evaluated_policies: TextList = Field(default_factory=list)
    reasons: TextList = Field(default_factory=list)
    error: LenientText = ""
    approval_id: LenientText = ""
    pending_approval: Annotated[Pending | None, OBJECT_OR_NONE] = None

    @model_validator(mode="before")
    @classmethod
    def _denied_whatever_else(cls, body: Any) -> Any:
        """Read the verdict first: a deny obliges to nothing, so that nothing beside it can make it void."""
        return {**body, "obligations": []} if isinstance(body, dict) and body.get("verdict") == "deny" else body


class CheckInputReply(BaseModel):
    """Body of `POST /api/v1/mcp/check-input`, where it is a verdict."""

    model_config = ConfigDict(extra="ignore")

    allowed: bool
    decision_id: LenientText = ""
    block_reason: LenientText = ""
    redacted: LenientFlag = False
    redacted_statement: LenientOptionalText = None
    redaction_evaluated: LenientFlag = False
    policy_matches: Annotated[list[dict[str, Any]], OBJECTS] = Field(default_factory=list)


class MatchedPolicy(BaseModel):
    """One policy that an output matched, as `policy_info` names it (wire 1.6)."""

    model_config = ConfigDict(extra="ignore")

    policy_id: LenientText = ""
    category: LenientText = ""


class PolicyInfo(BaseModel):
    """How a verdict came about, as far as it counts here."""

    model_config = ConfigDict(extra="ignore")

    matched_policies: Annotated[list[MatchedPolicy], OBJECTS] = Field(default_factory=list)


class OutputReply(OutputVerdict):
    """Body of `POST /api/v1/mcp/check-output`, where it is a verdict: that of the MCP tool, and the categories."""

    policy_info: Annotated[PolicyInfo | None, OBJECT_OR_NONE] = None

    @model_validator(mode="before")
    @classmethod
    def _matches_of_either(cls, body: Any) -> Any:
        """Read the matches of an allowed output where they stand: some releases name them in `policy_info` alone."""
        if not isinstance(body, dict) or body.get("policy_matches"):
            return body
        return {**body, "policy_matches": _matched(body)}


class Decision(NamedTuple):
    """A verdict on one request, put together from all the answers about it.

    `obliged` names what the agent asks for: masked arguments ("request"), a checked result ("response").
    `more_approvals` are the approvals that it takes besides `approval_id`, where pieces of it are held each.
    """

    verdict: Literal["allow", "deny", "needs_approval"]
    decision_id: str = ""
    trace_id: str = ""
    policies: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    obliged: frozenset[str] = frozenset()
    approval_id: str = ""
    status: int = 200
    retry_after_s: float | None = None
    failed_open: bool = False
    more_approvals: tuple[str, ...] = ()


def plain_allow(body: Any) -> Decision | None:
    """Give the decision of an answer that allows and asks for nothing, None for any other: `DecideReply` reads those.

    Most calls are allowed so; to look at five members takes a tenth of what reading the model does.
    """
    if not isinstance(body, dict) or body.get("verdict") != "allow" or not _obliges_to_nothing(body):
        return None
    decision_id, trace_id = body.get("decision_id"), body.get("trace_id")
    policies = body.get("evaluated_policies")
    if policies is None:
        policies = _NOTHING
    if not (isinstance(decision_id, str) and isinstance(trace_id, str) and isinstance(policies, list)):
        return None
    if body.get("reasons") or body.get("error"):
        return None
    if policies and not all(isinstance(policy, str) for policy in policies):
        return None
    return Decision("allow", decision_id, trace_id, tuple(policies))


def holds_no_verdict(body: Any) -> bool:
    """Tell whether an answer of an agent that fails has no verdict, or one that asks for nothing: a plain allow."""
    verdict = body.get("verdict") if isinstance(body, dict) else None
    return verdict is None or (verdict == "allow" and _obliges_to_nothing(body))


def plain_clean(body: Any) -> bool:
    """Tell whether an answer of check-output allows a result, was looked at, masks nothing and warns of nothing."""
    if not (
        isinstance(body, dict)
        and body.get("allowed") is True
        and body.get("redaction_evaluated") is True
        and not body.get("redacted")
        and body.get("redacted_data") is None
        and body.get("redacted_message") is None
    ):
        return False
    matches, info = body.get("policy_matches"), body.get("policy_info")
    if not matches and (info is None or (type(info) is dict and not info.get("matched_policies"))):
        return True
    return not (_warns(matches) or _warns(_matched(body)))


def _obliges_to_nothing(body: dict[str, Any]) -> bool:
    obligations = body.get("obligations")
    return obligations is None or obligations == _NOTHING


def _matched(body: dict[str, Any]) -> Any:
    info = body.get("policy_info")
    return info.get("matched_policies") if isinstance(info, dict) else None


def _warns(matches: Any) -> bool:
    """Tell whether one of the matches of an allowed output is more than noted."""
    if not isinstance(matches, list):
        return bool(matches)
    return not all(isinstance(match, dict) and match.get("action") != "warn" for match in matches)
