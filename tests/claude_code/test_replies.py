from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.claude_code import replies
from axonflow_hooks.claude_code.replies import MAX_REASON_CHARS, SILENT, Reply, one_line


def test_silence_is_no_bytes() -> None:
    assert SILENT.to_bytes() == b""
    assert replies.after_tool("PostToolUse").to_bytes() == b""


@given(st.text(), st.integers(1, 500))
def test_one_line_is_printable_and_bounded(text: str, limit: int) -> None:
    line = one_line(text, limit)
    assert line.isprintable()
    assert len(line) <= limit


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\r\nb\tc", "a b c"),
        ("\x1b]0;title\x07x", "]0;titlex"),
        ("a\u202eb\u2066c\u200bd\ufeffe", "abcde"),
        ("\u2028x\u2029", "x"),
        ("\ud800", ""),
        (None, "None"),
        (5, "5"),
    ],
)
def test_one_line_keeps_no_layout(text: object, expected: str) -> None:
    assert one_line(text) == expected


@pytest.mark.parametrize("decide", [replies.deny, replies.ask])
def test_reasons_are_bounded(decide: Any) -> None:
    output = decide("x" * 100_000).body["hookSpecificOutput"]
    assert len(output["permissionDecisionReason"]) == MAX_REASON_CHARS


def test_answers_are_one_ascii_object() -> None:
    data = replies.deny("\u00e4\u2028\ud83d", message="\U0001f600").to_bytes()
    assert data.isascii()
    assert b"\n" not in data
    assert json.loads(data)["systemMessage"] == "\U0001f600"


@pytest.mark.parametrize(
    ("reply", "decision", "keys"),
    [
        (SILENT, "ask", {"hookSpecificOutput"}),
        (replies.notice("n"), "ask", {"hookSpecificOutput", "systemMessage"}),
        (replies.rewrite_input({"a": 1}, context="c", message="m"), "ask", {"hookSpecificOutput", "systemMessage"}),
        (replies.deny("no"), "deny", {"hookSpecificOutput"}),
        (replies.ask("approve?"), "ask", {"hookSpecificOutput"}),
    ],
)
def test_asking_first(reply: Reply, decision: str, keys: set[str]) -> None:
    before = json.dumps(reply.body)
    body = replies.asking_first(reply, "sure?").body
    assert body is not None
    assert body.keys() == keys
    assert body["hookSpecificOutput"]["permissionDecision"] == decision
    assert json.dumps(reply.body) == before
    if reply.body and "updatedInput" in reply.body.get("hookSpecificOutput", {}):
        assert body["hookSpecificOutput"]["updatedInput"] == {"a": 1}


def test_mcp_output_goes_under_both_names() -> None:
    body = replies.after_tool("PostToolUse", updated_output="x", is_mcp=True).body
    assert body == {
        "hookSpecificOutput": {
            "hookEventName": "PostToolUse",
            "updatedToolOutput": "x",
            "updatedMCPToolOutput": "x",
        }
    }
