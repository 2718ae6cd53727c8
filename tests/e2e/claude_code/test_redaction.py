"""PostToolUse on the real host: what the model must not see is in nothing that it was sent, nor in what is kept."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from devtools.live import ROOT
from tests.e2e.claude_code import sensitive
from tests.e2e.claude_code.desk import mcp_kit_options
from tests.e2e.claude_code.scenario import scenario
from tests.e2e.claude_code.scripted_model import bash, calls
from tests.e2e.claude_code.versions import VERSIONS

if TYPE_CHECKING:
    from tests.e2e.claude_code.agents import LiveAgent
    from tests.e2e.claude_code.desk import Desk, Session


def assert_nowhere(session: Session, agent: LiveAgent) -> None:
    """The raw values are neither in what the model was sent, nor in the host's files and events, nor at the agent."""
    for place, text in (
        ("shown to the model", session.model.everything_shown),
        ("kept by the host", session.kept),
        ("kept by the agent", agent.kept()),
    ):
        assert [value for value in sensitive.ALL if value in text] == [], place


@scenario("Control: without the plugin the model reads the raw values")
def test_without_the_plugin_the_values_are_shown(desk: Desk) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = replace(desk, plugins=()).session([bash("cat record.txt")])
    for value in sensitive.ALL:
        assert value in session.model.everything_shown
        assert value in session.kept


@scenario("Bash output with an SSN, an AWS key and a card: placeholders instead, in the model, transcript and stream")
def test_bash_output_is_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([bash("cat record.txt; cat record.txt >&2")])
    assert_nowhere(session, agent)
    [result] = session.results
    assert result.text.count("[REDACTED:ssn#1]") == 2
    assert "note: harmless" in result.text
    assert "masked in this output [decision: " in session.model.everything_shown


@scenario("An MCP tool's content blocks are masked one by one")
def test_mcp_content_blocks_are_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([calls("mcp__kit__record", table="people")], options=mcp_kit_options(desk))
    [result] = session.results
    assert result.text.count("[REDACTED:ssn#1]") == 2
    assert result.text.count("note: harmless") == 2
    assert '"id": 7' in result.text
    assert_nowhere(session, agent)


@scenario(
    "Structured content of an MCP tool: masked for the model",
    fallback=dict.fromkeys(
        VERSIONS,
        "The host keeps the tool's own structured content in its transcript and stream, where no hook reaches.",
    ),
)
def test_structured_content_is_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([calls("mcp__kit__structured", table="people")], options=mcp_kit_options(desk))
    [result] = session.results
    assert "[REDACTED:ssn#1]" in result.text
    assert [value for value in sensitive.ALL if value in session.model.everything_shown + agent.kept()] == []
    assert sensitive.SSN in session.kept  # a release that no longer keeps it needs no fallback


@scenario("A Read is masked like any other output")
def test_a_read_is_masked(desk: Desk, agent: LiveAgent) -> None:
    wiring = json.loads((ROOT / "hooks" / "hooks.json").read_text(encoding="utf-8"))
    if not any(re.search(entry["matcher"], "Read") for entry in wiring["hooks"]["PostToolUse"]):
        pytest.skip("Reads are not governed: hooks.json does not name the tool.")
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([calls("Read", file_path=str(desk.project / "record.txt"))])
    assert "[REDACTED:ssn#1]" in session.results[0].text
    assert_nowhere(session, agent)


@scenario("Two parallel tool calls are both masked")
def test_parallel_calls_are_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([bash("cat record.txt"), bash("tac record.txt")])
    assert ["[REDACTED:ssn#1]" in result.text for result in session.results] == [True, True]
    assert_nowhere(session, agent)


@scenario("Output over 30,000 characters: masked for the model and in the overflow file")
def test_long_output_is_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([bash("cat record.txt; seq 1 20000; cat record.txt")])
    [result] = session.results
    assert "[REDACTED:ssn#1]" in result.text
    assert "[REDACTED:ssn#1]" in session.kept
    assert_nowhere(session, agent)


@scenario("A failing command's output is audited, and the model is told that it holds sensitive data")
def test_a_failing_command_is_audited_and_flagged(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([bash("cat record.txt; exit 3")])
    [recorded] = agent.calls_recorded(session.id, 1)
    assert recorded["policy_details"]["status"] == "error"
    assert [value for value in sensitive.ALL if value in agent.kept()] == []
    assert "sensitive data (3 sensitive values" in session.model.everything_shown
