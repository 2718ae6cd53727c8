"""What explain_decision says in words (wire 1.7)."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.explanations import explanation, matched_rules, what_would_be_allowed

ROW = {"plane": "request", "decision": "blocked", "policies_evaluated": 12, "approval_id": None}


def match(policy_id: str = "p", **more: Any) -> dict[str, Any]:
    base = {
        "policy_id": policy_id,
        "policy_name": f"{policy_id} name",
        "policy_description": f"It says {policy_id}.",
        "category": "security-dangerous",
        "action": "block",
        "risk_level": "high",
        "allow_override": True,
        "spans": [{"field": "statement", "start": 0, "end": 4}],
        "quote": "rm -rf\n  build",
        "lifted_by": None,
    }
    return {**base, **more}


@pytest.mark.parametrize(
    ("row", "matches", "said"),
    [
        (
            {},
            [match()],
            "The call was blocked: `rm -rf build` in statement matches p name (p, high): It says p.",
        ),
        (
            {"plane": "response"},
            [match(quote=None), match("q", action="log")],
            "The output was blocked: statement matches p name (p, high): It says p.",
        ),
        (
            {},
            [match(str(number)) for number in range(5)],
            "2 more policies agree.",
        ),
        (
            {"decision": "needs_approval"},
            [match(action="require_approval")],
            "The call needs a person's approval: `rm -rf build` in statement",
        ),
        (
            {"decision": "allowed"},
            [match(lifted_by="ovr_1")],
            "people granted it: `rm -rf build` in statement matches p name (p, high): It says p (lifted by ovr_1).",
        ),
        ({"decision": "redacted"}, [match(action="redact")], "The call was allowed with parts masked: p name."),
        ({"decision": "allowed"}, [match(action="warn")], "The call was allowed and noted: p name."),
        ({"decision": "allowed"}, [], "The call was allowed: none of 12 policies matched."),
    ],
    ids=["quoted", "not quoted", "many", "approval", "lifted", "masked", "noted", "nothing"],
)
def test_the_sentence(row: dict[str, Any], matches: list[dict[str, Any]], said: str) -> None:
    assert said in explanation({**ROW, **row}, matches)


@pytest.mark.parametrize(
    ("row", "matches", "available", "said"),
    [
        ({}, [match(category="security-sqli")], True, "bound as parameters"),
        ({}, [match(category="code-secrets")], True, "secret left out"),
        ({}, [match(category="pii-us")], True, "personal data left out"),
        ({}, [match("int_claude_settings")], True, "changing them is for the user"),
        ({}, [match(category="unheard-of")], True, "What the policy does not match is allowed"),
        ({}, [match()], True, "the tool create_override for p, or axonflow-hooks override create p."),
        ({}, [match(risk_level="critical")], False, "No override lifts p: its risk is critical."),
        ({}, [match(allow_override=False)], False, "There is no override for it."),
        (
            {"decision": "needs_approval", "approval_id": "apr_1"},
            [match(action="require_approval")],
            False,
            "axonflow-hooks approval approve apr_1.",
        ),
    ],
)
def test_what_to_do_instead(row: dict[str, Any], matches: list[dict[str, Any]], available: bool, said: str) -> None:
    told = what_would_be_allowed({**ROW, **row}, matches, override_available=available)
    assert told is not None
    assert said in told


@pytest.mark.parametrize("matches", [[], [match(action="redact")], [match(lifted_by="ovr_1")]])
def test_a_call_that_passed_needs_no_way_out(matches: list[dict[str, Any]]) -> None:
    assert what_would_be_allowed({**ROW, "decision": "allowed"}, matches, override_available=False) is None


def test_rules_name_the_field() -> None:
    assert matched_rules([match(spans=[])]) == [
        {"policy_id": "p", "rule_id": "p", "rule_text": "p name", "matched_on": "the call as a whole"}
    ]
