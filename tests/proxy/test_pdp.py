"""The short way to read a plain allow gives what the model gives."""

from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.errors import AgentRefused, MalformedVerdict
from axonflow_hooks.proxy.agent_link import Answer
from axonflow_hooks.proxy.pdp import _decision
from axonflow_hooks.proxy.refusals import denied, held
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
    assert plain_allow({**PLAIN, "obligations": None}) == expected
    assert plain_allow({**PLAIN, "evaluated_policies": None}) == expected._replace(policies=())


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"verdict": "deny"}, id="deny"),
        pytest.param({"verdict": "needs_approval"}, id="held"),
        pytest.param({"verdict": "Allow"}, id="unknown verdict"),
        pytest.param({"verdict": True}, id="no verdict"),
        pytest.param({"obligations": [{"type": "redact_pii"}]}, id="obligation"),
        pytest.param({"obligations": {}}, id="obligations that are no list"),
        pytest.param({"evaluated_policies": [1]}, id="policies that are no texts"),
        pytest.param({"evaluated_policies": "one"}, id="policies that are no list"),
        pytest.param({"decision_id": 1}, id="id that is no text"),
        pytest.param({"reasons": ["said"]}, id="reasons"),
    ],
)
def test_everything_else_is_read_by_the_model(change: dict[str, Any]) -> None:
    assert plain_allow({**PLAIN, **change}) is None


@pytest.mark.parametrize("obligations", [{}, "redact", 0, False, [None], [[]]])
def test_obligations_of_another_shape_never_pass(obligations: object) -> None:
    body = json.dumps({**PLAIN, "obligations": obligations}).encode()
    with pytest.raises(MalformedVerdict):
        _decision(Answer(200, {}, body))


def test_allow_counts_under_200_alone() -> None:
    with pytest.raises(AgentRefused):
        _decision(Answer(201, {}, json.dumps(PLAIN).encode()))


CLEAN: dict[str, Any] = {"allowed": True, "decision_id": "out-1", "redaction_evaluated": True}


NOTED: dict[str, Any] = {"policy_id": "p", "action": "log"}
WARNING: dict[str, Any] = {"policy_id": "p", "action": "warn"}


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="plain"),
        pytest.param({"redacted": False, "redacted_data": None, "redacted_message": None}, id="says so"),
        pytest.param({"policy_matches": [NOTED], "policy_info": {"matched_policies": [NOTED]}}, id="noted"),
        pytest.param({"policy_matches": [], "policy_info": None}, id="no match"),
    ],
)
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
        pytest.param({**CLEAN, "policy_matches": [NOTED, WARNING]}, id="a warning"),
        pytest.param({**CLEAN, "policy_info": {"matched_policies": [WARNING]}}, id="a warning in the info"),
        pytest.param({**CLEAN, "policy_matches": "p"}, id="matches that are no list"),
    ],
)
def test_every_other_check_is_read_by_the_model(body: Any) -> None:
    assert not plain_clean(body)


CREDENTIALS = "Check AXONFLOW_ENDPOINT, AXONFLOW_CLIENT_ID and AXONFLOW_CLIENT_SECRET."
USER_TOKEN = "Unset AXONFLOW_USER_TOKEN, or correct it: an agent that knows no users cannot verify one."


@pytest.mark.parametrize(
    ("decision", "message"),
    [
        pytest.param(
            Decision("deny", status=401, reasons=("Authentication required",)),
            f"The agent refuses this proxy (HTTP 401): Authentication required. {CREDENTIALS}",
            id="credential",
        ),
        pytest.param(
            Decision("deny", status=401, reasons=("X-User-Token cannot be verified here.",)),
            f"The agent refuses this proxy (HTTP 401): X-User-Token cannot be verified here. {USER_TOKEN}",
            id="user token",
        ),
        pytest.param(
            Decision("deny", status=403, reasons=("Tenant mismatch",)),
            f"The agent refuses this proxy (HTTP 403): Tenant mismatch. {CREDENTIALS}",
            id="tenant",
        ),
        pytest.param(
            Decision("deny", "d", "t", ("p",), ("no.",), status=403),
            "Blocked by policy: no. Policies: p. Decision d, trace t.",
            id="policy under 403",
        ),
        pytest.param(Decision("deny", trace_id="t"), "Blocked by policy: a policy of your organisation forbids it. "
                     "Trace t.", id="trace alone"),
    ],
)  # fmt: skip
def test_what_a_denial_says(decision: Decision, message: str) -> None:
    refusal = denied(decision)
    assert refusal.message == message
    assert ".." not in message
    assert refusal.code == -32001


@pytest.mark.parametrize(
    ("decision", "how"),
    [
        pytest.param(Decision("needs_approval"), "Ask an approver to allow it", id="no id"),
        pytest.param(Decision("needs_approval", approval_id="a"), "Ask an approver to decide on a in", id="one"),
        pytest.param(
            Decision("needs_approval", approval_id="a", more_approvals=("b", "c")),
            "Ask an approver to decide on all of a, b, c in",
            id="three",
        ),
    ],
)
def test_what_a_hold_says(decision: Decision, how: str) -> None:
    refusal = held(decision._replace(reasons=("two people must agree.",)))
    assert refusal.message.startswith("This call waits for a person's approval (two people must agree); it was not")
    assert f" {how}" in refusal.message
    assert refusal.data.get("approval_ids") == (["a", "b", "c"] if decision.more_approvals else None)


def test_blanks_around_an_answer_are_no_fault() -> None:
    assert _decision(Answer(200, {}, b" " + json.dumps(PLAIN).encode() + b"\n")).verdict == "allow"
    with pytest.raises(MalformedVerdict):
        _decision(Answer(200, {}, json.dumps(PLAIN).encode() + b" x"))
