"""Which policies stay in use where not all of them compile together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.policies.fitting import MAX_LEFT_OUT, fitting
from axonflow_hooks.policy import load_engine

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.policy import Policy

ALL = load_engine().policies[:40]


@pytest.mark.parametrize(
    ("too_big", "left_out"),
    [
        pytest.param([], [], id="none"),
        pytest.param([0], [0], id="the first"),
        pytest.param([39], [39], id="the last"),
        pytest.param([3, 4, 20], [3, 4, 20], id="some"),
        pytest.param(list(range(40)), list(range(40)), id="all"),
        pytest.param(list(range(0, 40, 2)), [*range(0, 15, 2), *range(15, 40)], id="more than are looked for"),
    ],
)
def test_those_that_do_not_fit_are_left_out(too_big: list[int], left_out: list[int]) -> None:
    tried = 0
    bad = {ALL[number].id for number in too_big}

    def compiles(policies: Sequence[Policy]) -> bool:
        nonlocal tried
        tried += 1
        return not any(policy.id in bad for policy in policies)

    changed = {policy.id: f"{number:03}" for number, policy in enumerate(ALL)}
    kept, others = fitting(ALL, changed, compiles)
    assert [ALL.index(policy) for policy in others] == left_out
    assert kept == [policy for policy in ALL if policy not in others]
    assert tried <= MAX_LEFT_OUT * 8


def test_what_changed_last_gives_way_and_the_order_stays() -> None:
    changed = {policy.id: "1" for policy in ALL} | {ALL[5].id: "2"}
    kept, left_out = fitting(ALL, changed, lambda policies: len(policies) < len(ALL))
    assert left_out == [ALL[5]]
    assert kept == [policy for policy in ALL if policy is not ALL[5]]
