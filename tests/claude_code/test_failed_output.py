"""FailedOutput end to end over HTTP: what the hooks module shows the model instead of a failed call's text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from .conftest import MASKED, SSN

if TYPE_CHECKING:
    from .conftest import Hooks, StubAgent

COMMAND = {"command": "cat record.txt; exit 3"}


def replaced(hooks: Hooks, tool: str, error: str, environ: dict[str, str] | None = None) -> Any:
    event = hooks.event("FailedOutput", tool, COMMAND, error=error, is_interrupt=False, duration_ms=18)
    return hooks.answer("failed-output", json.dumps(event).encode(), environ)


@pytest.mark.parametrize("tool", ["Bash", "mcp__kit__fail"])
def test_the_text_is_masked_and_recorded_no_second_time(hooks: Hooks, agent: StubAgent, tool: str) -> None:
    text, told = replaced(hooks, tool, f"Exit code 3\n{SSN}\nbad")["maskedError"].split("\n\n")
    assert text == f"Exit code 3\n{MASKED}\nbad"
    assert told.startswith("AxonFlow governance: 1 sensitive value (1 x ssn) masked in this output [decision: ")
    assert [call.arguments["message"] for call in agent.calls("check_output")] == [f"Exit code 3\n{SSN}\nbad"]
    assert agent.calls("audit_tool_call") == []


def test_a_clean_text_is_left_as_it_is(hooks: Hooks) -> None:
    assert replaced(hooks, "Bash", "Exit code 3\nno such file") is None


def test_what_policy_withholds_is_withheld(hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_output"] = lambda _: {"allowed": False, "block_reason": "customer data", "decision_id": "dec-7"}
    text, told = replaced(hooks, "Bash", "Exit code 3\nrows")["maskedError"].split("\n\n")
    assert text == "[AxonFlow: output withheld by policy: customer data [decision: dec-7]]"
    assert "withheld by policy [decision: dec-7]" in told


def test_the_agents_own_tools_are_not_scanned(hooks: Hooks, agent: StubAgent) -> None:
    assert replaced(hooks, "mcp__plugin_axonflow_axonflow__check_output", SSN) is None
    assert agent.requests == []


def test_without_an_agent_nothing_is_said_a_second_time(hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_output"] = lambda _: {"act": "status", "status": 500}
    assert replaced(hooks, "Bash", SSN) is None
    assert not (hooks.paths.state_dir / "ungoverned.jsonl").exists()
    hooks.failed("Bash", COMMAND, SSN)
    assert (hooks.paths.state_dir / "ungoverned.jsonl").exists()


def test_the_built_in_policies_mask_in_the_fail_mode_local(hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_output"] = lambda _: {"act": "status", "status": 500}
    reply = replaced(hooks, "Bash", "ssn: 536-22-8726", {"AXONFLOW_FAIL_MODE": "local"})
    assert reply["maskedError"].startswith("ssn: [REDACTED:ssn#1]\n\n")
