"""Many calls at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.e2e.claude_code import sensitive
from tests.e2e.claude_code.scenario import scenario
from tests.e2e.claude_code.scripted_model import bash

if TYPE_CHECKING:
    from tests.e2e.claude_code.agents import LiveAgent
    from tests.e2e.claude_code.desk import Desk

CALLS: Final = 40


@scenario("40 tool calls in one turn: every one is governed, masked and audited exactly once")
def test_forty_calls_at_once(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([bash(f"echo call {number}; cat record.txt") for number in range(CALLS)])
    assert [result.text.splitlines()[0] for result in session.results] == [f"call {number}" for number in range(CALLS)]
    assert ["[REDACTED:ssn#1]" in result.text for result in session.results] == [True] * CALLS
    runs = session.hooks("PreToolUse") + session.hooks("PostToolUse")
    assert [(run.outcome, run.exit_code) for run in runs] == [("success", 0)] * (2 * CALLS)
    assert session.told == []
    assert [value for value in sensitive.ALL if value in session.model.everything_shown] == []
    recorded = [entry["query"] for entry in agent.calls_recorded(session.id, CALLS)]
    assert len(recorded) == CALLS
    assert sum(any(f"echo call {number};" in query for query in recorded) for number in range(CALLS)) == CALLS
