"""The short way to read a plain allow gives what the model gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.errors import AgentRefused, MalformedVerdict
from axonflow_hooks.proxy.agent_link import Answer
from axonflow_hooks.proxy.pdp import _decision
from axonflow_hooks.proxy.verdicts import Decision, plain_allow, plain_clean

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


CLEAN: dict[str, Any] = {"allowed": True, "decision_id": "out-1", "redaction_evaluated": True}


@pytest.mark.parametrize("more", [{}, {"redacted": False, "redacted_data": None, "redacted_message": None}])
def test_clean_result_is_seen_the_short_way(more: dict[str, Any]) -> None:
    assert plain_clean({**CLEAN, **more})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(None, id="nothing"),
        pytest.param({**CLEAN, "allowed": False}, id="blocked"),
        pytest.param({**CLEAN, "allowed": 1}, id="no truth value"),
        pytest.param({**CLEAN, "redaction_evaluated": None}, id="not evaluated"),
        pytest.param({**CLEAN, "redacted_data": ""}, id="masked to nothing"),
        pytest.param({**CLEAN, "redacted_message": "x"}, id="masked message"),
        pytest.param({**CLEAN, "redacted": True}, id="masked, it says"),
    ],
)
def test_every_other_check_is_read_by_the_model(body: Any) -> None:
    assert not plain_clean(body)


def test_blanks_around_an_answer_are_no_fault() -> None:
    assert _decision(Answer(200, {}, b" " + json.dumps(PLAIN).encode() + b"\n")).verdict == "allow"
    with pytest.raises(MalformedVerdict):
        _decision(Answer(200, {}, json.dumps(PLAIN).encode() + b" x"))
