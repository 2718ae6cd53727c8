"""/api/v1/dynamic-policies (wire 1.12), against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.wire.dynamic_policies import DynamicPolicyPage, DynamicPolicyView
from axonflow_hooks.wire.presence import PRESENCE_HEADER, Challenge, client_key, proof_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.agent.conftest import AgentProcess

PATH = "/api/v1/dynamic-policies"
NEW = {
    "name": "No production data",
    "type": "content",
    "category": "dynamic-security",
    "conditions": [{"field": "query", "operator": "contains_any", "value": ["prod_customers", "prod_orders"]}],
    "actions": [{"type": "block", "config": {"message": "Production data stays where it is."}}],
}


def ask(agent: AgentProcess, method: str, path: str = "", **options: Any) -> httpx.Response:
    with agent.client() as client:
        return client.request(method, PATH + path, **options)


def create(agent: AgentProcess, **changes: Any) -> Any:
    response = ask(agent, "POST", json={**NEW, **changes})
    assert response.status_code == 201, response.text
    return response.json()["policy"]


def verdict(agent: AgentProcess, statement: str, connector: str = "postgres") -> Any:
    return agent.tool("check_policy", {"connector_type": connector, "statement": statement})


def test_a_policy_holds_from_the_next_request_on(running_agent: AgentProcess) -> None:
    made = create(running_agent)
    DynamicPolicyView.model_validate(made)
    assert (made["tier"], made["version"], made["enabled"]) == ("tenant", 1, True)
    found = verdict(running_agent, "SELECT 1 FROM PROD_ORDERS")
    assert (found["allowed"], found["blocked_by"]) == (False, made["policy_id"])
    assert found["block_reason"].startswith("Production data stays where it is.")
    assert [match["policy_type"] for match in found["policy_matches"]] == ["dynamic"]
    assert ask(running_agent, "PUT", f"/{made['id']}", json={"enabled": False}).json()["policy"]["enabled"] is False
    assert verdict(running_agent, "SELECT 1 FROM prod_orders")["allowed"] is True
    sdk = {"conditions": [{"field": "connector", "operator": "equals", "value": "oryx"}], "enabled": True}
    changed = ask(running_agent, "PUT", f"/{made['policy_id']}", json=sdk).json()["policy"]
    assert (changed["version"], changed["conditions"], changed["name"]) == (3, sdk["conditions"], NEW["name"])
    assert verdict(running_agent, "SELECT 1 FROM prod_orders")["allowed"] is True
    assert verdict(running_agent, "SELECT 1", "oryx")["allowed"] is False
    assert ask(running_agent, "DELETE", f"/{made['id']}").status_code == 204
    assert verdict(running_agent, "SELECT 1", "oryx")["allowed"] is True
    assert ask(running_agent, "GET", f"/{made['id']}").json()["error"]["code"] == "NOT_FOUND"


def test_outputs_are_masked_in_place(running_agent: AgentProcess) -> None:
    conditions = [{"field": "response", "operator": "regex", "value": "project [A-Z]+"}]
    made = create(running_agent, conditions=conditions, actions=[{"type": "redact", "config": {}}])
    found = running_agent.tool(
        "check_output", {"connector_type": "postgres", "response_data": [{"a": "in project TAPIR", "n": 5}]}
    )
    assert found["allowed"] is True
    assert found["redacted_data"] == [{"a": f"in [REDACTED:{made['policy_id']}#1]", "n": 5}]
    assert verdict(running_agent, "project TAPIR")["allowed"] is True
    assert ask(running_agent, "DELETE", f"/{made['id']}").status_code == 204


def test_the_check_routes_tell_what_dynamic_policies_found(running_agent: AgentProcess) -> None:
    made = create(running_agent, name="Told", actions=[{"type": "alert", "config": {}}])
    body = {"connector_type": "postgres", "statement": "SELECT 1 FROM prod_orders"}
    with running_agent.client() as client:
        found = client.post("/api/v1/mcp/check-input", json=body).json()
    told = found["policy_info"]["dynamic_policy_info"]
    assert told["orchestrator_reachable"] is True
    assert [match["policy_id"] for match in told["matched_policies"]] == [made["policy_id"]]
    assert ask(running_agent, "DELETE", f"/{made['id']}").status_code == 204


def test_an_approval_can_be_asked_for(running_agent: AgentProcess) -> None:
    conditions = [{"field": "connector", "operator": "==", "value": "ibex"}]
    made = create(running_agent, conditions=conditions, actions=[{"type": "require_approval", "config": {}}])
    assert made["conditions"][0]["operator"] == "equals"
    found = verdict(running_agent, "SELECT 1", "ibex")
    assert found["allowed"] is False
    assert ask(running_agent, "DELETE", f"/{made['id']}").status_code == 204


def test_faults_are_told_with_their_place(running_agent: AgentProcess) -> None:
    conditions = [
        {"field": "mood", "operator": "equals", "value": "x"},
        {"field": "query", "operator": "has", "value": 1},
    ]
    response = ask(running_agent, "POST", json={**NEW, "conditions": conditions, "actions": [{"type": "allow"}]})
    assert response.status_code == 400
    error = response.json()["error"]
    assert error["code"] == "VALIDATION_ERROR"
    fields = [detail["field"] for detail in error["details"]]
    assert fields == ["conditions[0].field", "conditions[1].operator", "actions[0].type"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**NEW, "name": ""}, "name"),
        ({**NEW, "conditions": []}, "conditions"),
        ({"name": "x", "actions": NEW["actions"]}, "conditions"),
        ({**NEW, "actions": [{"config": {}}]}, "actions[0].type"),
        ({**NEW, "priority": "high"}, "priority"),
        ({**NEW, "type": "weather"}, "type"),
        ({**NEW, "category": "security-sqli"}, "category"),
    ],
)
def test_bad_bodies(running_agent: AgentProcess, body: Any, field: str) -> None:
    error = ask(running_agent, "POST", json=body).json()["error"]
    assert (error["code"], error["details"][0]["field"]) == ("VALIDATION_ERROR", field)


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/nobody", None, 404, "NOT_FOUND"),
        ("PUT", "/nobody", {"name": "x"}, 404, "NOT_FOUND"),
        ("DELETE", "/nobody", None, 404, "NOT_FOUND"),
        ("DELETE", "/sys_dyn_gdpr", None, 403, "FORBIDDEN"),
        ("PUT", "/sys_dyn_gdpr", {"name": "x"}, 403, "FORBIDDEN"),
        ("PUT", "/sys_dyn_gdpr", {"name": "x", "enabled": False}, 403, "FORBIDDEN"),
        ("POST", "", {**NEW, "tier": "organization"}, 403, "FORBIDDEN"),
        ("PATCH", "/sys_dyn_gdpr", {"enabled": False}, 405, "METHOD_NOT_ALLOWED"),
    ],
)
def test_refusals_are_coded(
    running_agent: AgentProcess, method: str, path: str, body: Any, status: int, code: str
) -> None:
    response = ask(running_agent, method, path, json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


def test_lists_and_what_is_evaluated(running_agent: AgentProcess) -> None:
    page = ask(running_agent, "GET", "?tier=system&limit=50&sort_by=priority&sort_order=desc").json()
    DynamicPolicyPage.model_validate(page)
    assert page["pagination"]["total"] == len(page["policies"]) == 10
    priorities = [policy["priority"] for policy in page["policies"]]
    assert priorities == sorted(priorities, reverse=True)
    costs = ask(running_agent, "GET", "?type=cost").json()["policies"]
    assert {policy["id"] for policy in costs} == {"sys_dyn_expensive_query", "sys_dyn_llm_cost"}
    effective = ask(running_agent, "GET", "/effective").json()["policies"]
    assert effective
    assert all(policy["enabled"] for policy in effective)


def switched_off(agent: AgentProcess, path: str) -> httpx.Response:
    """Switch a policy off as a person does, who is asked."""
    refused = ask(agent, "PUT", path, json={"enabled": False})
    assert refused.status_code == 403
    challenge = Challenge.model_validate(refused.json()["challenge"])
    proof = proof_of(client_key("correct horse battery staple", challenge.cost), challenge)
    return ask(agent, "PUT", path, json={"enabled": False}, headers={PRESENCE_HEADER: proof})


def test_policies_of_the_system_are_switched(start_agent: Callable[..., AgentProcess], tmp_path: Any) -> None:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    enrol(data, "correct horse battery staple")
    agent = start_agent(data_dir=data)
    assert ask(agent, "PUT", "/sys_dyn_tenant_isolation", json={"enabled": True}).json()["policy"]["enabled"] is True
    assert verdict(agent, "DELETE FROM t WHERE tenant_id = 7")["allowed"] is False
    assert switched_off(agent, "/sys_dyn_tenant_isolation").json()["policy"]["enabled"] is False
    assert verdict(agent, "SELECT a FROM t WHERE tenant_id = 7")["allowed"] is True
    assert switched_off(agent, "/sys_dyn_gdpr").json()["policy"]["enabled"] is False
    assert ask(agent, "PUT", "/sys_dyn_gdpr", json={"enabled": True}).json()["policy"]["enabled"] is True
