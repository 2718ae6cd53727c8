"""Exceptions on the real host: the model asks, a person grants, the call passes, and it ends."""

from __future__ import annotations

import contextlib
import json
import re
import sqlite3
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import httpx
import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.private_files import make_private_dir
from devtools.live import PROGRAM, clean_environment
from tests.e2e.claude_code.agents import LiveAgent, live_agent
from tests.e2e.claude_code.desk import BYPASS, TOOLS
from tests.e2e.claude_code.scenario import scenario
from tests.e2e.claude_code.scripted_model import ToolResult, bash, calls
from tests.e2e.claude_code.test_verdicts import DENIAL, decision_in
from tests.terminal import Finished, at_terminal

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.e2e.claude_code.desk import Desk
    from tests.e2e.claude_code.scripted_model import Block, Turn

PASSPHRASE: Final = "correct horse battery staple"
POLICY: Final = "sys_dangerous_credential_access"
COMMAND: Final = "cat ~/.aws/credentials"
REASON: Final = "the user rotates the key"
CONTENT: Final = "nothing to see here"
OWN: Final = "mcp__plugin_axonflow_axonflow__"
KEYBOARD: Final = Path(__file__).with_name("permission_kit.py")
DEADLINE_S: Final = 120
ASKS_ABOUT_DEPLOYS: Final = """
group = "commands"

[[policy]]
id = "own_deploys"
name = "Deploys"
description = "It deploys."
category = "security-dangerous"
severity = "medium"
action = { request = "require_approval", response = "log" }
match = [{ pattern = '\\bdeploy-to-production\\b' }]
flag = ["deploy-to-production now"]
clean = ["deploy-to-staging now"]
"""

# What a model could write into a file of the project, so that no command line shows what it does.
GUESSES: Final = """
import os, pty, sys
for name in list(os.environ):
    if name.startswith("CLAUDE"):
        del os.environ[name]
sent = []
def answer(descriptor):
    shown = os.read(descriptor, 1024)
    if b"passphrase" in shown and not sent:
        sent.append(True)
        os.write(descriptor, b"letmein letmein\\n")
    return shown
command = ["override", "create", "POLICY", "--reason", "the model would like to"]
os._exit(os.waitstatus_to_exitcode(pty.spawn(["PROGRAM", *command], answer, lambda _: b"")))
"""


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiveAgent]:
    """The real embedded agent of a person who has set a passphrase."""
    home = tmp_path_factory.mktemp("grants") / "home"
    make_private_dir(data_of(home))
    packs = resolve_paths(clean_environment(home)).config_dir / "policies"
    make_private_dir(packs)
    (packs / "deploys.toml").write_text(ASKS_ABOUT_DEPLOYS, encoding="utf-8")
    enrol(data_of(home), PASSPHRASE)
    with live_agent(home) as running:
        yield running


def data_of(home: Path) -> Path:
    return resolve_paths(clean_environment(home)).agent_data_dir


def questions(agent: LiveAgent) -> list[dict[str, Any]]:
    reply = httpx.get(f"{agent.endpoint}/api/v1/presence/challenges", auth=agent.credential, timeout=60)
    found: list[dict[str, Any]] = reply.json()["challenges"]
    return found


def overrides(agent: LiveAgent, *, past: bool = False) -> list[dict[str, Any]]:
    reply = httpx.get(
        f"{agent.endpoint}/api/v1/overrides",
        params={"include_revoked": "true" if past else "false"},
        auth=agent.credential,
        timeout=60,
    )
    found: list[dict[str, Any]] = reply.json()["overrides"]
    return found


class Keyboard:
    """The person: waits in a terminal of their own for a question and answers it with their passphrase."""

    def __init__(self, agent: LiveAgent) -> None:
        self._agent = agent
        self._thread = threading.Thread(target=self._confirm)
        self._finished: list[Finished] = []

    def start(self) -> None:
        self._thread.start()

    def finished(self) -> Finished:
        self._thread.join(DEADLINE_S)
        return self._finished[0]

    def _confirm(self) -> None:
        end = time.monotonic() + DEADLINE_S
        code = ""
        while not code and time.monotonic() < end:
            waiting = [question for question in questions(self._agent) if REASON in question["question"]]
            code = waiting[0]["code"] if waiting else ""
            time.sleep(0.05)
        environ = {**clean_environment(self._agent.home), "AXONFLOW_ENDPOINT": self._agent.endpoint}
        dialogue = ("Your passphrase says yes", PASSPHRASE)
        self._finished.append(at_terminal([str(PROGRAM), "override", "confirm", code], environ, dialogue))


def keyboard_options(desk: Desk) -> tuple[str, ...]:
    """Give the options with which a person answers the host's own questions with yes."""
    program = {"command": sys.executable, "args": [str(KEYBOARD), str(desk.project / "asked.log")]}
    servers = json.dumps({"mcpServers": {"keyboard": program}})
    tool = "mcp__keyboard__approve"
    return ("--allowedTools", TOOLS, "--mcp-config", servers, "--permission-prompt-tool", tool)


def secret_file(desk: Desk) -> None:
    folder = desk.home / ".aws"
    folder.mkdir()
    (folder / "credentials").write_text(f"{CONTENT}\n", encoding="utf-8")


