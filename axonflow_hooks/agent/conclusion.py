"""From what matched to what is decided: the strongest action counts, and what was lifted does not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from axonflow_hooks.wire.words import highest_risk, strongest_action

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.agent.tables.records import MatchRecord
    from axonflow_hooks.wire.audit import Decision
    from axonflow_hooks.wire.words import Action, RiskLevel

BLOCKING: Final = frozenset({"block", "require_approval"})


class Conclusion(NamedTuple):
    """What matches add up to. `risk` is that of what decided, not of what was found besides."""

    decision: Decision
    action: Action
    risk: RiskLevel | None
    reason: str


_NOTHING: Final = Conclusion("allowed", "none", None, "No policy matched.")


def conclude(matches: Sequence[MatchRecord]) -> Conclusion:
    """Take matches, the strongest first, and give what they add up to (wire 1.3.1, 1.4)."""
    if not matches:
        return _NOTHING
    counting = [match for match in matches if match.lifted_by is None]
    action = strongest_action([match.action for match in counting])
    decided = [match for match in counting if match.action == action]
    decision = _decision(action)
    risk = highest_risk([match.risk_level for match in decided])
    return Conclusion(decision, action, risk, _reason(decided, decision))


def is_overridable(match: MatchRecord) -> bool:
    """Tell whether an override can lift this match (wire 1.8): a block, not critical, that admits overrides."""
    return match.action == "block" and match.allow_override and match.risk_level != "critical"


def _decision(action: Action) -> Decision:
    if action == "block":
        return "blocked"
    if action == "require_approval":
        return "needs_approval"
    return "redacted" if action == "redact" else "allowed"


def _reason(decided: Sequence[MatchRecord], decision: Decision) -> str:
    if not decided:
        return "No policy matched."
    if decision in {"blocked", "needs_approval"}:
        return decided[0].policy_description
    names = ", ".join(match.policy_name for match in decided)
    return f"Masked: {names}." if decision == "redacted" else f"Allowed and noted: {names}."
