"""What the plugin brings along: the agent's MCP tools with the right credential, and the slash commands."""

from __future__ import annotations

import json
import re
import subprocess
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import pytest

from devtools.live import ROOT
from tests.e2e.claude_code.agents import CREDENTIALS
from tests.e2e.claude_code.scenario import scenario
from tests.e2e.claude_code.scripted_model import DONE, bash, calls
from tests.e2e.claude_code.sensitive import RUNS_A_DOWNLOAD, SSN

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.claude_code.agents import LiveAgent
    from tests.e2e.claude_code.desk import Desk
    from tests.e2e.claude_code.scripted_model import Block

PREFIX: Final = "mcp__plugin_axonflow_axonflow__"
SKILLS: Final = sorted(path.parent.name for path in (ROOT / "skills").glob("*/SKILL.md"))


def tool(name: str, **arguments: Any) -> Block:
    """Give a call of one of the agent's tools."""
    return calls(PREFIX + name, **arguments)


def explain_what_was_shown(shown: str) -> Sequence[Block]:
    """Ask for the explanation of the first decision among what the model was shown."""
    found = re.search(r'decision_id\\*": \\*"([0-9a-f-]{36})', shown)
    assert found, shown[-2000:]
    return [tool("explain_decision", decision_id=found.group(1))]


@pytest.mark.parametrize("source", ["agent-credentials.json", "AXONFLOW_AUTH"])
@scenario("The MCP server connects with the right credential, and its tools work")
def test_the_tools_work(desk: Desk, agent: LiveAgent, source: str) -> None:
    if source == "AXONFLOW_AUTH":
        (desk.home / CREDENTIALS).unlink()
        desk = replace(desk, variables={**desk.variables, **agent.as_variables(agent.endpoint)})
    session = desk.session(
        [tool("check_policy", connector_type="claude_code.Bash", statement=RUNS_A_DOWNLOAD)],
        explain_what_was_shown,
        [tool("check_output", connector_type="claude_code.Bash", message=f"ssn {SSN}")],
        [tool("audit_tool_call", tool_name="Deploy", input={"target": "test"}, success=True)],
        [tool("search_audit_events", request_type="tool_call_audit", limit=5)],
    )
    servers = [(server["name"], server["status"]) for server in session.init["mcp_servers"]]
    assert servers == [("plugin:axonflow:axonflow", "connected")]
    verdict, explained, masked, recorded, found = (json.loads(result.text) for result in session.results)
    assert verdict["allowed"] is False
    assert explained["decision_id"] == verdict["decision_id"]
    assert "[REDACTED:ssn#1]" in masked["redacted_message"]
    assert recorded["recorded"] is True
    assert "Deploy" in {entry["policy_details"].get("tool_name") for entry in found["entries"]}
    offered = {name.removeprefix(PREFIX) for name in session.init["tools"] if name.startswith(PREFIX)}
    assert offered == {entry["name"] for entry in agent.listed_tools()}


def last_line_of(skill: str) -> str:
    """Give the last line of a skill's text as it stands in the JSON of a request."""
    text = (ROOT / "skills" / skill / "SKILL.md").read_text(encoding="utf-8").rstrip()
    return json.dumps(text.splitlines()[-1], ensure_ascii=False)[1:-1]


@scenario("Every slash command resolves, with and without the plugin's name before it")
def test_every_command_resolves(desk: Desk) -> None:
    assert len(SKILLS) == 9
    prompts = [f"/{form}{skill} something" for skill in SKILLS for form in ("", "axonflow:")]
    session = desk.session(prompts=prompts)
    shown = [json.dumps(body["messages"], ensure_ascii=False) for body in session.model.requests]
    assert len(shown) == len(prompts)
    for number, prompt in enumerate(prompts):
        line = last_line_of(SKILLS[number // 2])
        assert shown[number].count(line) == number % 2 + 1, prompt


@scenario("The commands' helpers run without a permission prompt: status, recover, audit-search, explain-decision")
def test_the_commands_helpers_run(desk: Desk, agent: LiveAgent) -> None:
    decided = agent.tool("check_policy", connector_type="claude_code.Bash", statement="echo one")

    def recover(shown: str) -> Sequence[Block]:
        found = re.search(r"sh \\\"([^\"\\]+)\\\" cli recover 'EMAIL'", shown)
        assert found, shown[-2000:]
        return [bash(f"sh \"{found.group(1)}\" cli recover 'ada@example.com'")]

    session = desk.session(
        DONE,
        recover,
        DONE,
        [tool("search_audit_events", limit=5)],
        DONE,
        [tool("explain_decision", decision_id=decided["decision_id"])],
        options=(),
        prompts=[
            "/axonflow-status",
            "/axonflow-recover ada@example.com",
            "/axonflow-audit-search everything",
            f"/axonflow-explain-decision {decided['decision_id']}",
        ],
    )
    assert f"OK endpoint={agent.endpoint}" in str(session.model.requests[0]["messages"])
    recovered, found, explained = session.results
    assert "permission" not in recovered.text
    assert "recover" in recovered.text.lower()
    assert json.loads(found.text)["entries"]
    assert json.loads(explained.text)["decision_id"] == decided["decision_id"]


@pytest.mark.parametrize("skill", ["axonflow-login", "axonflow-recover-verify"])
@scenario("The commands that take a secret hand out a command line for the person's own terminal, and it works")
def test_the_commands_for_secrets(desk: Desk, skill: str) -> None:
    session = desk.session(prompts=[f"/{skill}"])
    word = skill.removeprefix("axonflow-")
    found = re.search(rf"sh \"[^\"\n]+/hooks/run\" cli {word} -", str(session.model.requests[0]["messages"]))
    assert found
    secret = "not-a-" + "token"
    done = subprocess.run(
        ["sh", "-c", found.group()],
        input=secret + "\n",
        env=desk.environment(),
        cwd=desk.project,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode not in {0, 126, 127}
    assert done.stderr.startswith("ERROR ")
    assert secret not in done.stdout + done.stderr
