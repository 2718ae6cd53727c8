"""Dynamic policies evaluated on facts; a trial over REST agrees with a verdict for every operator."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.agent.check import Check
from axonflow_hooks.agent.policies.applied import apply_dynamic
from axonflow_hooks.agent.policies.evaluation import evaluate
from axonflow_hooks.agent.policies.facts import Facts, facts_of_trial
from axonflow_hooks.agent.policies.operators import OPERATORS, value_fault
from axonflow_hooks.agent.policies.patterns import Text
from axonflow_hooks.agent.policies.rules import rule_of
from axonflow_hooks.agent.rest.dynamic_tools import tried
from axonflow_hooks.agent.scanning import Scan
from axonflow_hooks.agent.tables.records import Caller
from axonflow_hooks.policy import Engine, Placeholders
from axonflow_hooks.wire.dynamic_policies import DynamicTest, TestUser
from tests.agent.policies.dynamic_kit import condition, policy, rule


def request(text: str = "", **values: Any) -> Facts:
    return Facts("request", [Text(text)], values)


def test_all_conditions_must_hold() -> None:
    both = rule(condition("query", "contains", "drop"), condition("connector", "equals", "postgres"))
    assert evaluate([both], request("DROP it", connector="postgres"), 0).hits
    assert not evaluate([both], request("DROP it", connector="mysql"), 0).hits
    assert not evaluate([both], request("keep it", connector="postgres"), 0).hits


def test_only_rules_of_the_plane_are_looked_at() -> None:
    rules = [rule(condition("query", "not_contains", "x")), rule(condition("response", "contains", "x"))]
    outcome = evaluate(rules, Facts("response", [Text("x")]), 0)
    assert (outcome.evaluated, [hit.rule for hit in outcome.hits]) == (1, rules[1:])


def test_a_changed_risk_counts_for_the_rules_after_it() -> None:
    raising = rule(
        condition("phase", "equals", "request"), actions=[{"type": "modify_risk", "config": {"adjustment": 0.3}}]
    )
    risky = rule(condition("risk_score", ">", 0.5))
    assert len(evaluate([raising, risky], request(), 0.4).hits) == 2
    assert len(evaluate([risky, raising], request(), 0.4).hits) == 1
    assert evaluate([raising], request(), 0.4).risk_score == 0.7


def test_places_are_told_by_text() -> None:
    hit = evaluate([rule(condition("query", "contains", "b"))], Facts("request", [Text("a"), Text("ab b")]), 0).hits[0]
    assert hit.places == {1: [(1, 2), (3, 4)]}


FIELDS = {
    "query": ("", "a", "A b", "5", "salary"),
    "user.email": ("a@b.c", "A"),
    "user.region": ("DE", "5"),
    "connector": ("a", "gateway"),
    "cost_estimate": ("5", "7.5"),
    "context.team": ("a", "5"),
    "risk_score": (None,),
}
words = st.sampled_from(["a", "A", "5", "b", "salary", "DE"])
values = st.one_of(words, st.integers(0, 9), st.booleans(), st.lists(words, max_size=3))


@given(st.data())
def test_a_trial_and_a_verdict_agree(data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(sorted(FIELDS)))
    operator = data.draw(st.sampled_from(OPERATORS))
    value: Any = data.draw(values)
    if value_fault(operator, value):
        return
    made = policy(condition(field, operator, value))
    known = {name: data.draw(st.sampled_from((None, *texts))) for name, texts in FIELDS.items()}
    caller = Caller("local", user_email=known["user.email"])
    context = {
        "user_region": known["user.region"],
        "cost_estimate": known["cost_estimate"],
        "team": known["context.team"],
    }
    query = known["query"] or "nothing"
    check = Check(
        "request",
        "check_policy",
        known["connector"] or "none",
        {"statement": query},
        len(query),
        frozenset(),
        context={name: text for name, text in context.items() if text is not None},
    )
    scan = Scan(Engine([]), check.phase, check.tool_signature, check.integrations, Placeholders())
    _masked, info = apply_dynamic([rule_of(made)], scan, check, caller, check.fields)
    trial = DynamicTest(
        query=query,
        user=TestUser(email=caller.user_email, region=known["user.region"]),
        connector=check.tool_signature,
        context=dict(check.context),
        cost_estimate=None if known["cost_estimate"] is None else float(known["cost_estimate"]),
    )
    result = tried(made, facts_of_trial(trial, caller.tenant_id), 0.0)
    assert result.matched is bool(info.matches)
    assert [each.matched for each in result.conditions] == [result.matched]


@pytest.mark.parametrize(
    ("trial", "phase", "texts"),
    [
        (DynamicTest(query="a"), "request", ["a"]),
        (DynamicTest(response="b"), "response", ["b"]),
        (DynamicTest(query="a", response="b", phase="response"), "response", ["b"]),
        (DynamicTest(), "request", []),
    ],
    ids=["query", "response", "both", "neither"],
)
def test_the_plane_of_a_trial(trial: DynamicTest, phase: str, texts: list[str]) -> None:
    facts = facts_of_trial(trial, "default")
    assert (facts.phase, [text.text for text in facts.texts]) == (phase, texts)
