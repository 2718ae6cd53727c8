"""audit_tool_call and search_audit_events (wire 1.3.1, 1.9), against a real agent."""

from __future__ import annotations

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.audit import AuditPage

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import AgentProcess

SSN = "536-90-4399"
CALL = {"tool_name": "Bash", "input": {"command": "ls"}, "output": {"stdout": "x"}, "success": True}


def search(agent: AgentProcess, **arguments: Any) -> Any:
    return agent.tool("search_audit_events", arguments)


def test_a_tool_call_is_recorded(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    headers = {"X-Session-Id": "s-1", "X-User-Email": "dev@example.com", "X-Axonflow-Client": "test/1"}
    receipt = agent.tool("audit_tool_call", {**CALL, "duration_ms": 12.5}, headers=headers)
    assert (receipt["recorded"], receipt["tool_name"], receipt["details"]["status"]) == (True, "Bash", "recorded")
    assert receipt["details"]["audit_id"].startswith("audit_")
    page = search(agent)
    assert {name: page[name] for name in ("total", "limit", "offset")} == {"total": 1, "limit": 20, "offset": 0}
    entry = page["entries"][0]
    assert entry["id"] == receipt["details"]["audit_id"]
    assert entry["timestamp"] == receipt["timestamp"] == receipt["details"]["timestamp"]
    assert entry["request_type"] == "tool_call_audit"
    assert (entry["session_id"], entry["user_email"], entry["client_id"]) == ("s-1", "dev@example.com", "local")
    assert entry["response_time_ms"] == 12.5
    assert entry["policy_details"] == {"tool_name": "Bash", "caller_name": "claude_code", "status": "success"}
    assert entry["query"] == 'Bash {"command": "ls"}'
    assert not {"request_body", "response_body", "client_software"} & entry.keys()
    AuditPage.model_validate(page)


@pytest.mark.parametrize(
    ("success", "status"), [({"success": True}, "success"), ({"success": False}, "error"), ({}, "unknown")]
)
def test_success_is_what_the_host_told(running_agent: AgentProcess, success: dict[str, Any], status: str) -> None:
    call = {"tool_name": "Bash", "input": {}, "tool_type": "cursor", **success}
    audit_id = running_agent.tool("audit_tool_call", call)["details"]["audit_id"]
    entry = next(entry for entry in search(running_agent)["entries"] if entry["id"] == audit_id)
    assert entry["policy_details"]["status"] == status
    assert entry["policy_details"]["caller_name"] == "cursor"


def test_nothing_private_is_stored(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    key = "AKIA" + "QRSTUVWXYZ234567"
    call = {
        "tool_name": "Bash",
        "input": {"command": f"echo {SSN}", "env": {"KEY": key}, f"ssn {SSN}": [1]},
        "output": {"stdout": f"ssn {SSN}", "rows": [{"ssn": 536904399}], "long": f"{key} " * 3000},
        "success": False,
        "error_message": f"bad {SSN} for someone@example.com",
    }
    agent.tool("audit_tool_call", call)
    agent.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": f"rm -rf / # {SSN} {key}"})
    agent.tool("check_output", {"connector_type": "x", "response_data": [{f"k {SSN}": f"{key} {SSN}"}]})
    assert agent.stop() == 0
    stored = agent.database_bytes()
    assert b"REDACTED" in stored
    for private in (SSN, "536904399", key, "someone@example.com"):
        assert private.encode() not in stored
    assert agent.stderr[1:] == []


def test_the_trail_holds_verdicts_and_calls_newest_first(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    blocked = agent.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": "rm -rf /"})
    agent.tool("check_output", {"connector_type": "claude_code.Bash", "message": "fine"})
    agent.tool("audit_tool_call", CALL)
    entries = search(agent)["entries"]
    assert [entry["request_type"] for entry in entries] == ["tool_call_audit", "check_output", "check_policy"]
    assert entries[2]["policy_decision"] == "blocked"
    assert entries[2]["decision_id"] == blocked["decision_id"]
    only = search(agent, request_type="check_policy")
    assert (only["total"], len(only["entries"])) == (1, 1)


def test_limits_and_times(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    stamps = [agent.tool("audit_tool_call", CALL)["timestamp"] for _ in range(3)]
    assert len(search(agent, limit=2)["entries"]) == 2
    assert search(agent, limit=2)["total"] == 3
    assert search(agent, limit=1000)["limit"] == 100
    assert search(agent, limit=-5)["limit"] == 1
    exact = {"from": stamps[1], "to": stamps[1]}
    assert [entry["timestamp"] for entry in search(agent, **exact)["entries"]] == [stamps[1]]
    assert search(agent, **{"from": stamps[0][:10], "to": stamps[2][:10]})["total"] == 3
    assert search(agent, **{"from": "2020-01-01T00:00:00+02:00", "to": "2020-01-02"})["total"] == 0
    assert search(agent, user_email="other@example.com")["entries"] == []


def test_long_queries_are_cut(running_agent: AgentProcess) -> None:
    running_agent.tool("audit_tool_call", {**CALL, "input": {"command": "x" * 1000}})
    query = search(running_agent, limit=1)["entries"][0]["query"]
    assert len(query) == 200 + len("...(truncated)")
    assert query.endswith("xxx...(truncated)")


def call_with_key(agent: AgentProcess, key: str, **changes: Any) -> Any:
    params = {"name": "audit_tool_call", "arguments": {**CALL, **changes}}
    return agent.rpc("tools/call", params, headers={"Idempotency-Key": key})


def test_the_same_key_again_gives_the_first_answer(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    first, again, other = (call_with_key(agent, key) for key in ("k-1", "k-1", "k-2"))
    assert first.json() == again.json() != other.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert search(agent)["total"] == 2


def test_a_key_is_remembered_over_a_restart(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    first = call_with_key(agent, "k")
    agent.stop()
    restarted = start_agent(home=agent.home, data_dir=agent.data_dir)
    again = call_with_key(restarted, "k")
    assert again.json() == first.json()
    assert search(restarted)["total"] == 1


def test_a_key_cannot_stand_for_two_calls(running_agent: AgentProcess) -> None:
    call_with_key(running_agent, "once")
    result = call_with_key(running_agent, "once", tool_name="Write").json()["result"]
    assert result["isError"] is True
    assert "Idempotency-Key" in result["content"][0]["text"]


def test_a_key_sent_twenty_times_at_once_makes_one_row(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    with ThreadPoolExecutor(20) as pool:
        replies = list(pool.map(lambda _: call_with_key(agent, "same").json(), range(20)))
    assert all(reply == replies[0] for reply in replies)
    assert search(agent)["total"] == 1


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET query = ''", "DELETE FROM audit_log"])
def test_the_trail_is_append_only(start_agent: Callable[..., AgentProcess], statement: str) -> None:
    agent = start_agent()
    agent.tool("audit_tool_call", CALL)
    agent.stop()
    connection = sqlite3.connect(agent.data_dir / "agent.db")
    with pytest.raises(sqlite3.IntegrityError, match="append-only"):
        connection.execute(statement)
    connection.close()
