"""PreToolUse on the real host: what is denied does not run, and the model reads why."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.claude_code.agents import agent_offering
from tests.e2e.claude_code.desk import BYPASS, mcp_kit_options, write_json
from tests.e2e.claude_code.scenario import scenario
from tests.e2e.claude_code.scripted_model import ToolResult, bash, calls
from tests.e2e.claude_code.sensitive import AWS_KEY, DESTROYS_A_TABLE, RUNS_A_DOWNLOAD

if TYPE_CHECKING:
    from tests.e2e.claude_code.agents import LiveAgent
    from tests.e2e.claude_code.desk import Desk

DENIAL: Final = re.compile(r"AxonFlow policy violation: .+ \[decision: ([0-9a-f-]{36}), risk: \w+")


def decision_in(result: ToolResult) -> str:
    """Give the decision id that the model reads in a denial; fails where there is none."""
    found = DENIAL.search(result.text)
    assert result.is_error
    assert found, result.text
    return found.group(1)


@scenario("A dangerous Bash command is denied and does not run; the model reads reason and decision id; audited once")
def test_bash_is_denied(desk: Desk, agent: LiveAgent) -> None:
    session = desk.session([bash(f"touch ran.txt; {RUNS_A_DOWNLOAD}")])
    decision = decision_in(session.results[0])
    assert not (desk.project / "ran.txt").exists()
    decided = agent.decisions(session.id, 1)
    assert [(entry["decision_id"], entry["policy_decision"]) for entry in decided] == [(decision, "blocked")]
    recorded = agent.calls_recorded(session.id, 1)
    assert [entry["policy_details"]["status"] for entry in recorded] == ["error"]
    assert decision in recorded[0]["query"]


@scenario("An allowed call is silent: no message, no extra context, the output as it was")
def test_an_allowed_call_is_silent(desk: Desk, agent: LiveAgent) -> None:
    session = desk.session([bash("echo all is well; touch ran.txt")])
    assert session.results == [ToolResult("all is well", is_error=False)]
    assert (desk.project / "ran.txt").exists()
    assert [run.reply for run in session.hooks("PreToolUse") + session.hooks("PostToolUse")] == [None, None]
    assert session.told == []
    assert "hook additional context" not in session.model.everything_shown
    assert [entry["policy_details"]["status"] for entry in agent.calls_recorded(session.id, 1)] == ["success"]


@scenario("A denial holds inside a subagent")
def test_a_subagent_is_denied(desk: Desk, agent: LiveAgent) -> None:
    start = calls("Agent", description="a step", prompt="Do it.", subagent_type="general-purpose")
    session = desk.session([start], subagent=[[bash(f"touch ran.txt; {RUNS_A_DOWNLOAD}")]])
    denied = [result for result in session.results if DENIAL.search(result.text)]
    assert decision_in(denied[0])
    assert not (desk.project / "ran.txt").exists()
    assert '"agent_id"' in agent.calls_recorded(session.id, 1)[0]["query"]


@scenario("A denial holds under bypassPermissions")
def test_bypassed_permissions_do_not_bypass_governance(desk: Desk) -> None:
    session = desk.session([bash(f"touch ran.txt; {RUNS_A_DOWNLOAD}")], options=[BYPASS])
    assert session.init["permissionMode"] == "bypassPermissions"
    assert decision_in(session.results[0])
    assert not (desk.project / "ran.txt").exists()


@scenario("Write is denied on `content`; no file is written")
def test_write_is_denied(desk: Desk, agent: LiveAgent) -> None:
    target = desk.project / "settings.py"
    session = desk.session([calls("Write", file_path=str(target), content=f"KEY = '{AWS_KEY}'\n")])
    assert decision_in(session.results[0])
    assert not target.exists()
    assert AWS_KEY not in agent.kept()


@scenario("Edit is denied on `new_string`; the file stays as it was")
def test_edit_is_denied(desk: Desk) -> None:
    target = desk.project / "settings.py"
    target.write_text("KEY = None\n")
    edit = calls("Edit", file_path=str(target), old_string="None", new_string=f"'{AWS_KEY}'")
    session = desk.session([calls("Read", file_path=str(target))], [edit])
    assert decision_in(session.results[1])
    assert target.read_text() == "KEY = None\n"


@scenario("NotebookEdit is denied on `new_source`; the notebook stays as it was")
def test_notebook_edit_is_denied(desk: Desk) -> None:
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "c1",
        "source": ["1"],
        "metadata": {},
        "outputs": [],
        "execution_count": None,
    }
    notebook = {"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
    target = write_json(desk.project / "work.ipynb", notebook)
    edit = calls("NotebookEdit", notebook_path=str(target), cell_id="c1", new_source=f"key = '{AWS_KEY}'")
    session = desk.session([calls("Read", file_path=str(target))], [edit])
    assert decision_in(session.results[1])
    assert json.loads(target.read_text()) == notebook


@scenario("An MCP tool is denied on any of its arguments; its server is not called")
def test_an_mcp_tool_is_denied(desk: Desk) -> None:
    query = calls("mcp__kit__query", database="shop", options={"text": [DESTROYS_A_TABLE]})
    allowed = calls("mcp__kit__query", database="shop", options={"text": ["SELECT name FROM users WHERE id = 7"]})
    session = desk.session([query], [allowed], options=mcp_kit_options(desk))
    assert decision_in(session.results[0])
    assert session.results[1] == ToolResult("four rows", is_error=False)
    assert len((desk.project / "calls.log").read_text().splitlines()) == 1


@scenario("create_override is for a person: the host asks, and refuses where nobody can answer")
def test_an_override_is_for_a_person_to_grant(desk: Desk, agent: LiveAgent) -> None:
    grant = calls(
        "mcp__plugin_axonflow_axonflow__create_override",
        policy_id="sys_dangerous_shell_download",
        policy_type="static",
        override_reason="the model would like to",
    )
    with agent_offering("create_override", agent) as (endpoint, called):
        waits = {"MCP_CONNECTION_NONBLOCKING": "false"}  # for the servers, before the model is asked
        asking = replace(desk, variables={**desk.variables, **agent.as_variables(endpoint), **waits})
        session = asking.session([grant], options=[BYPASS])
    [result] = session.results
    assert result.is_error
    assert "AxonFlow: lift policy sys_dangerous_shell_download" in result.text
    assert "Only you can grant this." in result.text
    assert called == []
