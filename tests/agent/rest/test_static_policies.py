"""/api/v1/static-policies (wire 1.11), against a real agent."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.policies import StaticPolicyPage, StaticPolicyView
from tests.agent.conftest import DEADLINE_S
from tests.agent.packs import ZEBRA

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.agent.conftest import AgentProcess

PATH = "/api/v1/static-policies"
NEW = {"name": "No production", "pattern": r"prod-db-\d+", "category": "security-admin"}
SDK_NEW = {**NEW, "tier": "tenant", "severity": "medium", "enabled": True, "action": "block"}


def ask(agent: AgentProcess, method: str, path: str = "", **options: Any) -> httpx.Response:
    with agent.client() as client:
        return client.request(method, PATH + path, **options)


def create(agent: AgentProcess, **changes: Any) -> Any:
    response = ask(agent, "POST", json={**NEW, **changes})
    assert response.status_code == 201, response.text
    return response.json()


def verdict(agent: AgentProcess, statement: str) -> Any:
    return agent.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": statement})


def wait_for(condition: Callable[[], Any]) -> None:
    """Ask until it holds: files are looked at once a second."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline


def test_a_policy_holds_from_the_next_request_on(running_agent: AgentProcess) -> None:
    made = ask(running_agent, "POST", json={**SDK_NEW, "pattern": "rhino-[0-9]"}).json()
    assert {"id", "name", "category", "tier", "pattern", "created_at", "updated_at"} <= made.keys()
    assert made["tier"] == "tenant"
    StaticPolicyView.model_validate(made)
    found = verdict(running_agent, "psql -h rhino-7")
    assert (found["allowed"], found["blocked_by"]) == (False, made["policy_id"])
    assert ask(running_agent, "PATCH", f"/{made['id']}", json={"enabled": False}).json()["enabled"] is False
    assert verdict(running_agent, "psql -h rhino-7")["allowed"] is True
    changed = ask(running_agent, "PUT", f"/{made['policy_id']}", json={"enabled": True, "action": "redact"}).json()
    assert (changed["version"], changed["action"]) == (3, "redact")
    assert verdict(running_agent, "psql -h rhino-7")["redacted_statement"].startswith("psql -h [REDACTED:")
    assert ask(running_agent, "DELETE", f"/{made['id']}").status_code == 204
    assert "redacted_statement" not in verdict(running_agent, "psql -h rhino-7")
    assert ask(running_agent, "GET", f"/{made['id']}").status_code == 404


def test_outputs_are_looked_at_too(running_agent: AgentProcess) -> None:
    made = create(running_agent, pattern="okapi", action="redact")
    found = running_agent.tool("check_output", {"connector_type": "postgres", "response_data": [{"a": "an okapi"}]})
    assert found["redacted_data"] == [{"a": f"an [REDACTED:{made['policy_id']}#1]"}]


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({}, 400, "name, pattern and category are required"),
        ({**NEW, "pattern": ""}, 400, "pattern"),
        ({**NEW, "pattern": "("}, 400, "Invalid regex pattern: the pattern is no valid RE2 expression"),
        ({**NEW, "pattern": "a*"}, 400, "matches the empty text"),
        ({**NEW, "category": "dynamic-risk"}, 400, "dynamic category"),
        ({**NEW, "category": "Not OK"}, 400, "category"),
        ({**NEW, "action": "explode"}, 400, "action"),
        ({**NEW, "severity": 8}, 400, "severity"),
        ({**NEW, "tier": "galaxy"}, 400, "tier"),
        ({**NEW, "tier": "system"}, 403, "system tier"),
        ({**NEW, "tier": "organization"}, 403, "organization tier"),
        ([], 400, "Invalid request body"),
    ],
)
def test_bad_policies_are_refused(running_agent: AgentProcess, body: Any, status: int, message: str) -> None:
    response = ask(running_agent, "POST", json=body)
    assert response.status_code == status
    assert response.json()["error"]["code"] == status
    assert message in response.json()["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/nobody", None, 404),
        ("PUT", "/nobody", {"name": "x"}, 404),
        ("PATCH", "/nobody", {"enabled": False}, 404),
        ("DELETE", "/nobody", None, 404),
        ("GET", "/nobody/versions", None, 404),
        ("PUT", "/sys_pii_ssn", {"action": "log"}, 403),
        ("DELETE", "/sys_pii_ssn", None, 403),
        ("PATCH", "/sys_pii_ssn", {}, 400),
        ("PUT", "/test", {"name": "x"}, 405),
    ],
)
def test_what_is_not_there_or_not_to_be_changed(
    running_agent: AgentProcess, method: str, path: str, body: Any, status: int
) -> None:
    assert ask(running_agent, method, path, json=body).status_code == status