def end_all(agent: LiveAgent) -> None:
    """Let the time of every override be over, as it is after its seconds."""
    with contextlib.closing(sqlite3.connect(data_of(agent.home) / "agent.db", timeout=60)) as connection, connection:
        connection.execute("UPDATE overrides SET expires_at = created_at")


@scenario("block → explain_decision → create_override (host and passphrase ask the person) → passes → ends → blocked")
def test_an_exception_from_block_to_end(desk: Desk, agent: LiveAgent) -> None:
    secret_file(desk)
    keyboard = Keyboard(agent)

    def explain(shown: str) -> Sequence[Block]:
        found = DENIAL.search(shown)
        assert found, shown
        return [calls(f"{OWN}explain_decision", decision_id=found.group(1))]

    def ask(shown: str) -> Sequence[Block]:
        keyboard.start()
        asked = {
            "policy_id": POLICY,
            "policy_type": "static",
            "override_reason": REASON,
            "ttl_seconds": 600,
        }
        return [calls(f"{OWN}create_override", **asked, tool_signature="claude_code.Bash")]

    def after_the_end(shown: str) -> Sequence[Block]:
        end_all(agent)
        return [bash(COMMAND)]

    turns: list[Turn] = [[bash(COMMAND)], explain, ask, [bash(COMMAND)], after_the_end]
    session = desk.session(*turns, options=keyboard_options(desk))
    blocked, explained, granted, passed, again = session.results
    first = decision_in(blocked)
    assert "way out: create_override" in blocked.text
    explanation = json.loads(explained.text)
    assert explanation["decision_id"] == first
    assert COMMAND in explanation["explanation"] or "credentials" in explanation["explanation"]
    assert f"create_override for {POLICY}" in explanation["what_would_be_allowed"]
    assert keyboard.finished().code == 0
    assert json.loads(granted.text)["policy_id"] == POLICY
    assert passed == ToolResult(CONTENT, is_error=False)
    assert decision_in(again) != first
    question = json.loads((desk.project / "asked.log").read_text(encoding="utf-8").splitlines()[0])
    assert question["tool_name"] == f"{OWN}create_override"
    [made] = [row for row in overrides(agent, past=True) if row["id"] == json.loads(granted.text)["id"]]
    used = agent.audit(session.id, "override_used", lambda entries: len(entries) >= 1)
    assert [entry["policy_details"]["policy_id"] for entry in used] == [POLICY]
    decided = agent.decisions(session.id, 3)
    assert [entry["policy_decision"] for entry in decided] == ["blocked", "allowed", "blocked"]
    assert used[0]["decision_id"] == decided[1]["decision_id"]
    assert made["override_reason"] == REASON


@scenario("A call that needs approval is put to the person; approved in a terminal it passes, once")
def test_an_approval_is_good_for_one_call(desk: Desk, agent: LiveAgent) -> None:
    command = f"echo deploy-to-production {desk.version}"
    approvals: list[Finished] = []

    def approve(shown: str) -> Sequence[Block]:
        found = re.search(r"axonflow-hooks approval approve (apr_[0-9a-f]{32})", shown)
        assert found, shown
        environ = {**clean_environment(agent.home), "AXONFLOW_ENDPOINT": agent.endpoint}
        words = [str(PROGRAM), "approval", "approve", found.group(1)]
        approvals.append(at_terminal(words, environ, ("Your passphrase says yes", PASSPHRASE)))
        return [bash(command)]

    session = desk.session([bash(command)], approve, [bash(command)], options=[BYPASS])
    held, passed, again = session.results
    assert held.is_error
    assert "needs a person's approval" in held.text
    assert approvals[0].code == 0, approvals[0].err
    assert command in approvals[0].err
    assert passed == ToolResult(f"deploy-to-production {desk.version}", is_error=False)
    assert again.is_error
    decided = agent.decisions(session.id, 3)
    assert [entry["policy_decision"] for entry in decided] == ["needs_approval", "allowed", "needs_approval"]


@scenario("The model cannot say yes itself: the command is denied, and a hidden one has no passphrase")
def test_a_model_grants_itself_nothing(desk: Desk, agent: LiveAgent) -> None:
    secret_file(desk)
    end_all(agent)
    hidden = GUESSES.replace("PROGRAM", str(PROGRAM)).replace("POLICY", POLICY)
    (desk.project / "tidy.py").write_text(hidden, encoding="utf-8")
    session = desk.session(
        [bash(f"{PROGRAM} override create {POLICY} --reason 'the user said so'")],
        [bash(f"script -qc '{PROGRAM} override confirm' /dev/null")],
        [bash(f"'{sys.executable}' tidy.py; echo ended with $?")],
        [bash(COMMAND)],
        options=[BYPASS],
    )
    direct, wrapped, guessed, still = session.results
    for denied in (direct, wrapped):
        assert denied.is_error
        assert "Only a person grants exceptions" in denied.text
    assert "The passphrase is wrong" in guessed.text
    assert "ended with 1" in guessed.text
    assert decision_in(still)
    assert overrides(agent) == []
    refused = agent.tool("search_audit_events", request_type="presence_refused")["entries"]
    assert re.search(f"Lift the policy {POLICY}", refused[0]["query"])
