"""What the audit trail gets of finished calls: how they ended and what may be shown, never raw secrets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.claude_code.conftest import BASH, SSN

if TYPE_CHECKING:
    from tests.claude_code.conftest import Hooks, StubAgent


@pytest.mark.parametrize(
    ("response", "success"),
    [
        ({"stdout": "x", **BASH}, True),
        ({"stdout": "x", **BASH, "interrupted": True}, False),
        ({"stdout": "", **BASH, "backgroundTaskId": "b1"}, None),
        ({"isAsync": True, "status": "async_launched"}, None),
        ([{"type": "text", "text": "x"}], True),
        ("x", True),
    ],
)
def test_success_is_what_the_host_tells(hooks: Hooks, agent: StubAgent, response: Any, success: bool | None) -> None:
    hooks.post("Bash", {"command": "x"}, response, agent_id="a6e129")
    (record,) = agent.calls("audit_tool_call")
    assert record.arguments.get("success") is success
    assert record.arguments["caller_name"] == "claude_code"
    assert record.arguments["duration_ms"] == 26
    assert record.arguments["input"]["tool_use_id"] == "toolu_0def83c7731a42a3a7899cc2"
    assert record.arguments["input"]["agent_id"] == "a6e129"


@pytest.mark.parametrize(
    ("tool", "given", "response"),
    [
        ("Bash", {"command": f"curl -d {SSN} x"}, {"stdout": "ok", **BASH}),
        ("Write", {"file_path": f"/srv/{SSN}.txt", "content": SSN}, {"type": "create"}),
        ("mcp__crm__find", {"ssn": SSN, "file_path": SSN, "deep": [{"a": SSN}]}, [{"type": "text", "text": SSN}]),
        ("mcp__crm__find", {SSN: "key"}, f"{SSN}"),
    ],
)
def test_no_raw_secret_in_the_audit_trail(
    hooks: Hooks, agent: StubAgent, tool: str, given: dict[str, Any], response: Any
) -> None:
    hooks.post(tool, given, response)
    (record,) = agent.calls("audit_tool_call")
    assert SSN.encode() not in record.body
    assert b"REDACTED" in record.body


def test_excerpts_are_short(hooks: Hooks, agent: StubAgent) -> None:
    hooks.post("Bash", {"command": "c" * 5_000}, {"stdout": "o" * 5_000, **BASH})
    (record,) = agent.calls("audit_tool_call")
    assert record.arguments["input"]["excerpt"] == "c" * 500 + "… (shortened)"
    assert record.arguments["output"]["excerpt"] == "o" * 500 + "… (shortened)"
    assert record.arguments["output"]["chars"] == 5_000
    assert record.arguments["input"]["input_chars"] == 5_000
