"""Every row of what the proxy enforces, on real servers and the real embedded agent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.audit_file import verify
from devtools.live import PROGRAM, clean_environment
from tests.agent.grants.conftest import PASSPHRASE
from tests.terminal import at_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.e2e.claude_code.agents import LiveAgent
    from tests.e2e.proxy.peers import Desktop
    from tests.proxy.conftest import Client

SSN = "536-90-" + "4399"
WRITE = "filesystem__write_file"
READ = "filesystem__read_text_file"
ROW = {
    "timestamp", "session_id", "leader_email", "tool_name", "parameters_hash", "response_record_count", "duration_ms",
    "decision_id", "verdict", "evaluated_policies", "trace_id", "ai_agent", "gateway_id", "redaction_count", "error",
}  # fmt: skip


def written(desktop: Desktop, client: Client, name: str, content: str) -> dict[str, Any]:
    return client.call(WRITE, {"path": str(desktop.files / name), "content": content})


def texts(answer: dict[str, Any]) -> str:
    return "\n".join(block.get("text", "") for block in answer["result"]["content"])


def test_allowed_calls_are_forwarded_unchanged(desktop: Desktop, connect: Callable[..., Client]) -> None:
    client = connect()
    content = 'plain <b>text</b> & "quotes"\nÄ, 漢, \\u0041, 12345678901234567890'
    assert "Successfully wrote" in texts(written(desktop, client, "a.txt", content))
    assert (desktop.files / "a.txt").read_text(encoding="utf-8") == content
    assert texts(client.call(READ, {"path": str(desktop.files / "a.txt")})) == content


def test_denied_calls_never_reach_the_backend(desktop: Desktop, connect: Callable[..., Client]) -> None:
    client = connect()
    error = written(desktop, client, "b.sh", "#!/bin/sh\nhalt\n")["error"]
    assert error["code"] == -32001
    assert error["data"]["evaluated_policies"][0] == "halt"
    assert error["data"]["decision_id"]
    assert len(error["data"]["trace_id"]) == 32
    assert error["data"]["trace_id"] in error["message"]
    assert error["data"]["reasons"]
    assert not (desktop.files / "b.sh").exists()
    (row,) = desktop.rows("outcome")
    assert (row["verdict"], row["decision_id"]) == ("deny", error["data"]["decision_id"])
    assert desktop.rows("intent") == []


def test_a_call_that_needs_approval_runs_once_approved(
    desktop: Desktop, connect: Callable[..., Client], agent: LiveAgent
) -> None:
    client = connect()
    content = f"permit {desktop.home.parent.name}"
    error = written(desktop, client, "c.txt", content)["error"]
    assert error["code"] == -32002
    approval_id = error["data"]["approval_id"]
    assert approval_id in error["message"]
    assert not (desktop.files / "c.txt").exists()
    environ = {**clean_environment(agent.home), "AXONFLOW_ENDPOINT": agent.endpoint}
    words = [str(PROGRAM), "approval", "approve", approval_id]
    assert at_terminal(words, environ, ("Your passphrase says yes", PASSPHRASE)).code == 0
    assert "Successfully wrote" in texts(written(desktop, client, "c.txt", content))
    assert (desktop.files / "c.txt").read_text(encoding="utf-8") == content
    assert written(desktop, client, "c.txt", content)["error"]["code"] == -32002


def test_a_long_call_of_which_two_pieces_are_held_runs_once_both_are_approved(
    desktop: Desktop, connect: Callable[..., Client], agent: LiveAgent
) -> None:
    client = connect()
    name = desktop.home.parent.name
    content = f"permit {name} begins\n" + "an ordinary line\n" * 65_000 + f"permit {name} ends"
    error = written(desktop, client, "long.txt", content)["error"]
    assert error["code"] == -32002
    ids = error["data"]["approval_ids"]
    assert len(set(ids)) == 2
    assert ids[0] == error["data"]["approval_id"]
    assert f"all of {ids[0]}, {ids[1]}" in error["message"]
    environ = {**clean_environment(agent.home), "AXONFLOW_ENDPOINT": agent.endpoint}
    for approval_id in ids:
        words = [str(PROGRAM), "approval", "approve", approval_id]
        assert at_terminal(words, environ, ("Your passphrase says yes", PASSPHRASE)).code == 0
    assert "Successfully wrote" in texts(written(desktop, client, "long.txt", content))
    assert (desktop.files / "long.txt").read_text(encoding="utf-8") == content


def test_arguments_are_masked_where_the_decision_obliges(desktop: Desktop, connect: Callable[..., Client]) -> None:
    client = connect()
    written(desktop, client, "d.txt", f"employee {SSN}\nand nothing else")
    assert (desktop.files / "d.txt").read_text(encoding="utf-8") == "employee [REDACTED:ssn#1]\nand nothing else"


def test_results_are_masked_in_place(desktop: Desktop, connect: Callable[..., Client]) -> None:
    (desktop.files / "e.txt").write_text(f"employee {SSN}", encoding="utf-8")
    result = connect().call(READ, {"path": str(desktop.files / "e.txt")})["result"]
    assert SSN not in json.dumps(result)
    assert result["content"][0]["text"] == "employee [REDACTED:ssn#1]"
    assert result["structuredContent"] == {"content": "employee [REDACTED:ssn#1]"}
    (row,) = desktop.rows("outcome")
    assert (row["verdict"], row["error"]) == ("allow", None)
    assert row["redaction_count"] >= 1


def test_blocked_results_are_withheld(desktop: Desktop, connect: Callable[..., Client]) -> None:
    (desktop.files / "f.txt").write_text("the words that follow: halt", encoding="utf-8")
    answer = connect().call(READ, {"path": str(desktop.files / "f.txt")})
    assert answer["error"]["code"] == -32001
    data = answer["error"]["data"]
    assert data["executed"] is True
    assert "the words that follow" not in json.dumps(answer)
    (intent,), (outcome,) = desktop.rows("intent"), desktop.rows("outcome")
    assert data["trace_id"] == intent["trace_id"] == outcome["trace_id"]
    assert len(data["trace_id"]) == 32
    assert f"Decision {data['decision_id']}, trace {data['trace_id']}." in answer["error"]["message"]
    assert data["decision_id"] == outcome["decision_id"] != intent["decision_id"]


@pytest.mark.parametrize("mode", ["closed", "open"])
def test_an_agent_that_is_away(desktop: Desktop, connect: Callable[..., Client], dead_url: str, mode: str) -> None:
    connect().tools()  # tools that nobody has checked would stay hidden
    client = connect(AXONFLOW_ENDPOINT=dead_url, AXONFLOW_FAIL_MODE=mode)
    error = written(desktop, client, "g.txt", "text")["error"]
    assert error["code"] == -32003
    # Under fail-open the call runs undecided, but its result is not shown: nobody could look at it.
    assert (desktop.files / "g.txt").exists() == (mode == "open")
    assert error["data"].get("executed") is (mode == "open")


def test_results_pass_unchecked_only_where_the_user_switched_checks_off(
    desktop: Desktop, connect: Callable[..., Client], dead_url: str
) -> None:
    connect().tools()
    client = connect(AXONFLOW_ENDPOINT=dead_url, AXONFLOW_FAIL_MODE="open", AXONFLOW_REDACT_RESPONSES="off")
    assert "Successfully wrote" in texts(written(desktop, client, "h.txt", "text"))


def test_refused_credentials_never_open(desktop: Desktop, connect: Callable[..., Client]) -> None:
    connect().tools()
    client = connect(AXONFLOW_CLIENT_SECRET="wrong", AXONFLOW_FAIL_MODE="open")
    error = written(desktop, client, "i.txt", "text")["error"]
    assert (error["code"], error["data"]["http_status"]) == (-32001, 401)  # the agent calls that a deny
    assert "Check AXONFLOW_ENDPOINT, AXONFLOW_CLIENT_ID and AXONFLOW_CLIENT_SECRET." in error["message"]
    assert not (desktop.files / "i.txt").exists()


def test_each_call_leaves_one_row_before_and_one_after(
    desktop: Desktop, connect: Callable[..., Client], agent: LiveAgent
) -> None:
    client = connect()
    written(desktop, client, "j.txt", "text")
    (intent,), (outcome,) = desktop.rows("intent"), desktop.rows("outcome")
    assert outcome.keys() >= ROW
    assert intent["call_id"] == outcome["call_id"]
    assert (outcome["tool_name"], outcome["leader_email"]) == ("write_file", "leader@example.com")
    assert (outcome["session_id"], outcome["ai_agent"]) == ("session-1", "claude_desktop")
    assert outcome["gateway_id"].startswith("claude_desktop.")
    assert "text" not in json.dumps(outcome["parameters_hash"])
    report = verify(desktop.audit_file.read_bytes().splitlines(keepends=True), whole=True)
    assert (report.rows, report.fault) == (2, "")
    kept = agent.tool("explain_decision", decision_id=outcome["decision_id"])
    assert kept["decision"] == "allowed"
