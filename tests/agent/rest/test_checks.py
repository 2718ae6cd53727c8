"""POST /api/v1/mcp/check-input and check-output (wire 1.5, 1.6), against a real agent."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.checks import BYTE_LIMIT, ROW_LIMIT, CheckInputReply, CheckOutputReply
from axonflow_hooks.wire.decide import CHECK_INPUT_PATH, CHECK_OUTPUT_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.agent.conftest import AgentProcess

SSN = "536-90-4399"
STATEMENT = {"connector_type": "postgres", "statement": "SELECT 1"}


def post(agent: AgentProcess, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
    with agent.client() as client:
        return client.post(path, json=body, headers=headers)


def check(agent: AgentProcess, statement: str, headers: dict[str, str] | None = None, **more: Any) -> httpx.Response:
    body = {"connector_type": "claude_code.Bash", "statement": statement, **more}
    return post(agent, CHECK_INPUT_PATH, body, headers)


def scan(agent: AgentProcess, **body: Any) -> httpx.Response:
    return post(agent, CHECK_OUTPUT_PATH, {"connector_type": "postgres", **body})


def test_an_allowed_statement(running_agent: AgentProcess) -> None:
    reply = check(running_agent, "git status", operation="query", client_id="x", user_id="u", user_role="r")
    assert reply.status_code == 200
    body = reply.json()
    assert body["allowed"] is True
    assert (body["redacted"], body["redaction_evaluated"]) == (False, True)
    assert body["policy_info"]["blocked"] is False
    assert body["policy_info"]["policies_evaluated"] == body["policies_evaluated"] > 10
    CheckInputReply.model_validate(body)


def test_a_blocked_statement(running_agent: AgentProcess) -> None:
    reply = check(running_agent, "rm -rf /")
    assert reply.status_code == 403
    body = reply.json()
    assert (body["allowed"], body["risk_level"]) == (False, "critical")
    assert body["block_reason"] == body["policy_info"]["block_reason"]
    assert body["policy_matches"][0]["policy_id"] == body["blocked_by"] == "sys_dangerous_destructive_fs"
    assert body["policy_info"]["matched_policies"][0] == {
        "policy_id": "sys_dangerous_destructive_fs",
        "policy_name": "Destructive Filesystem Operations",
        "category": "security-dangerous",
        "severity": "critical",
        "action": "block",
    }
    assert body["override_available"] is False
    explained = running_agent.tool("explain_decision", {"decision_id": body["decision_id"]})
    assert explained["decision"] == "blocked"


def test_the_tool_makes_the_connector_whole(running_agent: AgentProcess) -> None:
    body = {"connector_type": "claude_code", "statement": "rm -rf /", "tool": "Bash"}
    assert post(running_agent, CHECK_INPUT_PATH, body).status_code == 403


def test_a_masked_statement(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent(environ={"PII_ACTION": "redact"})
    body = check(agent, f"note {SSN}", parameters={"ssn": SSN}).json()
    assert (body["allowed"], body["redacted"]) == (True, True)
    assert body["redacted_statement"] == "note [REDACTED:ssn#1]"
    assert body["redacted_parameters"] == {"ssn": "[REDACTED:ssn#1]"}
    assert body["policy_info"]["redactions_applied"] == 2


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        (CHECK_INPUT_PATH, {"statement": "x"}, 400, "connector_type is required"),
        (CHECK_INPUT_PATH, {"connector_type": ""}, 400, "connector_type is required"),
        (CHECK_INPUT_PATH, {"connector_type": "x", "statement": ""}, 400, "statement is required"),
        (CHECK_INPUT_PATH, "text", 400, "Invalid request body"),
        (CHECK_INPUT_PATH, {**STATEMENT, "tool": 1}, 400, "tool: Input should be a valid string"),
        (CHECK_INPUT_PATH, {**STATEMENT, "content_type": "image/png"}, 415, None),
        (CHECK_INPUT_PATH, {**STATEMENT, "user_token": "eyJ"}, 401, "user_token cannot be verified here"),
        (CHECK_OUTPUT_PATH, {"message": "x"}, 400, "connector_type is required"),
        (CHECK_OUTPUT_PATH, {"connector_type": "x"}, 400, "response_data or message is required"),
        (CHECK_OUTPUT_PATH, {"connector_type": "x", "response_data": [1]}, 400, None),
    ],
)
def test_refusals(running_agent: AgentProcess, path: str, body: Any, status: int, error: str | None) -> None:
    reply = post(running_agent, path, body)
    assert reply.status_code == status
    refused = reply.json()
    assert refused["success"] is False
    assert refused["error"] if error is None else refused["error"] == error


@pytest.mark.parametrize("path", [CHECK_INPUT_PATH, CHECK_OUTPUT_PATH])
def test_every_403_says_allowed_false(running_agent: AgentProcess, path: str) -> None:
    reply = post(running_agent, path, STATEMENT, {"Origin": "https://evil.example"})
    assert (reply.status_code, reply.json()["allowed"]) == (403, False)


@pytest.mark.parametrize("content_type", ["text/plain", "TEXT/plain; charset=utf-8", None])
def test_text_is_what_there_is_a_redactor_for(running_agent: AgentProcess, content_type: str | None) -> None:
    assert post(running_agent, CHECK_INPUT_PATH, {**STATEMENT, "content_type": content_type}).status_code == 200


@pytest.mark.parametrize(
    ("pii_action", "status", "masked"),
    [("block", 403, None), ("redact", 200, "ssn [REDACTED:ssn#1]"), ("log", 200, None)],
)
def test_pii_action_on_the_response_plane(
    start_agent: Callable[..., AgentProcess], pii_action: str, status: int, masked: str | None
) -> None:
    agent = start_agent(environ={"PII_ACTION": pii_action})
    reply = scan(agent, message=f"ssn {SSN}")
    body = reply.json()
    assert (reply.status_code, body["allowed"]) == (status, status == 200)
    assert body.get("redacted_data") == body.get("redacted_message") == masked
    assert body["redaction_evaluated"] is True
    assert status == 200 or body["block_reason"].startswith("Response blocked: ")
    CheckOutputReply.model_validate(body)


def test_masked_rows_and_metadata(running_agent: AgentProcess) -> None:
    body = scan(
        running_agent, response_data=[{"n": 1, "t": SSN}], message="1 row", metadata={"note": f"ssn {SSN}"}
    ).json()
    assert body["redacted_data"] == [{"n": 1, "t": "[REDACTED:ssn#1]"}]
    assert body["redacted_metadata"] == {"note": "ssn [REDACTED:ssn#1]"}
    assert "redacted_message" not in body
    assert body["exfiltration_info"]["rows_returned"] == 1


def test_an_output_within_the_limits(running_agent: AgentProcess) -> None:
    body = scan(running_agent, message="héllo").json()
    assert body["exfiltration_info"] == body["policy_info"]["exfiltration_check"] == {
        "rows_returned": 0, "row_limit": ROW_LIMIT, "bytes_returned": 6, "byte_limit": BYTE_LIMIT,
        "exceeded": False, "limit_type": "none",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("output", "limit_type"),
    [
        ({"response_data": [{}], "row_count": ROW_LIMIT + 1}, "rows"),
        ({"response_data": [{}] * (ROW_LIMIT + 1)}, "rows"),
        ({"message": "x" * (BYTE_LIMIT + 1)}, "bytes"),
    ],
    ids=["told rows", "rows", "bytes"],
)
def test_an_output_beyond_the_limits_is_withheld(
    running_agent: AgentProcess, output: dict[str, Any], limit_type: str
) -> None:
    reply = scan(running_agent, **output)
    body = reply.json()
    assert (reply.status_code, body["allowed"]) == (403, False)
    assert (body["exfiltration_info"]["exceeded"], body["exfiltration_info"]["limit_type"]) == (True, limit_type)
    explained = running_agent.tool("explain_decision", {"decision_id": body["decision_id"]})
    assert explained["decision"] == "blocked"


def test_a_body_that_no_output_can_have_is_refused(running_agent: AgentProcess) -> None:
    reply = scan(running_agent, message="x" * (BYTE_LIMIT + 3 * 1_048_576))
    assert reply.status_code == 413


def test_text_without_a_utf8_form_comes_back(running_agent: AgentProcess) -> None:
    body = json.dumps({"connector_type": "x", "message": f"\udc80 {SSN}"})
    with running_agent.client() as client:
        reply = client.post(CHECK_OUTPUT_PATH, content=body, headers={"Content-Type": "application/json"})
    assert reply.json()["redacted_data"] == "\udc80 [REDACTED:ssn#1]"


def test_the_same_key_gets_the_same_verdict(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent()
    key = {"Idempotency-Key": "k-1"}
    first = check(agent, "rm -rf /", key)
    again = check(agent, "rm -rf /", key)
    assert first.status_code == again.status_code == 403
    assert first.json() == again.json()
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert check(agent, "git status", key).status_code == 422
    assert check(agent, "rm -rf /", {"Idempotency-Key": "k-2"}).json()["decision_id"] != first.json()["decision_id"]


def test_a_refusal_is_replayed_too(running_agent: AgentProcess) -> None:
    replies = [post(running_agent, CHECK_INPUT_PATH, {"statement": "x"}, {"Idempotency-Key": "k-3"}) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [400, 400]
    assert replies[1].headers["idempotent-replayed"] == "true"


@pytest.mark.parametrize("key", ["", "with space", "k" * 257])
def test_a_malformed_key_is_refused(running_agent: AgentProcess, key: str) -> None:
    assert check(running_agent, "ls", {"Idempotency-Key": key}).status_code == 400


def test_many_with_one_key_get_one_verdict(running_agent: AgentProcess) -> None:
    with ThreadPoolExecutor(8) as pool:
        bodies = list(pool.map(lambda _: check(running_agent, "ls", {"Idempotency-Key": "k-4"}).json(), range(16)))
    assert {body["decision_id"] for body in bodies} == {bodies[0]["decision_id"]}
