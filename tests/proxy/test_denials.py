"""A verdict is read before all else of an answer: a deny is a deny, and nothing that says more than "down" opens."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.errors import AgentError, AgentRefused, AgentUnavailable, MalformedVerdict, RateLimited
from axonflow_hooks.proxy.agent_link import Answer
from axonflow_hooks.proxy.breaker import FAILURES_TO_OPEN, Breaker
from axonflow_hooks.proxy.pdp import Pdp, Target, _decision
from axonflow_hooks.proxy.settings import load_proxy_settings
from tests.conftest import Reply
from tests.proxy.two_ways import Scenario, both_ways

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, World

DECIDE = "/api/v1/decide"
DENY: dict[str, Any] = {"verdict": "deny", "decision_id": "d", "trace_id": "t", "evaluated_policies": ["p"]}
OBLIGATION = {"type": "redact_pii"}

ODD = {
    "obligations null": {"obligations": None},
    "obligations a number": {"obligations": 5},
    "obligations a text": {"obligations": "x"},
    "obligations of texts": {"obligations": ["x"]},
    "obligation unknown": {"obligations": [{"type": "shred"}]},
    "policies null": {"evaluated_policies": None},
    "policies an object": {"evaluated_policies": {"a": 1}},
    "reasons null": {"reasons": None},
    "reasons a text": {"reasons": "no"},
    "ids numbers": {"decision_id": 1, "trace_id": [], "approval_id": {}},
    "pending a list": {"pending_approval": [1]},
    "pending of numbers": {"pending_approval": {"approval_id": 1, "status": [], "expires_at": {}}},
    "error an object": {"error": {"message": "x"}},
}


def _answer(status: int, body: Any) -> Answer:
    return Answer(status, {}, body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.mark.parametrize("status", [200, 202, 400, 401, 403, 429, 500, 503])
@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
def test_a_deny_is_one_whatever_stands_beside_it(odd: dict[str, Any], status: int) -> None:
    decision = _decision(_answer(status, {**DENY, **odd}))
    assert (decision.verdict, decision.status, decision.obliged) == ("deny", status, frozenset())


def test_what_of_a_denial_can_be_read_is_kept() -> None:
    odd = {"obligations": None, "reasons": ["no", 5], "evaluated_policies": ["p", None]}
    decision = _decision(_answer(503, {**DENY, **odd}))
    assert (decision.decision_id, decision.trace_id, decision.policies) == ("d", "t", ("p",))
    assert decision.reasons == ("no",)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"verdict": "needs_approval", "approval_id": "a"}, id="held"),
        pytest.param({"verdict": "DENY"}, id="deny in capitals"),
        pytest.param({"verdict": "maybe"}, id="unknown word"),
        pytest.param({"verdict": ""}, id="empty word"),
        pytest.param({"verdict": False}, id="no word"),
        pytest.param({"verdict": ["deny"]}, id="list"),
        pytest.param({"verdict": "allow", "obligations": [OBLIGATION]}, id="allowed with an obligation"),
        pytest.param({"verdict": "allow", "obligations": "redact"}, id="allowed with what is no list"),
        pytest.param(b'{"verdict":"deny","error":"\xff"}', id="deny that is not UTF-8"),
        pytest.param(b'{"verdict":"deny"} {"verdict":"allow"}', id="two answers"),
        pytest.param(b'{"verdict":"deny","reasons":["cut', id="torn"),
        pytest.param(b'[{"verdict":"deny"}]', id="list of answers"),
        pytest.param(b'{"verdict":"deny","x":' + b"[" * 5_000 + b"]" * 5_000 + b"}", id="nested"),
    ],
)
@pytest.mark.parametrize("status", [500, 503])
def test_a_verdict_of_a_failing_agent_never_counts_as_none(body: Any, status: int) -> None:
    with pytest.raises(MalformedVerdict):
        _decision(_answer(status, body))


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        pytest.param(503, {"error": "x"}, AgentUnavailable, id="no verdict"),
        pytest.param(503, {"verdict": None}, AgentUnavailable, id="null"),
        pytest.param(503, {"verdict": "allow", "obligations": None}, AgentUnavailable, id="plain allow"),
        pytest.param(500, b"<html>", AgentUnavailable, id="page"),
        pytest.param(500, b"", AgentUnavailable, id="nothing"),
        pytest.param(401, {"verdict": "maybe"}, AgentRefused, id="unknown word under 401"),
        pytest.param(429, {"verdict": "needs_approval"}, RateLimited, id="held under 429"),
    ],
)
def test_what_an_answer_without_a_verdict_means(status: int, body: Any, error: type[AgentError]) -> None:
    with pytest.raises(error) as raised:
        _decision(_answer(status, body))
    assert type(raised.value) is error


def test_lists_that_go_writes_as_null_are_empty() -> None:
    body = {"verdict": "allow", "obligations": None, "evaluated_policies": None, "reasons": None, "error": "told"}
    assert _decision(_answer(200, body)).obliged == frozenset()


class _Link:
    """An agent that answers the same to everything."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer

    async def post(self, *_: Any) -> Answer:
        return self.answer


@pytest.mark.parametrize(
    ("body", "left_alone"),
    [
        pytest.param({"error": "x"}, True, id="down"),
        pytest.param({**DENY, "obligations": None}, False, id="deny"),
        pytest.param({"verdict": "maybe"}, False, id="unknown word"),
    ],
)
def test_an_agent_that_says_no_is_asked_again(body: Any, left_alone: bool) -> None:
    """It would be taken for down after some denials otherwise, and calls would run without being asked about."""
    breaker = Breaker(time.monotonic)
    pdp = Pdp(load_proxy_settings({"AXONFLOW_BACKENDS": "[]"}), _Link(_answer(503, body)), breaker, lambda: "")  # type: ignore[arg-type]

    async def ask() -> None:
        for _ in range(FAILURES_TO_OPEN):
            try:
                await pdp.decide("q", Target("one", "look"))
            except AgentError:
                continue

    asyncio.run(ask())
    assert breaker.at_rest() is not left_alone


@pytest.mark.parametrize("mode", ["closed", "open"])
@pytest.mark.parametrize(
    ("body", "code"),
    [
        pytest.param({**DENY, "obligations": None}, -32001, id="deny as Go writes it"),
        pytest.param({**DENY, "obligations": 5}, -32001, id="deny with an odd obligation"),
        pytest.param({"verdict": "needs_approval", "approval_id": "a"}, -32003, id="held"),
        pytest.param({"verdict": "DENY"}, -32003, id="unknown word"),
    ],
)
def test_nothing_runs_against_a_verdict(
    world: World, agent: Agent, monkeypatch: pytest.MonkeyPatch, body: Any, code: int, mode: str
) -> None:
    scenario = Scenario("decision", "count", replies={DECIDE: Reply(503, body)}, settings={"AXONFLOW_FAIL_MODE": mode})
    general, straight, _ = both_ways(world, agent, scenario, monkeypatch)
    assert (straight.client, straight.backend, straight.rows) == (general.client, general.backend, general.rows)
    assert json.loads(straight.client[0])["error"]["code"] == code
    assert [message["params"]["name"] for message, _ in straight.backend] == ["echo"]
    assert not any(row["failed_open"] for row in straight.rows)
