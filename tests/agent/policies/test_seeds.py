"""The system's dynamic policies."""

from __future__ import annotations

import pytest

from axonflow_hooks.agent.policies.evaluation import evaluate
from axonflow_hooks.agent.policies.facts import Facts
from axonflow_hooks.agent.policies.patterns import Text
from axonflow_hooks.agent.policies.rules import in_order, rule_of
from axonflow_hooks.agent.policies.seeds import system_dynamic

ALL = {policy.policy_id: rule_of(policy) for policy in in_order(system_dynamic())}
SHIPPED_ON = [rule for rule in ALL.values() if rule.policy.enabled]


def test_there_are_the_ten_of_the_contract() -> None:
    assert set(ALL) == {
        "sys_dyn_high_risk_block",
        "sys_dyn_anomalous_access",
        "sys_dyn_hipaa",
        "sys_dyn_gdpr",
        "sys_dyn_financial",
        "sys_dyn_tenant_isolation",
        "sys_dyn_debug_restrict",
        "sys_dyn_expensive_query",
        "sys_dyn_llm_cost",
        "sys_dyn_sensitive_data",
    }
    assert all(policy.tier == "system" for policy in system_dynamic())


@pytest.mark.parametrize(
    "text",
    [
        "npm run build -- --debug",
        "SELECT salary FROM staff WHERE tenant_id = 5",
        "patient.diagnosis = record.credit_card",
        "log.debug(ssn, medical_record)",
    ],
)
def test_ordinary_work_meets_none_of_those_that_ship_switched_on(text: str) -> None:
    assert not evaluate(SHIPPED_ON, Facts("request", [Text(text)]), 0.8).hits


@pytest.mark.parametrize(
    ("policy_id", "text", "values", "risk"),
    [
        ("sys_dyn_high_risk_block", "", {}, 0.81),
        ("sys_dyn_anomalous_access", "", {"context.access_pattern": "anomalous"}, 0.61),
        ("sys_dyn_hipaa", "the Diagnosis of", {}, 0.0),
        ("sys_dyn_gdpr", "", {"user.region": "DE"}, 0.0),
        ("sys_dyn_financial", "an account number", {}, 0.0),
        ("sys_dyn_tenant_isolation", "WHERE tenant_id = 7", {}, 0.0),
        ("sys_dyn_debug_restrict", "debug on", {"context.environment": "production"}, 0.0),
        ("sys_dyn_expensive_query", "", {"cost_estimate": "101"}, 0.0),
        ("sys_dyn_llm_cost", "", {"request_type": "llm_chat", "context.monthly_usage": 1001}, 0.0),
        ("sys_dyn_sensitive_data", "salary", {}, 0.0),
    ],
)
def test_each_matches_what_it_is_for(policy_id: str, text: str, values: dict[str, str | int], risk: float) -> None:
    facts = Facts("request", [Text(text)] if text else [], values)
    assert evaluate([ALL[policy_id]], facts, risk).hits
    assert not evaluate([ALL[policy_id]], Facts("request", [Text("nothing")]), 0.0).hits


def test_what_ships_switched_on_goes_by_facts_and_not_by_words() -> None:
    assert not any(rule.reads_text for rule in SHIPPED_ON)
    assert {rule.policy.policy_id for rule in SHIPPED_ON} == {
        "sys_dyn_high_risk_block",
        "sys_dyn_anomalous_access",
        "sys_dyn_gdpr",
        "sys_dyn_expensive_query",
        "sys_dyn_llm_cost",
    }
