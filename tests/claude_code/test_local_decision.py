from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.claude_code.local_decision import LocalDecision
from axonflow_hooks.errors import AgentRefused
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import load_settings
from axonflow_hooks.wire.mcp_tools import CheckOutputArguments

if TYPE_CHECKING:
    from axonflow_hooks.settings import Settings
    from tests.claude_code.conftest import Hooks, StubAgent

SSN = "536-22-8714"


@pytest.fixture
def settings() -> Settings:
    environ = {"HOME": "/nonexistent", "AXONFLOW_ENDPOINT": "http://127.0.0.1:1"}
    return load_settings(environ, resolve_paths(environ))


def test_a_dangerous_command_is_denied_in_the_words_of_the_wire(settings: Settings) -> None:
    verdict = LocalDecision(settings).check_policy("claude_code.Bash", "rm -rf /")
    assert not verdict.allowed
    assert verdict.decision_id.startswith("local-")
    assert verdict.policies_evaluated
    assert verdict.policies_evaluated > 10
    assert verdict.risk_level == "critical"
    assert verdict.blocked_by.startswith("sys_")
    assert verdict.block_reason


def test_ordinary_work_is_allowed(settings: Settings) -> None:
    verdict = LocalDecision(settings).check_policy("claude_code.Bash", "git status")
    assert verdict.allowed
    assert not verdict.requires_redaction


def test_messages_and_rows_are_masked_alike(settings: Settings) -> None:
    local = LocalDecision(settings)
    single = asyncio.run(
        local.check_output(CheckOutputArguments(connector_type="claude_code.Bash", message=f"n {SSN}"))
    )
    rows = asyncio.run(
        local.check_output(
            CheckOutputArguments(
                connector_type="claude_code.Bash", response_data=[{"text": "clean"}, {"text": f"n {SSN}"}, {"other": 1}]
            )
        )
    )
    assert single.redacted_message == "n [REDACTED:ssn#1]"
    assert rows.redacted_data == [{"text": "clean"}, {"text": "n [REDACTED:ssn#1]"}, {"text": ""}]
    assert single.redaction_evaluated is True


def test_without_the_engine_nothing_runs(
    hooks: Hooks, agent: StubAgent, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setitem(sys.modules, "axonflow_hooks.policy", None)
    with pytest.raises(AgentRefused) as raised:
        LocalDecision(settings)
    assert "axonflow-hooks[agent]" in raised.value.remedy
    agent.always({"act": "status", "status": 500})
    environ = {"AXONFLOW_FAIL_MODE": "local"}
    reply = hooks.pre("Bash", {"command": "ls"}, environ=environ)
    assert reply["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert "(code setup)" in reply["hookSpecificOutput"]["permissionDecisionReason"]
    after = hooks.post("Bash", {"command": "ls"}, {"stdout": SSN, "stderr": ""}, environ=environ)
    assert "not scanned" in after["systemMessage"]