def test_lists_page_in_both_styles(running_agent: AgentProcess) -> None:
    pages = [ask(running_agent, "GET", f"?page={number}&page_size=100").json() for number in (1, 2, 3)]
    by_page = [policy["id"] for page in pages for policy in page["policies"]]
    total = pages[0]["pagination"]["total"]
    assert pages[0]["pagination"]["total_items"] == total
    assert pages[0]["pagination"]["total_pages"] == -(-total // 100)
    by_offset = [
        policy["id"]
        for offset in range(0, 300, 100)
        for policy in ask(running_agent, "GET", f"?limit=100&offset={offset}").json()["policies"]
    ]
    assert by_page == by_offset[: len(by_page)]
    assert len(by_page) == len(set(by_page)) == min(total, 300)
    assert len(ask(running_agent, "GET").json()["policies"]) == 20
    StaticPolicyPage.model_validate(pages[0])


@pytest.mark.parametrize(
    ("query", "holds"),
    [
        ("category=pii-us", lambda policy: policy["category"] == "pii-us"),
        ("severity=critical", lambda policy: policy["severity"] == "critical"),
        ("tier=system", lambda policy: policy["tier"] == "system"),
        ("search=union", lambda policy: "union" in (policy["name"] + policy["id"] + policy["description"]).lower()),
        ("enabled=true", lambda policy: policy["enabled"]),
    ],
)
def test_filters(running_agent: AgentProcess, query: str, holds: Callable[[Any], bool]) -> None:
    found = ask(running_agent, "GET", f"?limit=1000&{query}").json()["policies"]
    assert found
    assert all(map(holds, found))


def test_sorting(running_agent: AgentProcess) -> None:
    found = ask(running_agent, "GET", "?limit=1000&sort_by=name&sort_order=desc").json()["policies"]
    names = [policy["name"] for policy in found]
    assert names == sorted(names, reverse=True)


@pytest.mark.parametrize("query", ["page=0", "limit=x", "severity=dire", "sort_by=pattern", "tier=galaxy"])
def test_bad_queries(running_agent: AgentProcess, query: str) -> None:
    assert ask(running_agent, "GET", f"?{query}").status_code == 400


def test_effective_policies(running_agent: AgentProcess) -> None:
    made = create(running_agent, pattern="tapir", enabled=False)
    effective = ask(running_agent, "GET", "/effective").json()
    assert effective.keys() == {"static", "dynamic", "tenant_id", "computed_at"}
    assert made["id"] not in [policy["id"] for policy in effective["static"]]
    assert {policy["id"] for policy in effective["dynamic"]} >= {"sys_dyn_high_risk_block"}
    every = ask(running_agent, "GET", "/effective?include_disabled=true&category=security-admin").json()["static"]
    assert made["id"] in [policy["id"] for policy in every]
    assert {policy["category"] for policy in every} == {"security-admin"}


def test_patterns_can_be_tried(running_agent: AgentProcess) -> None:
    body = {"pattern": r"(\d{3})-(\d{2})", "inputs": ["a 123-45 b", "nothing"]}
    assert ask(running_agent, "POST", "/test", json=body).json() == {
        "valid": True,
        "pattern": body["pattern"],
        "inputs": body["inputs"],
        "matches": [
            {"input": "a 123-45 b", "matched": True, "groups": ["123-45", "123", "45"]},
            {"input": "nothing", "matched": False},
        ],
    }
    bad = ask(running_agent, "POST", "/test", json={"pattern": "(", "input": "x"}).json()
    assert (bad["valid"], bad["matches"], bad["inputs"]) == (False, [], ["x"])
    assert "RE2" in bad["error"]


def test_every_change_is_a_version_and_an_audit_entry(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    made = create(agent)
    ask(agent, "PUT", f"/{made['id']}", json={"severity": "high"})
    ask(agent, "PUT", f"/{made['id']}", json={"severity": "high"})
    ask(agent, "PATCH", f"/{made['id']}", json={"enabled": False})
    ask(agent, "PATCH", f"/{made['id']}", json={"enabled": True})
    ask(agent, "DELETE", f"/{made['id']}")
    found = ask(agent, "GET", f"/{made['id']}/versions").json()
    kinds = ["deleted", "enabled", "disabled", "updated", "created"]
    assert [version["change_type"] for version in found["versions"]] == kinds
    assert [version["version"] for version in found["versions"]] == [5, 4, 3, 2, 1]
    assert found["versions"][3]["snapshot"]["severity"] == "high"
    assert found["versions"][3]["change_summary"] == "changed: severity"
    entries = agent.tool("search_audit_events", {})["entries"]
    assert [entry["request_type"] for entry in entries] == [f"policy_{kind}" for kind in kinds]
    assert entries[0]["policy_details"]["policy_id"] == made["policy_id"]


@pytest.mark.parametrize("name", ["block AKIA" + "QRSTUVWXYZ234567", "for joe@corp.io"], ids=["secret", "address"])
def test_a_name_with_a_secret_is_refused_and_kept_nowhere(start_agent: Callable[..., AgentProcess], name: str) -> None:
    agent = start_agent()
    refused = ask(agent, "POST", json={**NEW, "name": name})
    private = name.split()[-1]
    assert (refused.status_code, private in refused.text) == (400, False)
    assert refused.json()["error"]["message"].startswith("name: ")
    assert all(policy["origin"] != "tenant" for policy in ask(agent, "GET", "?limit=1000").json()["policies"])
    agent.stop()
    assert private.encode() not in agent.database_bytes()


def test_policies_outlive_a_restart(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    create(agent)
    agent.stop()
    restarted = start_agent(home=agent.home, data_dir=agent.data_dir)
    assert verdict(restarted, "psql -h prod-db-1")["allowed"] is False


def test_packs_are_followed_and_faults_shown(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    folder = agent.home / ".config" / "axonflow" / "policies"
    folder.mkdir(parents=True, exist_ok=True)
    pack = folder / "mine.toml"
    pack.write_text(ZEBRA)
    wait_for(lambda: not verdict(agent, "a zebra")["allowed"])
    assert verdict(agent, "a zebra")["blocked_by"] == "pack_zebra"
    shown = ask(agent, "GET", "/pack_zebra").json()
    assert (shown["tier"], shown["origin"], shown["phase"]) == ("tenant", "pack", "request")
    refused = ask(agent, "DELETE", "/pack_zebra")
    assert refused.status_code == 403
    assert "file" in refused.json()["error"]["message"]
    pack.write_text(ZEBRA.replace("zebra'", "(zebra'"))
    wait_for(lambda: ask(agent, "GET", "/status").json()["faults"])
    (fault,) = ask(agent, "GET", "/status").json()["faults"]
    assert "mine.toml" in fault
    assert agent.tool("list_policies", {})["faults"] == [fault]
    assert verdict(agent, "a zebra")["blocked_by"] == "pack_zebra"
    assert any("mine.toml" in line for line in agent.stderr)
