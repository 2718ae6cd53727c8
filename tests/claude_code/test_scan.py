"""Outputs of many leaves and of long ones: rows, cuts, and what lies across them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.jsonrpc import MAX_BODY_BYTES
from tests.claude_code.conftest import BLOCKED, MASKED, SSN, masked_in, updated

if TYPE_CHECKING:
    from tests.claude_code.conftest import Hooks, StubAgent


def many(count: int) -> list[dict[str, str]]:
    return [{"type": "text", "text": f"row {index} {SSN if index % 3 == 0 else ''}"} for index in range(count)]


def test_many_leaves_go_as_rows(hooks: Hooks, agent: StubAgent) -> None:
    reply = hooks.post("mcp__kit__list", {}, many(200))
    assert updated(reply) == masked_in(many(200))
    (call,) = agent.calls("check_output")
    assert len(call.arguments["response_data"]) == 200
    assert "67 x ssn" in reply["hookSpecificOutput"]["additionalContext"]


@pytest.mark.parametrize(
    "shape",
    [
        lambda rows: {"redacted_data": "one text"},
        lambda rows: {"redacted_data": rows[:-1]},
        lambda rows: {"redacted_data": [{"other": row["text"]} for row in rows]},
        lambda rows: {"redacted_data": [row["text"] for row in rows]},
        lambda rows: {"redacted_message": "x"},
        lambda rows: {"allowed": False},
    ],
    ids=["text", "fewer rows", "other key", "list of texts", "message", "blocked as a whole"],
)
def test_rows_answered_in_another_shape_are_asked_singly(hooks: Hooks, agent: StubAgent, shape: Any) -> None:
    agent.on["check_output"] = lambda asked: (
        {"allowed": True, **shape(asked["response_data"])} if "response_data" in asked else agent.mask_output(asked)
    )
    assert updated(hooks.post("mcp__kit__list", {}, many(12))) == masked_in(many(12))
    assert len(agent.calls("check_output")) == 13


def test_rows_that_no_body_can_hold_go_in_several(hooks: Hooks, agent: StubAgent) -> None:
    blocks = [{"type": "text", "text": f"{SSN} " + "x" * 200_000} for _ in range(12)]
    assert updated(hooks.post("mcp__kit__list", {}, blocks)) == masked_in(blocks)
    calls = agent.calls("check_output")
    assert len(calls) > 2
    assert all(len(call.body) < MAX_BODY_BYTES for call in calls)


def test_dense_values_without_a_line_end_are_masked_everywhere(hooks: Hooks, agent: StubAgent) -> None:
    dense = "".join(f"{index % 1000:03d}-45-{index % 10_000:04d}" for index in range(190_000))
    assert len(dense) > 2_000_000
    shown = updated(hooks.post("mcp__kit__dump", {}, [{"type": "text", "text": dense}]))[0]["text"]
    assert shown == agent.mask(dense)
    assert all(len(call.body) < MAX_BODY_BYTES for call in agent.requests)


@pytest.mark.parametrize("before", [398_500, 399_990, 400_000])
def test_a_key_of_many_lines_across_a_cut_is_masked(hooks: Hooks, agent: StubAgent, before: int) -> None:
    lines = "\n".join("Ab3/" * 16 for _ in range(50))
    key = "-----BEGIN RSA " + "PRIVATE KEY-----\n" + lines + "\n-----END RSA " + "PRIVATE KEY-----"
    filler = "a line of text\n" * 200_000
    text = filler[:before] + key + filler[:1_000_000] + SSN
    shown = updated(hooks.post("mcp__kit__dump", {}, text))
    assert shown == agent.mask(text)
    assert "Ab3/" not in shown
    assert SSN not in shown


def test_an_agent_that_numbers_anew_in_each_answer_can_be_asked_in_pieces(hooks: Hooks, agent: StubAgent) -> None:
    def fresh(asked: dict[str, Any]) -> Any:
        seen: dict[str, str] = {}
        agent.placeholders = seen
        return agent.mask_output(asked)

    agent.on["check_output"] = fresh
    text = " ".join(f"{index % 1000:03d}-45-{index % 10_000:04d}" for index in range(90_000))
    shown = updated(hooks.post("mcp__kit__dump", {}, text))
    assert "-45-" not in shown


def test_what_is_blocked_across_a_cut_withholds_the_output(hooks: Hooks, agent: StubAgent) -> None:
    needle = "BEGINSECRET " + "z" * 200 + " ENDSECRET"
    agent.on["check_output"] = lambda asked: BLOCKED if needle in str(asked.get("message")) else {"allowed": True}
    text = "x" * 399_900 + needle + "y" * 1_200_000
    reply = hooks.post("mcp__kit__dump", {}, text)
    assert updated(reply) == "[AxonFlow: output withheld by policy: exfiltration [decision: dec-block]]"


def test_a_long_json_stays_json(hooks: Hooks) -> None:
    rows = [{"id": index, "card": 4111111111111111, "note": f"{SSN} x"} for index in range(30_000)]
    text = json.dumps(rows)
    shown = json.loads(updated(hooks.post("mcp__kit__dump", {}, text)))
    assert shown == [{"id": i, "card": "[REDACTED:card#1]", "note": f"{MASKED} x"} for i in range(30_000)]


def test_a_piece_that_fails_makes_the_whole_unscanned(hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_output"] = lambda asked: (
        {"act": "status", "status": 500}
        if len(asked["message"]) > 100_000 and "N" in asked["message"]
        else agent.mask_output(asked)
    )
    reply = hooks.post("mcp__kit__dump", {}, f"{SSN} " + "x " * 700_000 + "N" + " x" * 10_000)
    assert "hookSpecificOutput" not in reply
    assert "not scanned" in reply["systemMessage"]
