"""What a session meets while the agent is down, refuses the credential, hangs or fails: the failure table by rows."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.claude_code import sensitive
from tests.e2e.claude_code.agents import faulty_agent
from tests.e2e.claude_code.scenario import scenario
from tests.e2e.claude_code.scripted_model import ToolResult, bash
from tests.e2e.claude_code.versions import NEW, OLD

if TYPE_CHECKING:
    from tests.e2e.claude_code.desk import Desk, Session

UNGOVERNED: Final = "This tool call runs ungoverned"
UNSCANNED: Final = "An output was not scanned"
STREAM_IS_SILENT: Final = (
    "The stream has no event for messages to the person; the hook's own event carries the message."
)


def against(desk: Desk, endpoint: str, **variables: str) -> Desk:
    """Give the desk with another agent and with these AXONFLOW_ variables."""
    named = {f"AXONFLOW_{name.upper()}": value for name, value in variables.items()}
    return replace(desk, variables={**desk.variables, "AXONFLOW_ENDPOINT": endpoint, **named})


def assert_every_hook_answered(session: Session) -> None:
    """The host saw every hook end by itself and with success: none was cut off at the host's own limit."""
    runs = [
        run
        for event in ("SessionStart", "PreToolUse", "PostToolUse", "PostToolUseFailure")
        for run in session.hooks(event)
    ]
    assert runs
    assert {(run.outcome, run.exit_code) for run in runs} == {("success", 0)}


@scenario(
    "Agent down, fail mode open: tools run, and the person is told once",
    fallback={OLD: STREAM_IS_SILENT},
)
def test_down_and_open(desk: Desk, dead_url: str) -> None:
    session = against(desk, dead_url).session([bash("echo one")], [bash("echo two")])
    assert [result.text for result in session.results] == ["one", "two"]
    told = Counter(kind for kind in (UNGOVERNED, UNSCANNED) for message in session.told if kind in message)
    assert told == {UNGOVERNED: 1, UNSCANNED: 1}
    assert "/axonflow-status" in session.told[0]
    shown = [message for message in session.shown_to_person if "AxonFlow" in message]
    assert len(shown) == (2 if desk.version == NEW else 0)
    assert_every_hook_answered(session)


@scenario("Agent down, fail mode closed: no tool runs, and the model and the person read why")
def test_down_and_closed(desk: Desk, dead_url: str) -> None:
    session = against(desk, dead_url, fail_mode="closed").session([bash("touch ran.txt")])
    [result] = session.results
    assert result.is_error
    assert "AXONFLOW_FAIL_MODE is closed: no tool runs until the agent answers." in result.text
    assert any("AXONFLOW_FAIL_MODE is closed" in message for message in session.told)
    assert not (desk.project / "ran.txt").exists()


@scenario("Agent down, fail mode local: the built-in policies decide, and outputs are masked")
def test_down_and_local(desk: Desk, dead_url: str) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    dangerous = bash(f"touch ran.txt; {sensitive.RUNS_A_DOWNLOAD}")
    session = against(desk, dead_url, fail_mode="local").session([dangerous], [bash("cat record.txt")])
    denied, masked = session.results
    assert "AxonFlow policy violation" in denied.text
    assert "(decided by the built-in policies: " in denied.text
    assert not (desk.project / "ran.txt").exists()
    assert "[REDACTED:ssn#1]" in masked.text
    assert [value for value in sensitive.ALL if value in session.model.everything_shown + session.kept] == []


@pytest.mark.parametrize("mode", ["open", "local"])
@scenario("Agent refuses the credential: denied with the remedy, whatever the fail mode")
def test_refused_credential(desk: Desk, mode: str) -> None:
    with faulty_agent("refuses") as endpoint:
        session = against(desk, endpoint, fail_mode=mode, auth="bWU6d3Jvbmc=").session([bash("touch ran.txt")])
    [result] = session.results
    assert result.is_error
    assert "AxonFlow governance blocked: " in result.text
    assert "(code 401)" in result.text
    assert "Fix AxonFlow configuration to restore tool access." in result.text
    assert "AXONFLOW_AUTH" in result.text
    assert not (desk.project / "ran.txt").exists()


@scenario("Agent hangs, default time limits: each hook answers before the host would cut it off, and the tool runs")
def test_hanging_and_open(desk: Desk) -> None:
    with faulty_agent("hangs") as endpoint:
        session = against(desk, endpoint, timeout_seconds="").session([bash("echo one")])
    assert session.results == [ToolResult("one", is_error=False)]
    assert sum(UNGOVERNED in message for message in session.told) == 1
    assert_every_hook_answered(session)


@scenario("Agent hangs, fail mode closed: denied within AXONFLOW_TIMEOUT_SECONDS")
def test_hanging_and_closed(desk: Desk) -> None:
    with faulty_agent("hangs") as endpoint:
        session = against(desk, endpoint, fail_mode="closed", timeout_seconds="1").session([bash("touch ran.txt")])
    assert "AXONFLOW_FAIL_MODE is closed" in session.results[0].text
    assert not (desk.project / "ran.txt").exists()
    assert_every_hook_answered(session)


@scenario("Agent fails with HTTP 500: as when it is down")
def test_failing_and_open(desk: Desk) -> None:
    with faulty_agent("fails") as endpoint:
        session = against(desk, endpoint).session([bash("echo one")])
    assert session.results == [ToolResult("one", is_error=False)]
    assert sum(UNGOVERNED in message for message in session.told) == 1


@scenario("A malformed setting: denied with the setting's name, and the person is told at the session's start")
def test_malformed_setting(desk: Desk, dead_url: str) -> None:
    session = against(desk, dead_url, timeout_seconds="soon").session([bash("touch ran.txt")])
    assert "AXONFLOW_TIMEOUT_SECONDS is not a number of seconds" in session.results[0].text
    assert any("AXONFLOW_TIMEOUT_SECONDS" in message for message in session.told)
    assert not (desk.project / "ran.txt").exists()
