"""A call that is held, asked for again over REST (wire 1.4): decide, check-input and the ways to name the approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.decide import CHECK_INPUT_PATH, DECIDE_PATH, DecideReply
from tests.agent.grants.conftest import new_word

if TYPE_CHECKING:
    from tests.agent.grants.conftest import Governed

TARGET = {"type": "tool", "server": "bank", "tool": "transfer"}


@pytest.fixture
def query() -> str:
    """The text of a call that needs approval, and that nobody has asked for yet."""
    return f'tool_call: transfer args: {{"note":"permit {new_word()}"}}'


def decide(governed: Governed, query: str, headers: dict[str, str] | None = None, **more: Any) -> Any:
    body = {"stage": "tool", "query": query, "target": TARGET, **more}
    reply = governed.send("POST", DECIDE_PATH, body, headers)
    assert reply.status_code == 200, reply.text
    return reply.json()


def approve(governed: Governed, approval_id: str) -> None:
    reply = governed.as_person("POST", f"/api/v1/hitl/queue/{approval_id}/approve", {})
    assert reply.status_code == 200, reply.text


def test_a_held_decision(governed: Governed, query: str) -> None:
    verdict = decide(governed, query)
    assert (verdict["verdict"], verdict["obligations"], verdict["evaluated_policies"]) == (
        "needs_approval", [], ["permit"],
    )  # fmt: skip
    pending = verdict["pending_approval"]
    assert (pending["status"], pending["retry"]["body_field"]) == ("pending", "approval_id")
    parsed = DecideReply.model_validate(verdict).pending_approval
    assert parsed is not None
    assert (parsed.approval_id, parsed.retry.header) == (pending["approval_id"], "X-Axonflow-Approval-Id")


@pytest.mark.parametrize("as_header", [True, False], ids=["header", "body"])
def test_an_approval_is_honoured_once(governed: Governed, query: str, as_header: bool) -> None:
    approval_id = decide(governed, query)["pending_approval"]["approval_id"]
    waiting = decide(governed, query, approval_id=approval_id)
    assert (waiting["verdict"], waiting["reasons"][-1]) == ("needs_approval", "approval_pending")
    approve(governed, approval_id)
    named: dict[str, Any] = (
        {"headers": {"X-Axonflow-Approval-Id": approval_id}} if as_header else {"approval_id": approval_id}
    )
    passed = decide(governed, query, **named)
    assert (passed["verdict"], passed["approval_id"]) == ("allow", approval_id)
    again = decide(governed, query, **named)
    assert (again["verdict"], again["reasons"][-1]) == ("needs_approval", "approval_already_consumed")


def test_an_approval_is_for_what_was_asked(governed: Governed, query: str) -> None:
    approval_id = decide(governed, query)["pending_approval"]["approval_id"]
    approve(governed, approval_id)
    other = decide(governed, query.replace("note", "memo"), approval_id=approval_id)
    assert (other["verdict"], other["reasons"][-1]) == ("needs_approval", "bound_input_changed")
    unknown = decide(governed, query, approval_id="apr_unknown")
    assert (unknown["verdict"], unknown["reasons"][-1]) == ("needs_approval", "approval_not_found")


def test_a_held_statement(governed: Governed, query: str) -> None:
    body = {"connector_type": "bank", "tool": "transfer", "statement": query}
    held = governed.send("POST", CHECK_INPUT_PATH, body)
    assert (held.status_code, held.json()["allowed"]) == (403, False)
    approval_id = held.json()["pending_approval"]["approval_id"]
    approve(governed, approval_id)
    passed = governed.send("POST", CHECK_INPUT_PATH, {**body, "approval_id": approval_id})
    assert (passed.status_code, passed.json()["approval_id"]) == (200, approval_id)


def test_an_override_lets_a_blocked_decision_pass(governed: Governed) -> None:
    assert decide(governed, "halt")["verdict"] == "deny"
    made = governed.lift("halt")
    assert decide(governed, "halt")["verdict"] == "allow"
    checked = governed.send("POST", CHECK_INPUT_PATH, {"connector_type": "bank", "statement": "halt"}).json()
    assert (checked["allowed"], checked["override_existing_id"]) == (True, made["id"])


def test_a_key_puts_a_call_into_the_queue_once(governed: Governed) -> None:
    body = {"client_id": "local", "original_query": "transfer 5", "request_type": "tool"}
    key = {"Idempotency-Key": "queue-1"}
    first = governed.send("POST", "/api/v1/hitl/queue", body, key)
    again = governed.send("POST", "/api/v1/hitl/queue", body, key)
    assert first.status_code == again.status_code == 201
    assert first.json() == again.json()
    assert again.headers["idempotent-replayed"] == "true"
