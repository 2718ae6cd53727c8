"""The audit routes (wire 1.9), against a real agent."""

from __future__ import annotations

import csv
import io
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.audit import AuditPage, AuditSummary

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.agent.conftest import AgentProcess

SSN = "536-90-4399"
SEARCH = "/api/v1/audit/search"
TOOL_CALL = "/api/v1/audit/tool-call"
SUMMARY = "/api/v1/audit/summary"
EXPORT = "/api/v1/audit/export"
NOW = datetime.now(timezone.utc)
RANGE = {
    "start_time": f"{NOW - timedelta(days=90):%Y-%m-%d}",
    "end_time": f"{NOW + timedelta(days=90):%Y-%m-%dT%H:%M:%SZ}",
}


def call(
    agent: AgentProcess, method: str, path: str, headers: dict[str, str] | None = None, **options: Any
) -> httpx.Response:
    with agent.client() as client:
        return client.request(method, path, headers=headers, **options)


def search(agent: AgentProcess, **filters: Any) -> Any:
    reply = call(agent, "POST", SEARCH, json=filters)
    assert reply.status_code == 200, reply.text
    return reply.json()


@pytest.fixture(scope="module")
def busy_agent(running_agent: AgentProcess) -> AgentProcess:
    """An agent that has seen one blocked and one allowed statement, an output with an SSN, and one tool call."""
    headers = {"X-Session-Id": "s-1", "X-User-Email": "dev@example.com"}
    running_agent.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": "rm -rf /"}, headers=headers)
    running_agent.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": "git status"})
    running_agent.tool("check_output", {"connector_type": "postgres", "message": f"ssn {SSN}"})
    body = {
        "tool_name": "=cmd()", "caller_name": "n8n", "input": {"q": f"ssn {SSN}"}, "success": False,
        "duration_ms": 12.6, "workflow_id": "wf-1", "policies_applied": ["sys_pii_ssn"], "error_message": "it failed",
    }  # fmt: skip
    assert call(running_agent, "POST", TOOL_CALL, json=body).status_code == 201
    return running_agent


def test_a_search_without_filters_gives_all(busy_agent: AgentProcess) -> None:
    reply = call(busy_agent, "POST", SEARCH)
    assert reply.headers["x-axonflow-read-scope"] == "tenant"
    page = reply.json()
    assert (page["total"], page["limit"], page["offset"]) == (4, 100, 0)
    assert [entry["request_type"] for entry in page["entries"]] == [
        "tool_call_audit", "check_output", "check_policy", "check_policy",
    ]  # fmt: skip
    AuditPage.model_validate(page)


def test_an_entry(busy_agent: AgentProcess) -> None:
    found = search(busy_agent, request_type="tool_call_audit")["entries"][0]
    entry = call(busy_agent, "GET", f"/api/v1/audit/{found['id']}").json()
    assert entry == found
    assert entry["response_time_ms"] == 13  # whole milliseconds: the SDK's model takes nothing else
    assert entry["policy_details"] == {
        "tool_name": "=cmd()", "caller_name": "n8n", "status": "error", "workflow_id": "wf-1",
        "policies_applied": ["sys_pii_ssn"],
    }  # fmt: skip
    assert entry["query"] == '=cmd() {"q": "ssn [REDACTED:ssn#1]"}'
    assert not {"request_body", "response_body", "sequence"} & entry.keys()


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"action": "blocked"}, 1),
        ({"action": "deny"}, 1),
        ({"action": "allowed"}, 1),
        ({"action": "tool_call_audit"}, 1),
        ({"request_type": "check_policy"}, 2),
        ({"user_email": "dev@example.com"}, 1),
        ({"session_id": "s-1"}, 1),
        ({"session_id": "s-"}, 0),
        ({"client_id": "LOC"}, 4),
        ({"client_id": "l_cal"}, 0),
        ({"policy_name": "sys_dangerous_destructive_fs"}, 1),
        ({"policy_name": "SSN Detection"}, 1),
        ({"policy_name": '%"'}, 0),
        ({"decision_id": "none"}, 0),
        ({"override_id": "none"}, 0),
        ({"start_time": "2026-01-01T00:00:00"}, 4),
        ({"end_time": "2026-01-01"}, 0),
        ({"start_time": "2026-01-01", "action": "redacted"}, 1),
    ],
    ids=str,
)
def test_filters(busy_agent: AgentProcess, filters: dict[str, str], count: int) -> None:
    page = search(busy_agent, **filters)
    assert (page["total"], len(page["entries"])) == (count, count)


