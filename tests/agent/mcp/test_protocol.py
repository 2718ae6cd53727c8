"""initialize, ping, tools/list, tools/call (wire 1.3), against a real agent."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.agent.conftest import AgentProcess


@pytest.mark.parametrize(
    ("header", "asked", "answered"),
    [
        (None, "2025-06-18", "2025-06-18"),
        (None, "2024-11-05", "2024-11-05"),
        ("2024-11-05", "2025-06-18", "2024-11-05"),
        ("2025-06-18", "2024-11-05", "2024-11-05"),
        (None, "2025-11-25", "2025-06-18"),
        (None, "2025-03-26", "2025-06-18"),
        (None, None, "2025-06-18"),
        (None, 5, "2025-06-18"),
    ],
)
def test_the_version_is_legacy_only_where_asked_for(
    running_agent: AgentProcess, header: str | None, asked: Any, answered: str
) -> None:
    params = {} if asked is None else {"protocolVersion": asked}
    headers = {} if header is None else {"MCP-Protocol-Version": header}
    reply = running_agent.rpc("initialize", params, headers=headers)
    assert reply.json()["result"] == {
        "protocolVersion": answered,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "axonflow", "version": "1.0.0"},
    }
    assert re.fullmatch(r"axonflow-[0-9a-f]{24}", reply.headers["mcp-session-id"])


def test_ping(running_agent: AgentProcess) -> None:
    assert running_agent.rpc("ping").json() == {"jsonrpc": "2.0", "id": 7, "result": {}}


def test_the_list_of_tools(running_agent: AgentProcess) -> None:
    tools = running_agent.rpc("tools/list").json()["result"]["tools"]
    required = {tool["name"]: tool["inputSchema"]["required"] for tool in tools}
    assert required == {
        "check_policy": ["connector_type", "statement"],
        "check_output": ["connector_type"],
        "audit_tool_call": ["tool_name", "input", "success"],
        "list_policies": [],
        "explain_decision": ["decision_id"],
        "create_override": ["policy_id", "policy_type", "override_reason"],
        "delete_override": ["override_id"],
        "list_overrides": [],
        "search_audit_events": [],
        "get_policy_stats": [],
        "list_recent_decisions": [],
    }
    assert all(tool["description"] and tool["inputSchema"]["type"] == "object" for tool in tools)


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("tools/unknown", {}, -32601),
        ("resources/list", {}, -32601),
        ("tools/call", [], -32602),
        ("tools/call", "x", -32602),
        ("tools/call", {}, -32602),
        ("tools/call", {"name": ""}, -32602),
        ("tools/call", {"name": 5}, -32602),
        ("tools/call", {"name": "no_such_tool"}, -32602),
        ("tools/call", {"name": "check_policy", "arguments": []}, -32602),
        ("tools/call", {"name": "check_policy", "arguments": {"connector_type": "x", "statement": 5}}, -32602),
        (
            "tools/call",
            {"name": "check_policy", "arguments": {"connector_type": "x", "statement": "y", "operation": "delete"}},
            -32602,
        ),
        ("tools/call", {"name": "check_output", "arguments": {"connector_type": "x", "response_data": [1]}}, -32602),
        ("tools/call", {"name": "check_output", "arguments": {"connector_type": "x", "message": {}}}, -32602),
        ("tools/call", {"name": "audit_tool_call", "arguments": {"tool_name": "x", "input": "y"}}, -32602),
        ("tools/call", {"name": "search_audit_events", "arguments": {"limit": "many"}}, -32602),
        ("initialize", [1], -32602),
    ],
)
def test_errors_of_the_caller(running_agent: AgentProcess, method: str, params: Any, code: int) -> None:
    reply = running_agent.rpc(method, params)
    assert reply.status_code == 200
    assert reply.json()["error"]["code"] == code
    assert reply.json()["id"] == 7


def test_an_error_names_the_argument_but_does_not_quote_it(running_agent: AgentProcess) -> None:
    arguments = {"connector_type": "x", "statement": {"secret": "swordfish"}}
    reply = running_agent.rpc("tools/call", {"name": "check_policy", "arguments": arguments})
    assert "statement" in reply.json()["error"]["message"]
    assert "swordfish" not in reply.text


@pytest.mark.parametrize(
    ("name", "arguments", "text"),
    [
        ("check_policy", {}, "connector_type and statement are required"),
        ("check_policy", {"connector_type": "x"}, "connector_type and statement are required"),
        ("check_policy", {"connector_type": "x", "statement": ""}, "connector_type and statement are required"),
        ("check_policy", {"connector_type": "x", "statement": None}, "connector_type and statement are required"),
        ("check_output", {"message": "x"}, "connector_type is required"),
        ("check_output", {"connector_type": "x"}, "response_data or message is required"),
        ("audit_tool_call", {"tool_name": "Bash"}, "tool_name and input are required"),
        ("audit_tool_call", {"tool_name": "  ", "input": {}}, "tool_name and input are required"),
        ("explain_decision", {}, "decision_id is required"),
        ("explain_decision", {"decision_id": "no-such"}, "Decision not found or past retention window"),
        ("explain_decision", {"decision_id": "\ud800"}, "Decision not found or past retention window"),
        ("search_audit_events", {"from": "yesterday"}, "Invalid from: must be RFC3339 format"),
        ("search_audit_events", {"to": "2026-13-01"}, "Invalid to: must be RFC3339 format"),
    ],
)
def test_failures_of_a_tool_are_results(
    running_agent: AgentProcess, name: str, arguments: dict[str, Any], text: str
) -> None:
    assert running_agent.tool_failure(name, arguments) == text
