"""The risk score."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.agent.policies.risk import risk_score, shifted
from axonflow_hooks.policy import PolicyMatch
from axonflow_hooks.wire.words import ACTIONS_BY_STRENGTH, RISK_LEVELS_BY_WEIGHT


def match(severity: Any, action: Any) -> PolicyMatch:
    return PolicyMatch("id", "name", "c", severity, action, True, "d", ())


@pytest.mark.parametrize(
    ("matches", "score"),
    [
        ([], 0.0),
        ([("critical", "block")], 0.8),
        ([("critical", "warn")], 0.4),
        ([("high", "block"), ("high", "block")], 0.75),
        ([("critical", "block"), ("low", "log")], 0.805),
        ([("medium", "log")], 0.062),
    ],
    ids=["nothing", "critical", "warned", "two", "and-a-note", "note"],
)
def test_scores(matches: list[tuple[str, str]], score: float) -> None:
    assert risk_score(match(*each) for each in matches) == pytest.approx(score, abs=0.0006)


pairs = st.tuples(st.sampled_from(RISK_LEVELS_BY_WEIGHT), st.sampled_from(ACTIONS_BY_STRENGTH))


@given(st.lists(pairs, max_size=8), pairs)
def test_more_findings_are_never_less_risk(found: list[tuple[str, str]], more: tuple[str, str]) -> None:
    before = risk_score(match(*each) for each in found)
    after = risk_score(match(*each) for each in [*found, more])
    assert 0 <= before <= after <= 1


@pytest.mark.parametrize(("score", "by", "result"), [(0.5, 0.1, 0.6), (0.95, 0.1, 1.0), (0.05, -0.5, 0.0)])
def test_shifted(score: float, by: float, result: float) -> None:
    assert shifted(score, by) == result
