"""Calls that are held until a person decides (wire 1.4), and the queue of the SDK, against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.grants.approvals import approval_ttl
from axonflow_hooks.errors import SettingsError
from axonflow_hooks.wire.mcp_tools import PolicyVerdict
from tests.agent.grants.conftest import details, new_word

if TYPE_CHECKING:
    from tests.agent.grants.conftest import Governed

QUEUE = "/api/v1/hitl/queue"


@pytest.fixture
def statement() -> str:
    """A statement that nobody else has asked for."""
    return f"permit {new_word()}"


def held(governed: Governed, statement: str, **more: Any) -> str:
    """Ask for a call that needs approval and give the id of the approval that it waits for."""
    verdict = governed.check(statement, **more)
    assert verdict["allowed"] is False
    approval_id: str = verdict["pending_approval"]["approval_id"]
    return approval_id


def approve(governed: Governed, approval_id: str, **review: Any) -> dict[str, Any]:
    reply = governed.as_person("POST", f"{QUEUE}/{approval_id}/approve", review)
    assert reply.status_code == 200, reply.text
    data: dict[str, Any] = reply.json()["data"]
    return data


def test_a_call_is_held(governed: Governed, statement: str) -> None:
    verdict = governed.check(statement)
    pending = verdict["pending_approval"]
    assert (verdict["allowed"], pending["status"], pending["plane"]) == (False, "pending", "request")
    assert pending["retry"] == {
        "header": "X-Axonflow-Approval-Id",
        "argument": "approval_id",
        "body_field": "approval_id",
    }
    assert f"axonflow-hooks approval approve {pending['approval_id']}" in verdict["block_reason"]
    parsed = PolicyVerdict.model_validate(verdict).pending_approval
    assert parsed is not None
    assert parsed.approval_id == pending["approval_id"]
    (row,) = governed.sql("SELECT * FROM decisions WHERE decision_id = ?", verdict["decision_id"])
    assert (row["decision"], row["action"], row["approval_id"]) == (
        "needs_approval",
        "require_approval",
        pending["approval_id"],
    )


def test_asking_again_waits_for_the_same_person(governed: Governed, statement: str) -> None:
    first = held(governed, statement)
    again = governed.check(statement)
    assert (again["pending_approval"]["approval_id"], again["reasons"]) == (first, ["approval_pending"])


@pytest.mark.parametrize("named", [True, False], ids=["by its id", "by the call itself"])
def test_an_approval_lets_the_call_pass_once(governed: Governed, statement: str, named: bool) -> None:
    approval_id = held(governed, statement)
    approve(governed, approval_id, comment="go on")
    more: dict[str, Any] = {"approval_id": approval_id} if named else {}
    verdict = governed.check(statement, **more)
    assert (verdict["allowed"], verdict["approval_id"]) == (True, approval_id)
    used = [row for row in governed.audited("approval_used") if details(row)["approval_id"] == approval_id]
    assert [row["decision_id"] for row in used] == [verdict["decision_id"]]
    third = governed.check(statement, **more)
    assert third["allowed"] is False
    assert third["pending_approval"]["approval_id"] != approval_id
    assert third.get("reasons", []) == (["approval_already_consumed"] if named else [])


def test_the_id_may_come_as_a_header(governed: Governed, statement: str) -> None:
    approval_id = held(governed, statement)
    approve(governed, approval_id)
    assert governed.check(statement, headers={"X-Axonflow-Approval-Id": approval_id})["allowed"] is True


def test_an_approval_is_for_one_statement_tool_and_user(governed: Governed, statement: str) -> None:
    approval_id = held(governed, statement)
    approve(governed, approval_id)
    changed = governed.check(f"{statement} --force", approval_id=approval_id)
    assert (changed["allowed"], changed["reasons"]) == (False, ["bound_input_changed"])
    other_tool = governed.check(statement, tool="claude_code.Write", approval_id=approval_id)
    assert (other_tool["allowed"], other_tool["reasons"]) == (False, ["bound_input_changed"])
    stranger = governed.check(statement, headers={"X-User-Email": "x@example.com"}, approval_id=approval_id)
    assert (stranger["allowed"], stranger["reasons"]) == (False, ["approval_not_found"])
    assert governed.check(statement, approval_id=approval_id)["allowed"] is True


def test_a_policy_that_came_later_was_not_approved(governed: Governed, statement: str) -> None:
    word = new_word()
    both = f"{statement} {word}"
    approval_id = held(governed, both)
    approve(governed, approval_id)
    policy = {"name": word, "pattern": word, "category": "security-dangerous", "action": "require_approval"}
    assert governed.send("POST", "/api/v1/static-policies", policy).status_code == 201
    verdict = governed.check(both, approval_id=approval_id)
    assert (verdict["allowed"], verdict["reasons"]) == (False, ["bound_input_changed"])


def test_a_refused_call_stays_refused(governed: Governed, statement: str) -> None:
    approval_id = held(governed, statement)
    reply = governed.send(
        "POST", f"{QUEUE}/{approval_id}/reject", {"reviewer_id": "u-1", "reviewer_email": "r@x.example"}
    )
    assert (reply.status_code, reply.json()["data"]["status"]) == (200, "rejected")
    verdict = governed.check(statement, approval_id=approval_id)
    assert (verdict["allowed"], verdict["reasons"]) == (False, ["approval_rejected"])
    assert "pending_approval" not in verdict
    assert "a person has refused it" in verdict["block_reason"]
    assert governed.send("POST", f"{QUEUE}/{approval_id}/approve", {}).status_code == 409


def test_an_approval_can_be_taken_back_until_it_is_used(governed: Governed, statement: str) -> None:
    approval_id = held(governed, statement)
    approve(governed, approval_id)
    assert governed.send("POST", f"{QUEUE}/{approval_id}/reject", {}).status_code == 200
    assert governed.check(statement)["allowed"] is False


def test_an_approval_ends_by_its_row(governed: Governed, statement: str) -> None:
    approval_id = held(governed, statement)
    approve(governed, approval_id)
    governed.sql("UPDATE approvals SET expires_at = created_at WHERE id = ?", approval_id)
    verdict = governed.check(statement, approval_id=approval_id)
    assert (verdict["allowed"], verdict["reasons"]) == (False, ["approval_expired"])


def test_a_block_is_not_for_approval(governed: Governed, statement: str) -> None:
    verdict = governed.check(f"{statement} halt")
    assert "pending_approval" not in verdict
    assert verdict["blocked_by"] == "halt"


def test_an_unknown_approval(governed: Governed, statement: str) -> None:
    verdict = governed.check(statement, approval_id="apr_none")
    assert verdict["reasons"] == ["approval_not_found"]
    assert verdict["pending_approval"]["status"] == "pending"


def test_approving_takes_a_person(governed: Governed, statement: str) -> None:
    approval_id = held(governed, statement)
    reply = governed.send("POST", f"{QUEUE}/{approval_id}/approve", {"reviewer_id": "model"})
    assert (reply.status_code, reply.json()["code"]) == (403, "PRESENCE_REQUIRED")
    assert f"axonflow-hooks approval approve {approval_id}" in reply.json()["error"]
    assert statement in reply.json()["challenge"]["question"]
    assert governed.check(statement)["allowed"] is False


def test_a_question_about_an_approval_can_be_confirmed_by_its_code(governed: Governed, statement: str) -> None:
    approval_id = held(governed, statement)
    asked = governed.send("POST", f"{QUEUE}/{approval_id}/approve", {}).json()["challenge"]
    assert governed.confirm(asked).status_code == 201
    assert governed.check(statement)["allowed"] is True


def test_the_queue(governed: Governed, statement: str) -> None:
    approval_id = held(governed, f"{statement} 536-90-4399", headers={"X-Session-Id": "s-1"})
    page = governed.send("GET", f"{QUEUE}?status=pending&severity=medium&limit=1").json()
    assert (page["success"], page["meta"]["limit"], page["meta"]["offset"]) == (True, 1, 0)
    (entry,) = page["data"]
    assert (entry["request_id"], entry["status"], entry["triggered_policy_id"]) == (approval_id, "pending", "permit")
    assert entry["original_query"] == f"{statement} [REDACTED:ssn#1]"
    assert (entry["org_id"], entry["client_id"], entry["request_type"]) == ("default", "local", "check_policy")
    assert entry["request_context"]["tool_signature"] == "claude_code.Bash"
    assert governed.send("GET", f"{QUEUE}/{approval_id}").json()["data"] == entry
    stats = governed.send("GET", "/api/v1/hitl/stats").json()["data"]
    assert stats["total_pending"] >= 1
    assert stats["oldest_pending_hours"] >= 0
    approved = approve(governed, approval_id, reviewer_id="u-7", reviewer_email="r@example.com", comment="fine")
    assert (approved["reviewer_id"], approved["review_comment"]) == ("u-7", "fine")
    listed = [row["request_id"] for row in governed.send("GET", f"{QUEUE}?status=approved").json()["data"]]
    assert listed[0] == approval_id


def test_a_program_may_put_calls_in(governed: Governed) -> None:
    body = {
        "client_id": "loan-desk",
        "original_query": "disburse 50000, card 4111 1111 1111 1111",
        "request_type": "adk-tool",
        "triggered_policy_id": "loan-cap",
        "triggered_policy_name": "Loan cap",
        "severity": "critical",
        "request_context": {"amount": 50000},
        "expires_in_seconds": 60,
        "notify_url": "https://workflows.example.com/hook",
    }
    made = governed.send("POST", QUEUE, body)
    assert made.status_code == 201
    data = made.json()["data"]
    assert (data["status"], data["severity"], data["notify_url"]) == ("pending", "critical", body["notify_url"])
    assert data["request_context"]["amount"] == 50000
    assert "4111" not in data["original_query"]
    governed.sql("UPDATE approvals SET expires_at = created_at WHERE id = ?", data["request_id"])
    expired = governed.send("GET", f"{QUEUE}/{data['request_id']}").json()["data"]
    assert expired["status"] == "expired"
    assert governed.send("POST", f"{QUEUE}/{data['request_id']}/approve", {}).status_code == 409


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", f"{QUEUE}/apr_none", None, 404),
        ("POST", f"{QUEUE}/apr_none/approve", {}, 404),
        ("POST", f"{QUEUE}/apr_none/reject", {}, 404),
        ("GET", f"{QUEUE}?status=maybe", None, 400),
        ("GET", f"{QUEUE}?limit=0", None, 400),
        ("POST", QUEUE, {"client_id": "x"}, 400),
        ("POST", QUEUE, {"client_id": "x", "original_query": "x", "request_type": "x", "severity": "y"}, 400),
    ],
)
def test_what_is_refused(governed: Governed, method: str, path: str, body: Any, status: int) -> None:
    assert governed.send(method, path, body).status_code == status


def test_events_are_no_verdicts(governed: Governed, statement: str) -> None:
    approve(governed, held(governed, statement))
    governed.check(statement)
    rows = governed.audited("approval_requested", "approval_approved", "approval_used")
    assert len(rows) >= 3
    assert {row["policy_decision"] for row in rows} == {None}


@pytest.mark.parametrize(("text", "seconds"), [("", 3600), ("60", 60), (" 86400 ", 86400)])
def test_the_time_to_decide_is_a_setting(text: str, seconds: int) -> None:
    assert approval_ttl({"AXONFLOW_AGENT_APPROVAL_TTL_SECONDS": text}) == seconds


@pytest.mark.parametrize("text", ["59", "86401", "1h", "-1", "60.5", "9" * 30])
def test_other_times_are_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="AXONFLOW_AGENT_APPROVAL_TTL_SECONDS"):
        approval_ttl({"AXONFLOW_AGENT_APPROVAL_TTL_SECONDS": text})


def test_a_question_says_how_much_it_does_not_show_and_what_else_matches(governed: Governed, statement: str) -> None:
    text = f"{statement} murmur consent {'x' * 1_000}"
    approval_id = held(governed, text)
    question = governed.send("POST", f"{QUEUE}/{approval_id}/approve", {}).json()["challenge"]["question"]
    shown = question.partition(": ")[2].partition(" (… ")[0]
    assert text.startswith(shown)
    assert f"(… {len(text) - len(shown)} more characters, not shown)" in question
    assert all(f"{name} name" in question.partition(": ")[0] for name in ("permit", "consent", "murmur"))


def test_a_question_that_shows_all_has_no_mark(governed: Governed, statement: str) -> None:
    approval_id = held(governed, statement)
    question = governed.send("POST", f"{QUEUE}/{approval_id}/approve", {}).json()["challenge"]["question"]
    assert question.endswith(statement)
    assert "match)" not in question


def test_a_long_call_of_a_program_is_marked_too(governed: Governed) -> None:
    body = {"client_id": "x", "original_query": "a b " * 1_000, "request_type": "mail"}
    approval_id = governed.send("POST", QUEUE, body).json()["data"]["request_id"]
    question = governed.send("POST", f"{QUEUE}/{approval_id}/approve", {}).json()["challenge"]["question"]
    assert question.endswith("(… 2000 more characters, not shown)")
