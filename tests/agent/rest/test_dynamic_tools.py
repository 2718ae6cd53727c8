"""Trials, versions, import and export of dynamic policies (wire 1.12), against a real agent."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.rest.dynamic_tools import taken_over
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.tables.records import Caller
from axonflow_hooks.wire.dynamic_policies import DynamicPolicyCreate

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from tests.agent.conftest import AgentProcess

PATH = "/api/v1/policies"
ALERT = [{"type": "alert", "config": {}}]


def policy(name: str, value: str = "x", **changes: Any) -> dict[str, Any]:
    conditions = [{"field": "query", "operator": "contains", "value": value}]
    return {"name": name, "conditions": conditions, "actions": ALERT, **changes}


def ask(agent: AgentProcess, method: str, path: str, **options: Any) -> httpx.Response:
    with agent.client() as client:
        return client.request(method, path, **options)


def create(agent: AgentProcess, body: dict[str, Any]) -> Any:
    response = ask(agent, "POST", "/api/v1/dynamic-policies", json=body)
    assert response.status_code == 201, response.text
    return response.json()["policy"]


OPERATORS: list[tuple[str, Any, str, bool]] = [
    ("equals", "quokka", "quokka", True),
    ("not_equals", "quokka", "other quokka", True),
    ("contains", "quokka", "a QUOKKA", True),
    ("not_contains", "quokka", "a quokka", False),
    ("contains_any", ["quokka", "gnu"], "a gnu", True),
    ("regex", "quokka-[0-9]", "quokka-7", True),
    ("greater_than", 41, "42", True),
    ("less_than", 41, "42", False),
    ("in", ["quokka", "gnu"], "gnu", True),
    ("not_in", ["quokka", "gnu"], "gnu", False),
]


@pytest.mark.parametrize(("operator", "value", "query", "expected"), OPERATORS, ids=[each[0] for each in OPERATORS])
def test_a_trial_and_a_check_agree(
    running_agent: AgentProcess, operator: str, value: Any, query: str, expected: bool
) -> None:
    conditions = [
        {"field": "query", "operator": operator, "value": value},
        {"field": "connector", "operator": "equals", "value": f"numbat_{operator}"},
    ]
    made = create(running_agent, policy(f"trial {operator}", conditions=conditions))
    body = {"query": query, "connector": f"numbat_{operator}"}
    trial = ask(running_agent, "POST", f"{PATH}/{made['id']}/test", json=body).json()
    arguments = {"connector_type": f"numbat_{operator}", "statement": query}
    matches = running_agent.tool("check_policy", arguments).get("policy_matches", [])
    assert trial["matched"] is expected
    assert (made["policy_id"] in [match["policy_id"] for match in matches]) is expected
    assert [each["matched"] for each in trial["conditions"] if each["field"] == "query"] == [expected]
    assert ask(running_agent, "DELETE", f"/api/v1/dynamic-policies/{made['id']}").status_code == 204


def test_a_trial_tells_what_would_happen(running_agent: AgentProcess) -> None:
    body = {"risk_score": 0.7, "context": {"access_pattern": "anomalous"}}
    result = ask(running_agent, "POST", f"{PATH}/sys_dyn_anomalous_access/test", json=body).json()
    assert (result["matched"], result["blocked"], result["actions"][0]["type"]) == (True, False, "alert")
    off = ask(running_agent, "POST", f"{PATH}/sys_dyn_tenant_isolation/test", json={"query": "tenant_id = 5"}).json()
    assert off["blocked"] is True
    assert "switched off" in off["explanation"]
    none = ask(running_agent, "POST", f"{PATH}/sys_dyn_anomalous_access/test", json={}).json()
    assert none["matched"] is False
    assert "risk_score greater_than" in none["explanation"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [({"risk_score": 2}, 400, "VALIDATION_ERROR"), ({"user": 5}, 400, "VALIDATION_ERROR"), ([], 400, "INVALID_JSON")],
)
def test_bad_trials(running_agent: AgentProcess, body: Any, status: int, code: str) -> None:
    response = ask(running_agent, "POST", f"{PATH}/sys_dyn_gdpr/test", json=body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code)


@pytest.mark.parametrize(("method", "what"), [("POST", "test"), ("GET", "versions")])
def test_of_a_policy_that_is_not_there(running_agent: AgentProcess, method: str, what: str) -> None:
    response = ask(running_agent, method, f"{PATH}/nobody/{what}", json={} if method == "POST" else None)
    assert (response.status_code, response.json()["error"]["code"]) == (404, "NOT_FOUND")


def test_versions_of_both_kinds(running_agent: AgentProcess) -> None:
    made = create(running_agent, policy("versioned"))
    ask(running_agent, "PUT", f"/api/v1/dynamic-policies/{made['id']}", json={"priority": 7})
    found = ask(running_agent, "GET", f"{PATH}/{made['policy_id']}/versions").json()
    assert [version["change_type"] for version in found["versions"]] == ["updated", "created"]
    assert found["versions"][0]["snapshot"]["priority"] == 7
    assert ask(running_agent, "GET", f"{PATH}/sys_pii_ssn/versions").json()["count"] == 0


def test_import_and_export(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    first = ask(agent, "POST", f"{PATH}/import", json={"policies": [policy("a"), policy("b")]})
    assert first.json() == {"created": 2, "updated": 0, "skipped": 0, "errors": []}
    exported = ask(agent, "GET", f"{PATH}/export").json()
    assert sorted(each["name"] for each in exported["policies"]) == ["a", "b"]
    again = ask(agent, "POST", f"{PATH}/import", json={"policies": exported["policies"]})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "CONFLICT")
    mixed = {"policies": [policy("c"), policy("a", "y")]}
    assert ask(agent, "POST", f"{PATH}/import", json=mixed).status_code == 409
    assert len(ask(agent, "GET", f"{PATH}/export").json()["policies"]) == 2
    skipped = ask(agent, "POST", f"{PATH}/import", json={**mixed, "overwrite_mode": "skip"}).json()
    assert (skipped["created"], skipped["skipped"]) == (1, 1)
    over = ask(agent, "POST", f"{PATH}/import", json={**mixed, "overwrite_mode": "overwrite"}).json()
    assert (over["created"], over["updated"]) == (0, 2)
    values = {
        each["name"]: each["conditions"][0]["value"] for each in ask(agent, "GET", f"{PATH}/export").json()["policies"]
    }
    assert values == {"a": "y", "b": "x", "c": "x"}


def test_a_bad_import_changes_nothing(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    body = {"policies": [policy("good"), policy("bad", category="security-sqli")]}
    error = ask(agent, "POST", f"{PATH}/import", json=body).json()["error"]
    assert error["details"][0]["field"] == "policies[1].category"
    too_many = ask(agent, "POST", f"{PATH}/import", json={"policies": [policy(str(n)) for n in range(101)]})
    assert too_many.status_code == 400
    assert ask(agent, "GET", f"{PATH}/export").json()["policies"] == []


def test_a_job_that_runs_twice_counts_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path)
    wanted = [(DynamicPolicyCreate.model_validate(policy("twice", category="dynamic-access")), "twice")]
    counts: Counter[str] = Counter()
    with database.engine.connect() as connection:
        for _ in range(2):
            taken_over(connection, Caller("local"), wanted, "error", counts)
    database.close()
    assert counts == {"created": 1, "updated": 0, "skipped": 0}
