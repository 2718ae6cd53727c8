"""The fields that dynamic conditions may ask about."""

from __future__ import annotations

import pytest

from axonflow_hooks.agent.check import Check
from axonflow_hooks.agent.policies.facts import FIELDS, Facts, facts_of_check, facts_of_trial, is_field
from axonflow_hooks.agent.policies.patterns import Text
from axonflow_hooks.agent.tables.records import Caller
from axonflow_hooks.wire.dynamic_policies import DynamicTest, TestUser

CONTEXT = {"user_role": "dev", "user_department": "it", "user_region": "DE", "cost_estimate": "5", "team": "blue"}
EXPECTED = {
    "query": "text",
    "user.email": "dev@example.com",
    "user.role": "dev",
    "user.department": "it",
    "user.region": "DE",
    "user.tenant_id": "cs_1",
    "risk_score": 0.5,
    "request_type": "decide",
    "connector": "postgres.query",
    "cost_estimate": "5",
    "client.id": "c",
    "client.name": "claude-code-plugin/2",
    "phase": "request",
    "provider": "openai",
    "context.team": "blue",
}


def plain(facts: Facts, name: str) -> list[object]:
    return [fact.text if isinstance(fact, Text) else fact for fact in facts.of(name, 0.5)]


def test_every_field_of_a_check_has_its_value() -> None:
    caller = Caller("c", "cs_1", user_email="dev@example.com", client_software="claude-code-plugin/2")
    target = {"provider": "openai"}
    check = Check("request", "decide", "postgres.query", {}, 1, frozenset(), context=CONTEXT, target=target)
    facts = facts_of_check(check, caller, ["text"])
    assert {name: plain(facts, name) for name in EXPECTED} == {name: [value] for name, value in EXPECTED.items()}
    assert set(FIELDS) - {"response"} <= EXPECTED.keys()


def test_every_field_of_a_trial_has_its_value() -> None:
    trial = DynamicTest(
        query="text",
        user=TestUser(email="dev@example.com", role="dev", department="it", region="DE"),
        request_type="decide",
        connector="postgres.query",
        client_id="c",
        client_name="claude-code-plugin/2",
        provider="openai",
        cost_estimate=5,
        context={"team": "blue"},
    )
    facts = facts_of_trial(trial, "cs_1")
    expected = {**EXPECTED, "cost_estimate": 5}
    assert {name: plain(facts, name) for name in expected} == {name: [value] for name, value in expected.items()}


def test_what_is_not_known_has_no_value() -> None:
    check = Check("response", "check_output", "x", {}, 1, frozenset())
    facts = facts_of_check(check, Caller("c"), [])
    for name in ("response", "user.email", "user.role", "cost_estimate", "provider", "context.team"):
        assert plain(facts, name) == []


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("query", True),
        ("context.a-b.c", True),
        ("context.", False),
        ("context", False),
        ("user.name", False),
        ("context.é", False),
        ("Query", False),
    ],
)
def test_is_field(name: str, known: bool) -> None:
    assert is_field(name) is known
