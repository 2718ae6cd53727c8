"""The official SDK as a client of the agent: every method that the contract lists, sync and async, as it comes."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.agent_clients.conftest import model

if TYPE_CHECKING:
    from tests.e2e.agent_clients.conftest import Sdk
    from tests.e2e.claude_code.agents import LiveAgent

SSN = "536-90-4399"
BASH = {"type": "tool", "server": "claude_code", "tool": "Bash"}


def request(stage: str, query: str, **more: Any) -> dict[str, Any]:
    return model("DecideRequest", stage=stage, query=query, **more)


def test_health(sdk: Sdk) -> None:
    assert sdk("health_check") is True
    assert sdk("orchestrator_health_check") is True
    health = sdk("health_check_detailed")
    names = {capability["name"] for capability in health["capabilities"]}
    assert {"mcp_check_endpoints", "decision_obligations", "static_policies", "dynamic_policies"} <= names
    assert health["version"].startswith("9.")


@pytest.mark.parametrize("method", ["mcp_check_input", "check_tool_input"])
def test_check_input(sdk: Sdk, method: str) -> None:
    allowed = sdk(method, "postgres", "SELECT 1", "query", {"n": 1}, tool="read")
    assert (allowed["allowed"], allowed["redaction_evaluated"], allowed["redacted"]) == (True, True, False)
    assert allowed["policy_info"]["policies_evaluated"] > 10
    masked = sdk(method, "gateway", f"employee {SSN}")
    assert masked["redacted_statement"] == "employee [REDACTED:ssn#1]"
    blocked = sdk(method, "claude_code", "rm -rf /", tool="Bash")
    assert (blocked["allowed"], blocked["risk_level"]) == (False, "critical")
    assert blocked["policy_matches"][0]["policy_id"] == "sys_dangerous_destructive_fs"


def test_a_refused_check_is_the_sdks_error(sdk: Sdk) -> None:
    kind, message = sdk.failure("mcp_check_input", "", "SELECT 1")
    assert kind == "ConnectorError"
    assert "connector_type is required" in message


@pytest.mark.parametrize("method", ["mcp_check_output", "check_tool_output"])
def test_check_output(sdk: Sdk, method: str) -> None:
    rows = sdk(method, "postgres", [{"n": 1, "ssn": SSN}])
    assert rows["redacted_data"] == [{"n": 1, "ssn": "[REDACTED:ssn#1]"}]
    assert rows["exfiltration_info"]["rows_returned"] == 1
    text = sdk(method, "postgres", message=f"ssn {SSN}")
    assert text["redacted_data"] == text["redacted_message"] == "ssn [REDACTED:ssn#1]"
    assert text["redaction_evaluated"] is True
    too_much = sdk(method, "postgres", [{"n": 1}], row_count=10_001)
    assert (too_much["allowed"], too_much["exfiltration_info"]["limit_type"]) == (False, "rows")


def test_decide(sdk: Sdk) -> None:
    allowed = sdk("decide", request("llm", "hello", context={"x-ai-agent": "claude"}))
    assert (allowed["verdict"], allowed["obligations"], allowed["stage"]) == ("allow", [], "llm")
    denied = sdk("decide", request("tool", "rm -rf /", target=model("DecisionTarget", **BASH)))
    assert (denied["verdict"], denied["evaluated_policies"][0]) == ("deny", "sys_dangerous_destructive_fs")
    assert len(denied["trace_id"]) == 32
    kind, message = sdk.failure("decide", request("mcp", "hello"))
    assert kind == "AxonFlowError"
    assert json.loads(message.partition(": ")[2])["verdict"] == "deny"


def test_an_obligation_is_fulfilled(sdk: Sdk) -> None:
    query = f"note: employee {SSN}"
    verdict, content, decision = sdk(
        "decide_and_fulfill", request("tool", query, target=model("DecisionTarget", **BASH))
    )
    assert (verdict, content) == ("allow", "note: employee [REDACTED:ssn#1]")
    assert decision["obligations"][0]["fulfillment"]["endpoint"] == "/api/v1/mcp/check-input"
    assert sdk("decide_and_fulfill", request("llm", "nothing to mask"))[:2] == ["allow", "nothing to mask"]


def test_a_handshake_is_taken(sdk: Sdk) -> None:
    handshake = model("PEPHandshake", pep_id="suite", audience="urn:suite", capabilities=[])
    assert sdk("decide", request("llm", "hello"), pep_handshake=handshake)["verdict"] == "allow"


def test_decisions(async_sdk: Sdk) -> None:
    made = async_sdk("decide", request("tool", "rm -rf /", target=model("DecisionTarget", **BASH)))
    listed = async_sdk(
        "list_decisions", model("ListDecisionsOptions", decision="blocked", since="2026-01-01T00:00:00Z")
    )
    assert made["decision_id"] in {row["decision_id"] for row in listed}
    assert {row["decision"] for row in listed} == {"blocked"}
    assert len(async_sdk("list_decisions", model("ListDecisionsOptions", limit=1))) == 1
    explained = async_sdk("explain_decision", made["decision_id"])
    assert (explained["decision"], explained["tool_signature"]) == ("blocked", "claude_code.Bash")
    kind, message = async_sdk.failure("explain_decision", str(uuid.uuid4()))
    assert kind == "AxonFlowError"
    assert "Decision not found or past retention window" in message


def test_audit(async_sdk: Sdk) -> None:
    call = model("AuditToolCallRequest", tool_name="Bash", caller_name="suite", input={"command": "ls"}, duration_ms=3)
    receipt = async_sdk("audit_tool_call", call)
    assert (receipt["audit_id"][:6], receipt["status"]) == ("audit_", "recorded")
    page = async_sdk(
        "search_audit_logs", model("AuditSearchRequest", action="tool_call_audit", client_id="LOCAL", limit=1)
    )
    assert page["entries"][0]["id"] == receipt["audit_id"]
    since = "2026-01-01T00:00:00"  # a datetime without a zone, as the SDK's own example makes one
    blocked = async_sdk("search_audit_logs", model("AuditSearchRequest", action="blocked", start_time=since))
    assert {entry["policy_decision"] for entry in blocked["entries"]} <= {"blocked"}
    assert async_sdk("search_audit_logs")["limit"] == 100
    of_tenant = async_sdk("get_audit_logs_by_tenant", "default", model("AuditQueryOptions", limit=2, offset=1))
    assert len(of_tenant["entries"]) == 2
    assert async_sdk.failure("get_audit_logs_by_tenant", "another")[0] == "AxonFlowError"


@pytest.mark.parametrize("method", ["get_policy_approved_context", "pre_check"])
def test_gateway_mode(sdk: Sdk, agent: LiveAgent, method: str) -> None:
    approved = sdk(method, "token", "hello", ["postgres"], {"region": "eu"})
    assert (approved["approved"], approved["requires_redaction"], approved["approved_data"]) == (True, False, {})
    assert sdk(method, "token", f"employee {SSN}")["requires_redaction"] is True
    refused = sdk(method, "token", "rm -rf /")
    assert (refused["approved"], refused["policies"][0]) == (False, "sys_dangerous_destructive_fs")
    assert refused["block_reason"]
    usage = model("TokenUsage", prompt_tokens=1, completion_tokens=2, total_tokens=3)
    receipt = sdk("audit_llm_call", approved["context_id"], f"about {SSN}", "openai", "gpt", usage, 12)
    assert receipt["success"] is True
    entry = agent.tool("search_audit_events", request_type="llm_call_audit", limit=1)["entries"][0]
    assert (entry["id"], entry["decision_id"]) == (receipt["audit_id"], approved["context_id"])
    assert (entry["provider"], entry["model"], entry["tokens_used"]) == ("openai", "gpt", 3)
    assert SSN not in entry["query"]


@pytest.mark.parametrize(
    ("method", "arguments"),
    [
        ("proxy_llm_call", ("token", "hello", "chat")),
        ("get_circuit_breaker_status", ()),
        ("list_connectors", ()),
    ],
)
def test_what_is_not_served_says_so(sdk: Sdk, method: str, arguments: tuple[Any, ...]) -> None:
    kind, message = sdk.failure(method, *arguments)
    assert kind == "AxonFlowError"
    assert "HTTP 404" in message
    assert "does not serve" in message


def test_static_policies(sdk: Sdk) -> None:
    wanted = model(
        "CreateStaticPolicyRequest", name=f"Suite {uuid.uuid4()}", category="security-sqli", pattern="forbidden-word"
    )
    made = sdk("create_static_policy", wanted)
    assert sdk("get_static_policy", made["id"])["pattern"] == "forbidden-word"
    assert sdk("mcp_check_input", "postgres", "a forbidden-word here")["allowed"] is False
    changed = sdk("update_static_policy", made["id"], model("UpdateStaticPolicyRequest", severity="low"))
    assert changed["severity"] == "low"
    assert sdk("toggle_static_policy", made["id"], False)["enabled"] is False
    assert sdk("mcp_check_input", "postgres", "a forbidden-word here")["allowed"] is True
    assert sdk("get_static_policy_versions", made["id"])
    listed = sdk("list_static_policies", model("ListStaticPoliciesOptions", category="security-sqli", limit=100))
    assert {policy["category"] for policy in listed} == {"security-sqli"}
    assert "sys_pii_ssn" in {policy["policy_id"] or policy["id"] for policy in sdk("get_effective_static_policies")}
    sdk("delete_static_policy", made["id"])
    assert sdk.failure("get_static_policy", made["id"])[0] == "AxonFlowError"
    tried = sdk("test_pattern", "a+b", ["xaab", "x"])
    assert [match["matched"] for match in tried["matches"]] == [True, False]


def test_a_system_policy_is_not_weakened_without_a_person(sdk: Sdk) -> None:
    wanted = model("CreatePolicyOverrideRequest", action_override="log", override_reason="because")
    kind, _message = sdk.failure("create_policy_override", "sys_dangerous_destructive_fs", wanted)
    assert kind in {"PolicyViolationError", "AxonFlowError"}
    assert sdk("list_policy_overrides") == []


def test_dynamic_policies(sdk: Sdk) -> None:
    condition = model("DynamicPolicyCondition", field="query", operator="contains", value="dynamic-word")
    wanted = model(
        "CreateDynamicPolicyRequest", name=f"Suite {uuid.uuid4()}", type="content", category="dynamic-security",
        conditions=[condition], actions=[model("DynamicPolicyAction", type="block")],
    )  # fmt: skip
    made = sdk("create_dynamic_policy", wanted)
    assert sdk("get_dynamic_policy", made["id"])["name"] == made["name"]
    blocked = sdk("mcp_check_input", "postgres", "a dynamic-word here")
    assert blocked["allowed"] is False
    assert blocked["policy_info"]["dynamic_policy_info"]["matched_policies"][0]["policy_name"] == made["name"]
    assert sdk("toggle_dynamic_policy", made["id"], False)["enabled"] is False
    assert sdk("mcp_check_input", "postgres", "a dynamic-word here")["allowed"] is True
    assert made["id"] in {policy["id"] for policy in sdk("list_dynamic_policies")}
    assert sdk("get_effective_dynamic_policies")
    sdk("delete_dynamic_policy", made["id"])
    assert sdk.failure("get_dynamic_policy", made["id"])[0] == "AxonFlowError"


def test_held_calls(sdk: Sdk) -> None:
    wanted = model(
        "HITLCreateInput", client_id="local", original_query="transfer 5", request_type="tool", severity="high"
    )
    made = sdk("create_hitl_request", wanted)
    assert sdk("get_hitl_request", made["request_id"])["status"] == "pending"
    queue = sdk("list_hitl_queue", model("HITLQueueListOptions", status="pending", limit=50))
    assert made["request_id"] in {item["request_id"] for item in queue["items"]}
    assert sdk("get_hitl_stats")["total_pending"] >= 1
    review = model("HITLReviewInput", reviewer_id="suite", reviewer_email="suite@example.com", comment="no")
    assert sdk.failure("approve_hitl_request", made["request_id"], review)[0] == "PolicyViolationError"
    sdk("reject_hitl_request", made["request_id"], review)
    assert sdk("get_hitl_request", made["request_id"])["status"] == "rejected"
