"""Every example of every built-in policy, against the whole engine."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy import Engine, Policy, load_engine
from axonflow_hooks.policy.model import Example

INTEGRATIONS = frozenset({"claude-code", "codex", "cursor", "openclaw"})
ENGINE = load_engine()


def cases(which: str) -> list[object]:
    return [
        pytest.param(policy, example, id=f"{policy.id}-{number}")
        for policy in ENGINE.policies
        for number, example in enumerate(policy.flag if which == "flag" else policy.clean)
    ]


def matched(engine: Engine, example: Example) -> set[str]:
    evaluation = engine.evaluate(
        example.text, phase=example.phase, connector_type=example.connector_type, integrations=INTEGRATIONS
    )
    return {match.policy_id for match in evaluation.matches}


@pytest.mark.parametrize(("policy", "example"), cases("flag"))
def test_flags(policy: Policy, example: Example) -> None:
    assert policy.id in matched(ENGINE, example)


@pytest.mark.parametrize(("policy", "example"), cases("clean"))
def test_stays_clean(policy: Policy, example: Example) -> None:
    assert policy.id not in matched(ENGINE, example)


def test_the_built_in_set_is_complete() -> None:
    categories = {policy.category for policy in ENGINE.policies}

    assert len(ENGINE.policies) >= 200
    assert {
        "security-dangerous",
        "security-sqli",
        "code-secrets",
        "sensitive-data",
        "pii-us",
        "pii-singapore",
    } <= categories
    assert all(
        len(policy.flag) and len(policy.clean) and policy.description.endswith(".") for policy in ENGINE.policies
    )


@pytest.mark.parametrize("policy", ENGINE.policies, ids=lambda policy: policy.id)
def test_critical_policies_are_not_overridable(policy: Policy) -> None:
    assert policy.allow_override == (policy.severity != "critical")
