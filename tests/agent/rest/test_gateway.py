"""Gateway mode (wire 1.17), against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.gateway import PreCheckReply

if TYPE_CHECKING:
    import httpx

    from tests.agent.conftest import AgentProcess

SSN = "536-90-4399"
CALL = {
    "context_id": "ctx", "client_id": "local", "provider": "openai", "model": "gpt", "token_usage": {"total_tokens": 3},
}  # fmt: skip


def post(agent: AgentProcess, path: str, body: Any) -> httpx.Response:
    with agent.client() as client:
        return client.post(path, json=body)


def check(agent: AgentProcess, query: str) -> Any:
    return post(agent, "/api/policy/pre-check", {"query": query, "client_id": "x", "user_token": "anonymous"}).json()


def test_a_prompt_that_may_be_sent(running_agent: AgentProcess) -> None:
    reply = check(running_agent, "hello")
    assert (reply["approved"], reply["verdict"], reply["policies"]) == (True, "allow", [])
    assert (reply["requires_redaction"], reply["approved_data"]) == (False, {})
    assert reply["context_id"] == reply["decision_id"]
    PreCheckReply.model_validate(reply)


def test_a_prompt_that_may_not(running_agent: AgentProcess) -> None:
    reply = check(running_agent, "rm -rf /")
    assert (reply["approved"], reply["verdict"]) == (False, "deny")
    assert reply["policies"] == ["sys_dangerous_destructive_fs"]
    assert reply["block_reason"].endswith(".")


def test_a_call_is_linked_to_its_check(running_agent: AgentProcess) -> None:
    context_id = check(running_agent, "hello")["context_id"]
    body = {**CALL, "context_id": context_id, "response_summary": f"about {SSN}", "metadata": {"ssn": SSN}}
    receipt = post(running_agent, "/api/audit/llm-call", body).json()
    assert receipt["success"] is True
    entry = running_agent.tool("search_audit_events", {"request_type": "llm_call_audit", "limit": 1})["entries"][0]
    assert (entry["id"], entry["decision_id"], entry["correlation_id"]) == (receipt["audit_id"], context_id, context_id)
    assert (entry["provider"], entry["model"], entry["tokens_used"]) == ("openai", "gpt", 3)
    assert SSN.encode() not in running_agent.database_bytes()


def test_a_call_without_a_check_is_recorded_too(running_agent: AgentProcess) -> None:
    receipt = post(running_agent, "/api/audit/llm-call", CALL).json()
    with running_agent.client() as client:
        entry = client.get(f"/api/v1/audit/{receipt['audit_id']}").json()
    assert entry["correlation_id"] == "ctx"
    assert "decision_id" not in entry


@pytest.mark.parametrize("name", list(CALL))
def test_what_a_call_needs(running_agent: AgentProcess, name: str) -> None:
    reply = post(running_agent, "/api/audit/llm-call", {key: value for key, value in CALL.items() if key != name})
    assert (reply.status_code, reply.json()["error"]) == (400, f"{name} is required")


@pytest.mark.parametrize("path", ["/api/request", "/api/v1/circuit-breaker/status", "/api/v1/connectors"])
def test_what_is_not_served_says_so(running_agent: AgentProcess, path: str) -> None:
    reply = post(running_agent, path, {"query": "x"})
    assert reply.status_code == 404
    assert reply.json() == {"success": False, "error": "This agent does not serve that route"}
