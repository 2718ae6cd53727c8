"""What dynamic policies may say, and what their rules do."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.policies.rules import ACTION_TYPES, category_matches, checked, in_order
from tests.agent.policies.dynamic_kit import condition, policy, rule, says

QUERY = condition("query", "contains", "x")


@pytest.mark.parametrize(
    ("fields", "conditions", "where"),
    [
        ({"category": "security-sqli"}, [QUERY], "category"),
        ({}, [condition("weather", "equals", "x")], "conditions[0].field"),
        ({}, [condition("context.", "equals", "x")], "conditions[0].field"),
        ({}, [QUERY, condition("query", "has", "x")], "conditions[1].operator"),
        ({}, [condition("query", "regex", "(")], "conditions[0].value"),
        ({}, [condition("query", "in", ["x"] * 201)], "conditions[0].value"),
        ({}, [QUERY, condition("response", "contains", "x")], "conditions"),
        ({"actions": ["allow"]}, [QUERY], "actions[0].type"),
        ({"actions": ["rate_limit"]}, [QUERY], "actions[0].type"),
        ({"actions": ["route"]}, [QUERY], "actions[0].config.allowed_providers"),
        ({"actions": ["modify_risk"]}, [QUERY], "actions[0].config.adjustment"),
        ({"actions": [{"type": "modify_risk", "config": {"adjustment": 2}}]}, [QUERY], "actions[0].config.adjustment"),
        ({"actions": [{"type": "log", "config": {"message": 5}}]}, [QUERY], "actions[0].config.message"),
        ({"actions": [{"type": "log", "config": {"severity": "dire"}}]}, [QUERY], "actions[0].config.severity"),
        ({"actions": [{"type": "redact", "config": {"categories": "x"}}]}, [QUERY], "actions[0].config.categories"),
        ({"actions": [{"type": "log", "config": {"x": "y" * 5000}}]}, [QUERY], "actions[0].config"),
    ],
)
def test_faults_name_their_place(fields: dict[str, Any], conditions: list[Any], where: str) -> None:
    _normal, faults = checked(says(*conditions, **fields))
    assert [fault.field for fault in faults] == [where]


def test_aliases_are_normalised() -> None:
    normal, faults = checked(says(condition("risk_score", ">", 0.5), actions=["warn"]))
    assert faults == []
    assert (normal.conditions[0].operator, normal.actions[0].type) == ("greater_than", "alert")


@pytest.mark.parametrize(
    ("conditions", "planes", "reads_text"),
    [
        ([QUERY], {"request"}, True),
        ([condition("response", "regex", "x")], {"response"}, True),
        ([condition("risk_score", ">", 0.5)], {"request", "response"}, False),
    ],
    ids=["query", "response", "neither"],
)
def test_planes_follow_the_fields(conditions: list[Any], planes: set[Any], reads_text: bool) -> None:
    made = rule(*conditions)
    assert set(made.planes) == planes
    assert made.reads_text is reads_text


CONFIG = {"route": {"allowed_providers": ["ollama"]}, "modify_risk": {"adjustment": 0.2}}


@pytest.mark.parametrize(
    ("kind", "action", "severity"),
    [
        ("block", "block", "high"),
        ("require_approval", "require_approval", "high"),
        ("redact", "redact", "medium"),
        ("alert", "warn", "medium"),
        ("log", "log", "low"),
        ("route", "log", "low"),
        ("modify_risk", "log", "low"),
    ],
)
def test_every_action_type_does_something(kind: str, action: str, severity: str) -> None:
    assert kind in ACTION_TYPES
    made = rule(QUERY, actions=[{"type": kind, "config": CONFIG.get(kind, {})}])
    assert made.action(None) == action
    assert made.severity(made.action(None)) == severity


def test_a_route_blocks_other_providers() -> None:
    made = rule(QUERY, actions=[{"type": "route", "config": CONFIG["route"]}])
    assert [made.action(provider) for provider in (None, "ollama", "openai")] == ["log", "log", "block"]


def test_what_people_are_told() -> None:
    assert rule(QUERY, actions=[{"type": "log", "config": {"message": "Careful."}}]).message == "Careful."
    assert rule(QUERY, description="It says x.").message == "It says x."
    assert rule(QUERY).message == "test"


def test_the_highest_priority_comes_first() -> None:
    made = [policy(QUERY, policy_id=name, priority=priority) for name, priority in (("b", 1), ("a", 1), ("c", 9))]
    assert [each.policy_id for each in in_order(made)] == ["c", "a", "b"]


@pytest.mark.parametrize(
    ("category", "patterns", "expected"),
    [("pii-us", ["pii-*"], True), ("pii-us", ["pii"], False), ("code-secrets", ["x", "code-secrets"], True)],
)
def test_category_matches(category: str, patterns: list[str], expected: bool) -> None:
    assert category_matches(category, patterns) is expected
