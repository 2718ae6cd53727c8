"""PostToolUse on the real host: what the model must not see is in nothing that it was sent, nor in what is kept."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from tests.e2e.claude_code import sensitive
from tests.e2e.claude_code.desk import mcp_kit_options, write_json
from tests.e2e.claude_code.plugin_copy import copy_plugin
from tests.e2e.claude_code.scenario import scenario
from tests.e2e.claude_code.scripted_model import bash, calls
from tests.e2e.claude_code.versions import OLD, VERSIONS

if TYPE_CHECKING:
    from pathlib import Path

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


@scenario("A Read is masked where AXONFLOW_SCAN_READS is on")
def test_a_read_is_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = scanning_reads(desk).session([calls("Read", file_path=str(desk.project / "record.txt"))])
    [result] = session.results
    assert "[REDACTED:ssn#1]" in result.text
    assert "note: harmless" in result.text
    assert "The file itself holds the values" in session.model.everything_shown
    assert_nowhere(session, agent)
    [recorded] = agent.calls_recorded(session.id, 1)
    assert "record.txt" in recorded["query"]


@scenario("A Read of a notebook is masked where AXONFLOW_SCAN_READS is on")
def test_a_read_of_a_notebook_is_masked(desk: Desk, agent: LiveAgent) -> None:
    cell = {"cell_type": "code", "id": "c1", "source": f"ssn = '{sensitive.SSN}'", "metadata": {}, "outputs": []}
    output = {"output_type": "stream", "name": "stdout", "text": [sensitive.RECORD]}
    cells = [cell | {"execution_count": 1, "outputs": [output]}]
    notebook = write_json(
        desk.project / "a.ipynb", {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    )
    session = scanning_reads(desk).session([calls("Read", file_path=str(notebook))])
    assert session.results[0].text.count("[REDACTED:ssn#1]") == 2
    assert_nowhere(session, agent)


@scenario("A Read is not looked at by default, whatever its size")
def test_a_read_is_nobodys_by_default(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD * 700)
    session = desk.session([calls("Read", file_path=str(desk.project / "record.txt"))])
    assert sensitive.SSN in session.results[0].text
    assert [(run.outcome, run.exit_code, run.stdout) for run in session.hooks("PostToolUse")] == [("success", 0, "")]
    assert agent.decisions(session.id, 0) == []


def scanning_reads(desk: Desk) -> Desk:
    """Give the desk of a person who wants Reads to be scanned."""
    return replace(desk, variables={**desk.variables, "AXONFLOW_SCAN_READS": "on"})


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


NO_HOOKS_MODULES = {
    OLD: "This release has no hooks modules: the text of a failure stays as it is. It is scanned and audited, and the "
    "model is told what it holds and not to repeat it."
}


@scenario("A failing command's output is masked, audited, and the model is told of it", fallback=NO_HOOKS_MODULES)
def test_a_failing_command_is_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([bash("cat record.txt; exit 3")])
    [recorded] = agent.calls_recorded(session.id, 1)
    assert recorded["policy_details"]["status"] == "error"
    assert_failures_masked(session, agent)
    assert session.results[0].text.count("Exit code 3") == 1


@scenario("A failing command's long output is masked", fallback=NO_HOOKS_MODULES)
def test_a_long_failure_is_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([bash("cat record.txt; seq 1 20000; cat record.txt; exit 3")])
    assert_failures_masked(session, agent)


@scenario("An MCP tool's error is masked", fallback=NO_HOOKS_MODULES)
def test_an_mcp_error_is_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    session = desk.session([calls("mcp__kit__fail", table="people")], options=mcp_kit_options(desk))
    assert_failures_masked(session, agent)


@scenario("A failing command in a subagent is masked", fallback=NO_HOOKS_MODULES)
def test_a_failure_in_a_subagent_is_masked(desk: Desk, agent: LiveAgent) -> None:
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    task = calls("Agent", description="a task", prompt="Do it.", subagent_type="general-purpose")
    session = desk.session([task], subagent=[[bash("cat record.txt; exit 3")]])
    assert_failures_masked(session, agent)


@scenario("A hooks module that cannot be loaded costs nothing but itself")
def test_a_broken_hooks_module_changes_nothing_else(desk: Desk, agent: LiveAgent, tmp_path: Path) -> None:
    root = copy_plugin(tmp_path)
    (root / "hooks" / "failed_output.js").write_text("export const register = (on => {\n")
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    governed = replace(desk, plugins=(root,), variables={**desk.variables, "AXONFLOW_PYTHON": sys.executable})
    session = governed.session(
        [bash(sensitive.RUNS_A_DOWNLOAD)], [bash("cat record.txt")], [bash("cat record.txt; exit 3")]
    )
    denied, masked, failed = session.results
    assert "AxonFlow policy violation" in denied.text
    assert "[REDACTED:ssn#1]" in masked.text
    assert sensitive.SSN in failed.text
    assert "sensitive data (3 sensitive values" in session.model.everything_shown


def assert_failures_masked(session: Session, agent: LiveAgent) -> None:
    """One call has failed, and its text is masked as far as the release lets it be."""
    assert [value for value in sensitive.ALL if value in agent.kept()] == []
    if session.desk.version in NO_HOOKS_MODULES:
        assert sensitive.SSN in session.model.everything_shown  # a release that masks it needs no fallback
        assert "sensitive data (3 sensitive values" in session.model.everything_shown
        return
    [failed] = [result for result in session.results if result.is_error]
    assert "[REDACTED:ssn#1]" in failed.text
    assert "note: harmless" in failed.text
    assert "masked in this output [decision: " in failed.text
    assert_nowhere(session, agent)
