"""The short way to read a plain allow gives what the model gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.errors import AgentRefused, MalformedVerdict
from axonflow_hooks.proxy.agent_link import Answer
from axonflow_hooks.proxy.pdp import _decision
from axonflow_hooks.proxy.verdicts import Decision, plain_allow

PLAIN: dict[str, Any] = {
    "verdict": "allow",
    "decision_id": "dec-1",
    "trace_id": "a" * 32,
    "evaluated_policies": ["one", "two"],
    "obligations": [],
    "stage": "tool",
}


def test_plain_allow_is_read_the_short_way() -> None:
    expected = Decision("allow", "dec-1", "a" * 32, ("one", "two"))
    assert plain_allow(PLAIN) == expected
    assert plain_allow({name: value for name, value in PLAIN.items() if name != "obligations"}) == expected


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"verdict": "deny"}, id="deny"),
        pytest.param({"verdict": "needs_approval"}, id="held"),
        pytest.param({"verdict": "Allow"}, id="unknown verdict"),
        pytest.param({"verdict": True}, id="no verdict"),
        pytest.param({"obligations": [{"type": "redact_pii"}]}, id="obligation"),
        pytest.param({"obligations": None}, id="obligations that are none"),
        pytest.param({"obligations": {}}, id="obligations that are no list"),
        pytest.param({"evaluated_policies": [1]}, id="policies that are no texts"),
        pytest.param({"evaluated_policies": None}, id="no policies"),
        pytest.param({"decision_id": 1}, id="id that is no text"),
        pytest.param({"reasons": ["said"]}, id="reasons"),
    ],
)
def test_everything_else_is_read_by_the_model(change: dict[str, Any]) -> None:
    assert plain_allow({**PLAIN, **change}) is None


@pytest.mark.parametrize("obligations", [None, {}, "redact"])
def test_obligations_of_another_shape_never_pass(obligations: object) -> None:
    body = json.dumps({**PLAIN, "obligations": obligations}).encode()
    with pytest.raises(MalformedVerdict):
        _decision(Answer(200, {}, body))


def test_allow_counts_under_200_alone() -> None:
    with pytest.raises(AgentRefused):
        _decision(Answer(201, {}, json.dumps(PLAIN).encode()))