def test_pages(busy_agent: AgentProcess) -> None:
    everything = search(busy_agent)["entries"]
    page = search(busy_agent, limit=2, offset=1)
    assert (page["entries"], page["total"]) == (everything[1:3], 4)
    assert search(busy_agent, offset=100)["entries"] == []


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"limit": 0}, "limit"), ({"limit": 1001}, "limit"), ({"offset": -1}, "offset"), ({"limit": "5"}, "limit"),
        ({"start_time": "yesterday"}, "Invalid start_time: must be RFC3339 format"), ([], "Invalid request body"),
    ],
)  # fmt: skip
def test_searches_that_are_refused(running_agent: AgentProcess, body: Any, error: str) -> None:
    reply = call(running_agent, "POST", SEARCH, json=body)
    assert reply.status_code == 400
    assert reply.json()["error"].startswith(error)


def test_a_search_is_a_post(running_agent: AgentProcess) -> None:
    reply = call(running_agent, "GET", SEARCH)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST, OPTIONS")


def test_the_entries_of_the_tenant(busy_agent: AgentProcess) -> None:
    reply = call(busy_agent, "GET", "/api/v1/audit/tenant/default", params={"limit": 3})
    assert reply.json() == search(busy_agent)["entries"][:3]
    assert call(busy_agent, "GET", "/api/v1/audit/tenant/other").status_code == 403
    assert call(busy_agent, "GET", "/api/v1/audit/tenant/default", params={"limit": "x"}).status_code == 400


def test_an_entry_that_there_is_not(running_agent: AgentProcess) -> None:
    reply = call(running_agent, "GET", "/api/v1/audit/audit_0")
    assert (reply.status_code, reply.json()["success"]) == (404, False)
    assert "x-axonflow-read-scope" not in reply.headers


@pytest.mark.parametrize("body", [{}, {"tool_name": ""}, {"tool_name": " \t"}], ids=["missing", "empty", "blank"])
def test_a_tool_call_needs_a_name(running_agent: AgentProcess, body: Any) -> None:
    reply = call(running_agent, "POST", TOOL_CALL, json=body)
    assert (reply.status_code, reply.json()["error"]) == (400, "tool_name is required")


@pytest.mark.parametrize(
    "duration", [-1, 1e300, 10**400, True, "5"], ids=["negative", "huge", "beyond", "bool", "text"]
)
def test_durations_that_are_none(running_agent: AgentProcess, duration: Any) -> None:
    body = json.dumps({"tool_name": "x", "duration_ms": duration})
    assert call(running_agent, "POST", TOOL_CALL, content=body).status_code == 400


def test_a_key_records_a_tool_call_once(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    body, key = {"tool_name": "Bash", "input": {"command": "ls"}}, {"Idempotency-Key": "k:1"}
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: call(agent, "POST", TOOL_CALL, key, json=body), range(16)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.json()["audit_id"] for reply in replies}) == 1
    assert sum("idempotent-replayed" not in reply.headers for reply in replies) == 1
    assert call(agent, "POST", TOOL_CALL, key, json={**body, "success": True}).status_code == 422
    assert search(agent)["total"] == 1


