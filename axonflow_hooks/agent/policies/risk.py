"""The risk score of a check (wire 1.12: `risk_score`), from what the static policies found in it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from axonflow_hooks.policy.model import PolicyMatch
    from axonflow_hooks.wire.words import Action, RiskLevel

SEVERITY_WEIGHT: Final[Mapping[RiskLevel, float]] = {"critical": 0.8, "high": 0.5, "medium": 0.25, "low": 0.1}
ACTION_FACTOR: Final[Mapping[Action, float]] = {
    "block": 1.0, "require_approval": 1.0, "redact": 1.0, "warn": 0.5, "log": 0.25, "none": 0.0,
}  # fmt: skip


def risk_score(matches: Iterable[PolicyMatch]) -> float:
    """Take the matches of different policies and give 0 (nothing found) to 1.

    Every match is taken for an independent chance w that the call does harm: the weight of its severity times the
    factor of its action. The score is the chance that at least one does: 1 - product of (1 - w), to three decimals.
    """
    harmless = 1.0
    for match in matches:
        harmless *= 1.0 - SEVERITY_WEIGHT[match.severity] * ACTION_FACTOR[match.action]
    return round(1.0 - harmless, 3)


def shifted(score: float, by: float) -> float:
    """Give a score after a `modify_risk`, kept within 0 and 1."""
    return round(min(1.0, max(0.0, score + by)), 3)
