"""list_policies (wire 1.3.1), against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import AgentProcess

MAX_BYTES = 100_000
"""More of it, and a model's host cuts the answer off."""


def by_source(found: Any) -> dict[str, set[str]]:
    sources: dict[str, set[str]] = {"static": set(), "dynamic": set()}
    for policy in found["policies"]:
        sources[policy["source"]].add(policy["id"])
    return sources


def test_all_policies_are_listed(running_agent: AgentProcess) -> None:
    found = running_agent.tool("list_policies", {})
    assert found["count"] == len(found["policies"]) > 130
    sources = by_source(found)
    assert {"sys_dangerous_destructive_fs", "sys_pii_ssn", "int_claude_settings"} <= sources["static"]
    assert len(sources["dynamic"]) == 10
    listed = {policy["id"]: policy for policy in found["policies"]}
    told = {"id", "name", "category", "severity", "action", "enabled", "tier", "source"}
    assert listed["sys_pii_ssn"].keys() >= told
    assert "phase" not in listed["sys_pii_ssn"], "what looks at both phases says of none"
    assert listed["sys_code_eval_js"].keys() >= told | {"phase"}
    assert {policy["phase"] for policy in listed.values() if "phase" in policy} <= {"request", "response"}
    assert "faults" not in found


def test_the_answer_fits_into_a_models_context(running_agent: AgentProcess) -> None:
    response = running_agent.rpc("tools/call", {"name": "list_policies", "arguments": {}})
    assert len(response.content) < MAX_BYTES


@pytest.mark.parametrize(
    ("arguments", "holds"),
    [
        ({"category": "pii-us"}, lambda policy: policy["category"] == "pii-us"),
        ({"category": "dynamic-cost"}, lambda policy: policy["source"] == "dynamic"),
        ({"severity": "medium"}, lambda policy: policy["severity"] == "medium"),
        (
            {"category": "pii-global", "severity": "high"},
            lambda policy: (policy["category"], policy["severity"]) == ("pii-global", "high"),
        ),
    ],
)
def test_filters(running_agent: AgentProcess, arguments: Any, holds: Callable[[Any], bool]) -> None:
    found = running_agent.tool("list_policies", arguments)
    assert found["policies"]
    assert found["count"] == len(found["policies"])
    assert all(map(holds, found["policies"]))


def test_no_policy_of_an_unknown_category(running_agent: AgentProcess) -> None:
    assert running_agent.tool("list_policies", {"category": "nothing"}) == {"policies": [], "count": 0}


def test_an_unknown_severity_is_refused(running_agent: AgentProcess) -> None:
    response = running_agent.rpc("tools/call", {"name": "list_policies", "arguments": {"severity": "dire"}})
    assert response.json()["error"]["code"] == -32602


def test_policies_of_the_tenant_are_among_them(running_agent: AgentProcess) -> None:
    body = {"name": "Mine", "pattern": "kudu-[0-9]", "category": "security-admin"}
    dynamic = {
        "name": "Mine too",
        "conditions": [{"field": "connector", "operator": "equals", "value": "kudu"}],
        "actions": [{"type": "block", "config": {}}],
    }
    with running_agent.client() as client:
        made = client.post("/api/v1/static-policies", json=body).json()
        too = client.post("/api/v1/dynamic-policies", json=dynamic).json()["policy"]
    found = {policy["id"]: policy for policy in running_agent.tool("list_policies", {})["policies"]}
    assert (found[made["id"]]["pattern"], found[made["id"]]["tier"]) == ("kudu-[0-9]", "tenant")
    assert (found[too["id"]]["action"], found[too["id"]]["severity"]) == ("block", "high")