def test_the_tool_and_the_route_share_their_keys(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    body, key = {"tool_name": "Bash", "input": {}}, {"Idempotency-Key": "k"}
    first = agent.tool("audit_tool_call", body, headers=key)
    again = call(agent, "POST", TOOL_CALL, key, json=body)
    assert again.json()["audit_id"] == first["details"]["audit_id"]
    assert again.headers["idempotent-replayed"] == "true"


def test_a_summary(busy_agent: AgentProcess) -> None:
    summary = call(busy_agent, "POST", SUMMARY, json=RANGE).json()
    latency = summary.pop("avg_latency_ms")
    assert latency > 0
    assert summary == {
        "total_requests": 3, "allowed_requests": 1, "blocked_requests": 1, "modified_requests": 1,
        "needs_approval_requests": 0, "error_requests": 0, "block_rate_percent": 33.33, "total_events": 4,
        "by_severity": {"critical": 2}, "by_action": {"check_policy": 2, "check_output": 1, "tool_call_audit": 1},
        "top_policies": [
            {"policy_id": "sys_dangerous_destructive_fs", "policy_name": "Destructive Filesystem Operations",
             "trigger_count": 1, "block_count": 1},
            {"policy_id": "sys_pii_ssn", "policy_name": "SSN Detection", "trigger_count": 1, "block_count": 0},
        ],
        "compliance_score": 66.67,
    }  # fmt: skip
    AuditSummary.model_validate({**summary, "avg_latency_ms": latency})


def test_a_summary_of_one_connector(busy_agent: AgentProcess) -> None:
    of_client = call(busy_agent, "POST", SUMMARY, json={**RANGE, "connector_type": "claude_code"}).json()
    assert (of_client["total_requests"], of_client["by_action"]) == (2, {"check_policy": 2})
    of_tool = busy_agent.tool("get_policy_stats", {"connector_type": "postgres"})
    assert (of_tool["total_requests"], of_tool["modified_requests"]) == (1, 1)


def test_an_empty_summary(running_agent: AgentProcess) -> None:
    summary = call(running_agent, "POST", SUMMARY, json={"start_time": "2020-01-01", "end_time": "2020-02-01"}).json()
    assert (summary["total_requests"], summary["compliance_score"], summary["block_rate_percent"]) == (0, 100.0, 0.0)
    assert (summary["by_severity"], summary["top_policies"]) == ({}, [])


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "start_time is required"),
        ({"start_time": "2026-01-01"}, "end_time is required"),
        ({"start_time": "x", "end_time": "2026-01-01"}, "Invalid start_time: must be RFC3339 format"),
        ({"start_time": "2026-01-01", "end_time": "x"}, "Invalid end_time: must be RFC3339 format"),
        ({"start_time": "2026-02-01", "end_time": "2026-01-01"}, "end_time must be after start_time"),
        ({"start_time": "2024-01-01", "end_time": "2026-01-01"}, "Date range must not exceed 1 year"),
    ],
)
def test_summaries_that_are_refused(running_agent: AgentProcess, body: Any, error: str) -> None:
    reply = call(running_agent, "POST", SUMMARY, json=body)
    assert (reply.status_code, reply.json()["error"]) == (400, error)


def test_the_tool_says_the_same_of_a_range_that_is_none(running_agent: AgentProcess) -> None:
    arguments = {"from": "2026-02-01", "to": "2026-01-01"}
    assert running_agent.tool_failure("get_policy_stats", arguments) == "end_time must be after start_time"
    assert running_agent.tool_failure("get_policy_stats", {"from": "x"}) == "Invalid from: must be RFC3339 format"


def test_an_export_as_json(busy_agent: AgentProcess) -> None:
    reply = call(busy_agent, "GET", EXPORT)
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["x-audit-export-truncated"] == "false"
    assert reply.json() == search(busy_agent)["entries"]
    assert call(busy_agent, "GET", EXPORT, params={"action": "error"}).json() == []


def test_an_export_as_csv_holds_no_formula(busy_agent: AgentProcess) -> None:
    reply = call(busy_agent, "GET", EXPORT, params={"format": "csv", "request_type": "tool_call_audit"})
    assert reply.headers["content-type"].startswith("text/csv")
    assert "attachment" in reply.headers["content-disposition"]
    header, row = csv.reader(io.StringIO(reply.text, newline=""))
    cells = dict(zip(header, row, strict=True))
    assert cells["tool_name"] == "'=cmd()"
    assert json.loads(cells["policy_details"])["workflow_id"] == "wf-1"
    assert (cells["error_message"], cells["decision_id"]) == ("it failed", "")


def test_an_export_in_an_unknown_format(running_agent: AgentProcess) -> None:
    assert call(running_agent, "GET", EXPORT, params={"format": "xml"}).status_code == 400


def test_an_export_goes_through_the_trail_in_chunks(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    with agent.client() as client:
        ids = [client.post(TOOL_CALL, json={"tool_name": f"t{n}"}).json()["audit_id"] for n in range(501)]
        exported = client.get(EXPORT).json()
    assert [entry["id"] for entry in exported] == ids[::-1]
