"""The list of decisions and their explanation (wire 1.7), over REST and MCP, against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.audit import DecisionList

if TYPE_CHECKING:
    import httpx

    from tests.agent.conftest import AgentProcess

LIST = "/api/v1/decisions"


def get(agent: AgentProcess, path: str, **params: Any) -> httpx.Response:
    with agent.client() as client:
        return client.get(path, params=params)


def decide(agent: AgentProcess, query: str, tool: str, **more: Any) -> str:
    body = {"stage": "tool", "query": query, "target": {"type": "tool", "server": "box", "tool": tool}, **more}
    with agent.client() as client:
        decision_id: str = client.post("/api/v1/decide", json=body).json()["decision_id"]
    return decision_id


@pytest.fixture(scope="module")
def ids(running_agent: AgentProcess) -> list[str]:
    """The ids of an allowed and a blocked decision, in the order in which they were made."""
    assert get(running_agent, LIST).json() == {"decisions": []}
    context = {"x-ai-agent": "claude", "x-session-id": "s", "x-leader-identity": "lead"}
    return [decide(running_agent, "list", "ls", context=context), decide(running_agent, "rm -rf /", "bash")]


def test_decisions_newest_first(running_agent: AgentProcess, ids: list[str]) -> None:
    reply = get(running_agent, LIST)
    assert reply.headers["x-axonflow-read-scope"] == "tenant"
    blocked, allowed = reply.json()["decisions"]
    assert [allowed["decision_id"], blocked["decision_id"]] == ids
    assert (blocked["decision"], blocked["policy_id"]) == ("blocked", "sys_dangerous_destructive_fs")
    assert blocked["tool_signature"] == "box.bash"
    assert "policy_id" not in allowed
    assert allowed["context"] == {"x_ai_agent": "claude", "x_session_id": "s", "x_leader_identity": "lead"}
    DecisionList.model_validate(reply.json())


@pytest.mark.parametrize(
    ("filters", "positions"),
    [
        ({"decision": "blocked"}, [1]),
        ({"decision": "error"}, []),
        ({"policy_id": "sys_dangerous_destructive_fs"}, [1]),
        ({"policy_id": "sys%"}, []),
        ({"tool_signature": "box.ls"}, [0]),
        ({"since": "2026-01-01"}, [1, 0]),
        ({"since": "2099-01-01T00:00:00Z"}, []),
        ({"limit": 1}, [1]),
    ],
    ids=str,
)
def test_filters(running_agent: AgentProcess, ids: list[str], filters: dict[str, Any], positions: list[int]) -> None:
    expected = [ids[position] for position in positions]
    over_rest = get(running_agent, LIST, **filters).json()
    assert [row["decision_id"] for row in over_rest["decisions"]] == expected
    assert running_agent.tool("list_recent_decisions", filters) == over_rest


@pytest.mark.parametrize(
    ("filters", "error"),
    [
        ({"decision": "allow"}, "Invalid decision: must be one of allowed, blocked, redacted, needs_approval, error"),
        ({"since": "yesterday"}, "Invalid since: must be RFC3339 format"),
        ({"limit": 0}, "Invalid limit: must be between 1 and 1000"),
        ({"limit": 1001}, "Invalid limit: must be between 1 and 1000"),
    ],
    ids=str,
)
def test_filters_that_make_no_sense(running_agent: AgentProcess, filters: dict[str, Any], error: str) -> None:
    reply = get(running_agent, LIST, **filters)
    assert (reply.status_code, reply.json()) == (400, {"success": False, "error": error})
    assert running_agent.tool_failure("list_recent_decisions", filters) == error


def test_an_explanation(running_agent: AgentProcess, ids: list[str]) -> None:
    explained = get(running_agent, f"{LIST}/{ids[1]}/explain").json()
    assert explained == running_agent.tool("explain_decision", {"decision_id": ids[1]})
    assert (explained["decision"], explained["risk_level"]) == ("blocked", "critical")


def test_an_unknown_decision(running_agent: AgentProcess) -> None:
    reply = get(running_agent, f"{LIST}/nope/explain")
    assert reply.status_code == 404
    assert reply.json() == {"success": False, "error": "Decision not found or past retention window"}
    assert "x-axonflow-read-scope" not in reply.headers
