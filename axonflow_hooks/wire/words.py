"""The closed vocabularies of the contract, without pydantic so that the policy engine stays light."""

from __future__ import annotations

from typing import Final, Literal

RiskLevel = Literal["low", "medium", "high", "critical"]
"""Severity of a policy and risk level of a decision (wire 1.3.1)."""

Action = Literal["block", "require_approval", "redact", "warn", "log", "none"]
"""What a policy asks for when it matches; `none` is the action of an evaluation that nothing matched."""

Phase = Literal["request", "response"]
"""The plane a text is seen on: before execution (statement) or after it (output); wire 2.2b."""

ACTIONS_BY_STRENGTH: Final[tuple[Action, ...]] = (
    "block",
    "require_approval",
    "redact",
    "warn",
    "log",
    "none",
)
RISK_LEVELS_BY_WEIGHT: Final[tuple[RiskLevel, ...]] = ("critical", "high", "medium", "low")


def strongest_action(actions: list[Action]) -> Action:
    """Take the actions of all matches and give the strongest, `none` for no match."""
    return min(actions, key=ACTIONS_BY_STRENGTH.index, default="none")


def highest_risk(levels: list[RiskLevel]) -> RiskLevel | None:
    """Take risk levels and give the weightiest, or None for none."""
    return min(levels, key=RISK_LEVELS_BY_WEIGHT.index, default=None)
