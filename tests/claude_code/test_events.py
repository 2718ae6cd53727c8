from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.claude_code.events import parse_event
from axonflow_hooks.errors import HookInputError

BASH = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}}


def test_fields_of_a_finished_mcp_call() -> None:
    event = parse_event(
        json.dumps(
            {
                "session_id": "s",
                "transcript_path": "/t.jsonl",
                "cwd": "/w",
                "permission_mode": "default",
                "agent_id": "a6e1",
                "hook_event_name": "PostToolUse",
                "tool_name": "mcp__kit__secret",
                "tool_input": {"x": "1"},
                "tool_response": [{"type": "text", "text": "hello"}],
                "tool_use_id": "toolu_1",
                "duration_ms": 18.6,
                "mcp_server": {"name": "kit", "source": "dynamic"},
                "a_field_of_tomorrow": 1,
            }
        ).encode(),
        "PostToolUse",
    )
    assert (event.session_id, event.cwd, event.agent_id, event.tool_use_id) == ("s", "/w", "a6e1", "toolu_1")
    assert event.tool_response == [{"type": "text", "text": "hello"}]
    assert event.duration_ms == 18
    assert event.mcp_server_source == "dynamic"


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"  \n",
        b"[]",
        b'"text"',
        b"null",
        b"{",
        b"{not json}",
        b"[" * 200_000,
        b'{"tool_input": ' + b"1" * 10_000 + b"}",
        json.dumps(BASH | {"hook_event_name": "PostToolUse"}).encode(),
        json.dumps(BASH | {"hook_event_name": 5}).encode(),
        json.dumps(BASH | {"tool_name": ""}).encode(),
        json.dumps(BASH | {"tool_name": ["Bash"]}).encode(),
        json.dumps(BASH | {"tool_input": "ls"}).encode(),
        json.dumps(BASH | {"tool_input": None}).encode(),
        json.dumps(BASH).encode() + b" trailing",
    ],
    ids=lambda payload: payload[:40].decode(),
)
def test_what_is_no_event_is_an_input_error(payload: bytes) -> None:
    with pytest.raises(HookInputError):
        parse_event(payload, "PreToolUse")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NaN", "NaN"),
        ("-Infinity", "-Infinity"),
        ("1e999", "1e999"),
        ("1.5", 1.5),
        ("12345678901234567890", 12345678901234567890),
    ],
)
def test_numbers_that_are_no_json_become_text(text: str, value: object) -> None:
    payload = '{"tool_name": "Bash", "tool_input": {"x": 0}, "duration_ms": 0}'.replace("0", text)
    event = parse_event(payload.encode(), "PreToolUse")
    assert event.tool_input == {"x": value}
    assert json.dumps(event.tool_input, allow_nan=False)


def test_bytes_that_are_no_text_are_kept_apart() -> None:
    event = parse_event(b'{"tool_name": "Bash", "tool_input": {"command": "echo \xff\xfe"}}', "PreToolUse")
    assert event.tool_input == {"command": "echo \ufffd\ufffd"}


@pytest.mark.parametrize("value", [{"command": "ls"}, {}])
def test_event_without_a_name_is_taken_as_the_wired_one(value: dict[str, Any]) -> None:
    payload = json.dumps({"tool_name": "Bash", "tool_input": value}).encode()
    assert parse_event(payload, "PreToolUse").tool_input == value
