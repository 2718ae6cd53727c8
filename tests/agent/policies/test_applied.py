"""What dynamic policies do to the findings of a scan and to what is masked."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.check import Check
from axonflow_hooks.agent.policies.applied import MAX_OUTCOMES, DynamicInfo, apply_dynamic, provenance
from axonflow_hooks.agent.scanning import Scan, strongest
from axonflow_hooks.agent.tables.records import Caller
from axonflow_hooks.policy import Placeholders, load_engine, parse_pack
from tests.agent.policies.dynamic_kit import condition, rule

PACK = """
group = "pii"
[[policy]]
id = "mail"
name = "Mail"
description = "A mail address."
category = "pii-global"
severity = "medium"
action = { request = "log", response = "log" }
match = [{ pattern = '\\b[a-z]+@[a-z.]+' }]
flag = ["a@b.c"]
clean = ["x"]

[[policy]]
id = "stop"
name = "Stop"
description = "It says stop."
category = "security-dangerous"
severity = "critical"
action = { request = "block" }
match = [{ pattern = '\\bstop\\b' }]
flag = ["stop"]
clean = ["x"]
"""
ENGINE = load_engine(packs=[parse_pack(PACK, name="test.toml")])


def applied(*rules: Any, phase: Any = "request", context: Any = None, **fields: Any) -> tuple[Any, Scan, DynamicInfo]:
    check = Check(phase, "check", "test.tool", fields, 10, frozenset(), context=context or {})
    scan = Scan(ENGINE, phase, check.tool_signature, check.integrations, Placeholders())
    masked = {name: scan.redact(value, name) for name, value in fields.items()}
    result, info = apply_dynamic(rules, scan, check, Caller("local"), masked)
    return result, scan, info


def actions(scan: Scan) -> dict[str, str]:
    return {match.policy_id: match.action for match, _places in strongest(scan.findings)}


def test_without_a_hit_nothing_changes() -> None:
    masked, scan, info = applied(rule(condition("query", "contains", "zzz")), statement="mail a@b.c")
    assert masked == {"statement": "mail a@b.c"}
    assert actions(scan) == {"mail": "log"}
    assert (info.policies_evaluated, info.matches) == (1, ())


def outcomes_kept(outcomes: dict[Any, Any], check: Check, caller: Caller, *rules: Any) -> int:
    """Apply rules with outcomes that are kept, and give how many matched."""
    scan = Scan(ENGINE, check.phase, check.tool_signature, check.integrations, Placeholders())
    masked = {name: scan.redact(value, name) for name, value in check.fields.items()}
    _masked, kept = apply_dynamic(rules, scan, check, caller, masked, outcomes)
    scan = Scan(ENGINE, check.phase, check.tool_signature, check.integrations, Placeholders())
    masked = {name: scan.redact(value, name) for name, value in check.fields.items()}
    _masked, anew = apply_dynamic(rules, scan, check, caller, masked)
    assert kept.matches == anew.matches
    assert (kept.policies_evaluated, kept.risk_score) == (anew.policies_evaluated, anew.risk_score)
    return len(kept.matches)


CHECK = Check("request", "check", "test.tool", {"statement": "x"}, 1, frozenset())


@pytest.mark.parametrize(
    ("asks", "check", "caller"),
    [
        pytest.param(condition("phase", "equals", "response"), CHECK._replace(phase="response"), None, id="phase"),
        pytest.param(
            condition("request_type", "equals", "other"), CHECK._replace(request_type="other"), None, id="type"
        ),
        pytest.param(
            condition("connector", "equals", "other"), CHECK._replace(tool_signature="other"), None, id="tool"
        ),
        pytest.param(
            condition("connector", "contains", "long"), CHECK._replace(tool_signature="long" * 99), None, id="long-tool"
        ),
        pytest.param(
            condition("risk_score", "greater_than", 0.5), CHECK._replace(fields={"s": "stop"}), None, id="risk-score"
        ),
        pytest.param(
            condition("context.branch", "equals", "main"),
            CHECK._replace(context={"branch": "main"}),
            None,
            id="context",
        ),
        pytest.param(
            condition("provider", "equals", "acme"), CHECK._replace(target={"provider": "acme"}), None, id="provider"
        ),
        pytest.param(condition("query", "contains", "zz"), CHECK._replace(fields={"s": "zz"}), None, id="text"),
        pytest.param(condition("client.id", "equals", "other"), CHECK, Caller("other"), id="client"),
        pytest.param(
            condition("client.name", "equals", "ide/1"), CHECK, Caller("c", client_software="ide/1"), id="name"
        ),
        pytest.param(
            condition("user.email", "equals", "a@b.example"), CHECK, Caller("c", user_email="a@b.example"), id="user"
        ),
        pytest.param(condition("user.tenant_id", "equals", "t2"), CHECK, Caller("c", tenant_id="t2"), id="tenant"),
    ],
)
def test_outcomes_are_kept_for_the_same_facts_only(asks: Any, check: Check, caller: Caller | None) -> None:
    kept: dict[Any, Any] = {}
    wanted = rule(asks, actions=["block"])
    for _time in range(2):
        assert outcomes_kept(kept, CHECK, Caller("c"), wanted) == 0
        assert outcomes_kept(kept, check, caller or Caller("c"), wanted) == 1


def test_no_more_outcomes_are_kept_than_there_is_room_for() -> None:
    kept: dict[Any, Any] = {}
    for number in range(MAX_OUTCOMES + 10):
        outcomes_kept(kept, CHECK, Caller(f"client-{number}"), rule(condition("phase", "equals", "request")))
    assert 0 < len(kept) <= MAX_OUTCOMES


def test_places_that_conditions_found_are_masked() -> None:
    wanted = rule(condition("query", "contains_any", ["salary", "ssn"]), actions=["redact"])
    masked, scan, _info = applied(wanted, statement="SELECT salary", parameters={"a": ["x", "SSN and ssn"], "n": 5})
    assert masked == {
        "statement": "SELECT [REDACTED:dyn_test#1]",
        "parameters": {"a": ["x", "[REDACTED:dyn_test#2] and [REDACTED:dyn_test#3]"], "n": 5},
    }
    assert actions(scan) == {"dyn_test": "redact"}
    assert scan.has_masked("statement")
    places = {m.policy_id: [path for path, _ in found] for m, found in strongest(scan.findings)}
    assert places == {"dyn_test": ["statement", "parameters.a[1]", "parameters.a[1]"]}


def test_what_static_policies_found_is_masked_by_category() -> None:
    wanted = rule(
        condition("user.region", "in", ["DE"]), actions=[{"type": "redact", "config": {"categories": ["pii-*"]}}]
    )
    masked, scan, _info = applied(wanted, context={"user_region": "DE"}, statement="mail a@b.c", other="to d@e.f")
    assert masked == {"statement": "mail [REDACTED:mail#1]", "other": "to [REDACTED:mail#2]"}
    assert actions(scan) == {"mail": "redact", "dyn_test": "redact"}


def test_a_redact_with_nothing_to_mask_is_only_noted() -> None:
    wanted = rule(condition("user.region", "in", ["DE"]), actions=["redact"])
    masked, scan, _info = applied(wanted, context={"user_region": "DE"}, statement="nothing")
    assert masked == {"statement": "nothing"}
    assert actions(scan) == {"dyn_test": "log"}


def test_outputs_keep_their_shape() -> None:
    wanted = rule(condition("response", "regex", r"\b\d{4}\b"), actions=["redact"])
    masked, _scan, _info = applied(wanted, phase="response", response_data=[{"pin": 1234, "b": True}, {"c": None}])
    assert masked == {"response_data": [{"pin": "[REDACTED:dyn_test#1]", "b": True}, {"c": None}]}


def test_a_block_stands_beside_the_static_matches() -> None:
    wanted = rule(condition("risk_score", ">", 0.7), actions=["block"])
    _masked, scan, info = applied(wanted, statement="stop a@b.c")
    assert [match.policy_id for match, _places in strongest(scan.findings)] == ["stop", "dyn_test", "mail"]
    assert info.risk_score == pytest.approx(0.813, abs=0.001)


def test_the_info_is_that_of_the_contract() -> None:
    wanted = rule(condition("connector", "equals", "test.tool"), actions=["alert"], description="Look.")
    _masked, _scan, info = applied(wanted, statement="x")
    body = info.body()
    assert body.pop("processing_time_ms") >= 0
    assert body == {
        "policies_evaluated": 1,
        "matched_policies": [
            {
                "policy_id": "dyn_test",
                "policy_name": "test",
                "policy_type": "risk",
                "action": "warn",
                "message": "Look.",
            }
        ],
        "orchestrator_reachable": True,
        "risk_score": 0.0,
    }


@pytest.mark.parametrize(("category", "source"), [("dynamic-risk", "dynamic"), ("pii-us", "static")])
def test_provenance(category: str, source: str) -> None:
    assert provenance(category) == source
