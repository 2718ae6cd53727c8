"""PostToolUse and PostToolUseFailure end to end over HTTP: every output shape of the host, masked in its own shape."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.claude_code.ledger import last_decision, ungoverned_since
from tests.claude_code.conftest import BASH, BLOCKED, MASKED, SSN, masked_in, updated

if TYPE_CHECKING:
    from tests.claude_code.conftest import Hooks, StubAgent

# tool, input, response in the host's shape with an SSN where data is, and what must come back in its place.
REPLACEABLE: dict[str, tuple[str, dict[str, Any], Any]] = {
    "Bash": ("Bash", {"command": "cat x"}, {"stdout": f"out {SSN}\nerr", **BASH}),
    "Bash stderr": ("Bash", {"command": "cat x"}, {"stdout": "", **BASH, "stderr": f"no {SSN}"}),
    "Bash interrupted": ("Bash", {"command": "x"}, {"stdout": SSN, **BASH, "interrupted": True}),
    "Bash in background": ("Bash", {"command": "x"}, {"stdout": f"{SSN}", **BASH, "backgroundTaskId": "brv9j4cno"}),
    "Read": (
        "Read",
        {"file_path": "/WORK/a.txt"},
        {
            "type": "text",
            "file": {
                "filePath": "/WORK/a.txt",
                "content": f"alpha\n{SSN}\n",
                "numLines": 3,
                "startLine": 1,
                "totalLines": 3,
            },
        },
    ),
    "Read notebook": (
        "Read",
        {"file_path": "/WORK/n.ipynb"},
        {
            "type": "notebook",
            "file": {
                "filePath": "/WORK/n.ipynb",
                "cells": [{"cellType": "code", "source": f"print('{SSN}')", "cell_id": "c1", "language": "python"}],
            },
        },
    ),
    "WebFetch": (
        "WebFetch",
        {"url": "https://127.0.0.1:46499/p", "prompt": "read"},
        {
            "bytes": 54,
            "code": 200,
            "codeText": "OK",
            "result": f"page says ssn {SSN}",
            "durationMs": 35,
            "url": "https://127.0.0.1:46499/p",
        },
    ),
    "WebSearch": (
        "WebSearch",
        {"query": "axonflow"},
        {"query": "axonflow", "results": [SSN], "durationSeconds": 0.014880419000000075, "searchCount": 0},
    ),
    "Agent": (
        "Agent",
        {"description": "sub", "prompt": "p", "subagent_type": "general-purpose"},
        {"status": "completed", "content": [{"type": "text", "text": f"found {SSN}"}], "totalTokens": 12},
    ),
    "MCP blocks": ("mcp__kit__secret", {"x": "1"}, [{"type": "text", "text": f"ssn {SSN}"}]),
    "MCP several blocks": (
        "mcp__kit__secret",
        {},
        [
            {"type": "text", "text": "clean"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGVsbG8="}},
            {"type": "resource", "resource": {"uri": "x:///a", "mimeType": "text/plain", "text": f"a {SSN}"}},
        ],
    ),
    "MCP string": ("mcp__kit__structured", {}, json.dumps({"ssn": SSN, "n": 1.0, "ok": True})),
}


@pytest.mark.parametrize(("tool", "given", "response"), REPLACEABLE.values(), ids=REPLACEABLE.keys())
def test_output_is_masked_in_its_own_shape(
    hooks: Hooks, agent: StubAgent, tool: str, given: dict[str, Any], response: Any
) -> None:
    reply = hooks.post(tool, given, response, environ={"AXONFLOW_SCAN_READS": "on"})
    assert updated(reply) == masked_in(response)
    assert reply["hookSpecificOutput"]["additionalContext"].startswith(
        "AxonFlow governance: 1 sensitive value (1 x ssn) masked in this output [decision: dec-output]."
    )
    assert ("updatedMCPToolOutput" in reply["hookSpecificOutput"]) == tool.startswith("mcp__")
    assert SSN not in json.dumps(reply)
    (record,) = agent.calls("audit_tool_call")
    assert SSN.encode() not in record.body
    assert record.arguments["output"]["redactions"] == 1
    assert record.arguments["output"]["scanned"] is True
    decision = last_decision(hooks.paths)
    assert decision is not None
    assert decision.verdict == "redact"


@pytest.mark.parametrize(("tool", "given", "response"), REPLACEABLE.values(), ids=REPLACEABLE.keys())
def test_clean_output_is_silence_and_audited(
    hooks: Hooks, agent: StubAgent, tool: str, given: dict[str, Any], response: Any
) -> None:
    clean = json.loads(json.dumps(response).replace(SSN, "nothing"))
    assert hooks.post(tool, given, clean, environ={"AXONFLOW_SCAN_READS": "on"}) is None
    assert len(agent.calls("audit_tool_call")) == 1
    assert last_decision(hooks.paths) is None


@pytest.mark.parametrize(("tool", "given", "response"), REPLACEABLE.values(), ids=REPLACEABLE.keys())
def test_blocked_output_is_withheld_and_keeps_its_shape(
    hooks: Hooks, agent: StubAgent, tool: str, given: dict[str, Any], response: Any
) -> None:
    agent.on["check_output"] = lambda asked: BLOCKED if SSN in json.dumps(asked) else {"allowed": True}
    reply = hooks.post(tool, given, response, environ={"AXONFLOW_SCAN_READS": "on"})
    shown = updated(reply)
    withheld = "[AxonFlow: output withheld by policy: exfiltration [decision: dec-block]]"
    assert withheld in json.dumps(shown)
    assert SSN not in json.dumps(reply)
    assert skeleton(shown) == skeleton(response)
    assert "withheld by policy [decision: dec-block]" in reply["hookSpecificOutput"]["additionalContext"]
    (record,) = agent.calls("audit_tool_call")
    assert SSN.encode() not in record.body
    assert "excerpt" not in record.arguments["output"]


def skeleton(value: Any) -> Any:
    """Give a value's shape: the host ignores output in another one, and words such as `type` decide on it."""
    if isinstance(value, dict):
        return {key: item if key in {"type", "status"} else skeleton(item) for key, item in value.items()}
    return [skeleton(item) for item in value] if isinstance(value, list) else type(value)


def test_images_are_not_sent(hooks: Hooks, agent: StubAgent) -> None:
    png = "iVBORw0KGgo" * 1000
    hooks.post("mcp__kit__shot", {}, [{"type": "image", "data": png, "mimeType": "image/png"}])
    hooks.post("Bash", {"command": "x"}, {"stdout": f"data:image/png;base64,{png}", **BASH, "isImage": True})
    assert all(png.encode() not in call.body for call in agent.requests)
    hooks.post("Bash", {"command": "x"}, {"stdout": f"data:image/png;base64,{png}", **BASH})
    assert any(png.encode() in call.body for call in agent.requests), "only what the host shows as an image"


WRITTEN: dict[str, tuple[str, dict[str, Any], dict[str, Any], str]] = {
    "Write": (
        "Write",
        {"file_path": "/WORK/new.txt", "content": f"n {SSN}\n"},
        {
            "type": "create",
            "filePath": "/WORK/new.txt",
            "content": f"n {SSN}\n",
            "structuredPatch": [],
            "originalFile": None,
            "userModified": False,
        },
        "/WORK/new.txt",
    ),
    "Edit": (
        "Edit",
        {"file_path": "/WORK/a.txt", "old_string": "beta", "new_string": SSN, "replace_all": False},
        {
            "filePath": "/WORK/a.txt",
            "oldString": "beta",
            "newString": SSN,
            "originalFile": "alpha\nbeta\n",
            "structuredPatch": [],
            "userModified": False,
            "replaceAll": False,
        },
        "/WORK/a.txt",
    ),
    "MultiEdit": (
        "MultiEdit",
        {"file_path": "/WORK/a.txt", "edits": [{"old_string": "a", "new_string": "b"}, {"new_string": SSN}]},
        {},
        "/WORK/a.txt",
    ),
    "NotebookEdit": (
        "NotebookEdit",
        {"notebook_path": "/WORK/n.ipynb", "cell_id": "c1", "new_source": SSN, "edit_mode": "replace"},
        {"new_source": SSN, "old_source": "print(1)", "cell_type": "code", "notebook_path": "/WORK/n.ipynb"},
        "/WORK/n.ipynb",
    ),
}


@pytest.mark.parametrize(("tool", "given", "response", "path"), WRITTEN.values(), ids=WRITTEN.keys())
@pytest.mark.parametrize("verdict", ["masked", "blocked"])
def test_what_is_already_written_is_named(
    hooks: Hooks,
    agent: StubAgent,
    tool: str,
    given: dict[str, Any],
    response: dict[str, Any],
    path: str,
    verdict: str,
) -> None:
    if verdict == "blocked":
        agent.on["check_output"] = lambda asked: BLOCKED if SSN in str(asked) else {"allowed": True}
    reply = hooks.post(tool, given, response)
    output = reply["hookSpecificOutput"]
    assert "updatedToolOutput" not in output
    found = "sensitive data (1 sensitive value (1 x ssn))" if verdict == "masked" else "content that policy withholds"
    assert output["additionalContext"].startswith(
        f"AxonFlow governance: {found} is in {path}, which is already written"
    )
    assert SSN not in json.dumps(reply)
    (record,) = agent.calls("audit_tool_call")
    assert SSN.encode() not in record.body
    assert record.arguments["input"]["path"] == path
    assert record.arguments["input"]["input_chars"] >= len(SSN)


@pytest.mark.parametrize(
    ("tool", "given", "error"),
    [
        ("Bash", {"command": "echo partial; exit 3"}, f"Exit code 3\npartial {SSN}\nbad"),
        ("mcp__kit__fail", {}, f"it failed {SSN}"),
    ],
)
def test_failures_are_scanned_named_and_audited(
    hooks: Hooks, agent: StubAgent, tool: str, given: dict[str, Any], error: str
) -> None:
    reply = hooks.failed(tool, given, error)
    output = reply["hookSpecificOutput"]
    assert output["hookEventName"] == "PostToolUseFailure"
    assert output.keys() == {"hookEventName", "additionalContext"}
    assert "1 x ssn" in output["additionalContext"]
    assert "in the error text above" in output["additionalContext"]
    assert SSN not in json.dumps(reply)
    (record,) = agent.calls("audit_tool_call")
    assert record.arguments["success"] is False
    assert record.arguments["error_message"] == error.replace(SSN, MASKED)
    assert record.arguments["duration_ms"] == 18
    assert SSN.encode() not in record.body
    assert hooks.failed(tool, given, "clean") is None


@pytest.mark.parametrize(
    ("ai_agent", "tool", "replaced"),
    [
        ("claude-code_2-1-120_harness", "Bash", False),
        ("claude-code_2-0-999_harness", "Bash", False),
        ("claude-code_2-1-120_harness", "mcp__kit__x", True),
        ("claude-code_2-1-121_harness", "Bash", True),
        ("claude-code_3-0-0", "Bash", True),
        ("some other agent", "Bash", True),
        ("", "Bash", True),
    ],
)
def test_an_old_host_is_told_what_is_exposed(hooks: Hooks, ai_agent: str, tool: str, replaced: bool) -> None:
    response: Any = [{"type": "text", "text": SSN}] if tool.startswith("mcp__") else {"stdout": SSN, **BASH}
    reply = hooks.post(tool, {}, response, environ={"AI_AGENT": ai_agent})
    output = reply["hookSpecificOutput"]
    assert ("updatedToolOutput" in output) == replaced
    assert ("cannot replace it" in output["additionalContext"]) != replaced


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (r'{"ssn": "\u0031\u0032\u0033-45-6789", "n": 7}', '{"ssn": "[REDACTED:ssn#1]", "n": 7}'),
        (
            '{"card": 4111111111111111, "note": "card 4111111111111111"}',
            '{"card": "[REDACTED:card#1]", "note": "card [REDACTED:card#1]"}',
        ),
        ('[4111111111111111, 1.50, "1e5"]', '["[REDACTED:card#1]", 1.50, "1e5"]'),
    ],
    ids=["hidden by escapes", "number and text", "list"],
)
def test_json_stays_json(hooks: Hooks, text: str, expected: str) -> None:
    shown = updated(hooks.post("mcp__kit__structured", {}, text))
    assert shown == expected
    json.loads(shown)


def test_escapes_in_a_clean_output_stay_as_they_are(hooks: Hooks) -> None:
    assert hooks.post("mcp__kit__structured", {}, r'{"name": "\u00e9"}') is None


# What could not be scanned is never called clean

UNSCANNED: dict[str, Any] = {
    "HTTP 500": {"act": "status", "status": 500},
    "reset": {"act": "reset"},
    "401": {"act": "status", "status": 401},
    "isError": {"act": "is_error", "text": "not now"},
    "no verdict": {"decision_id": "x"},
    "redaction not evaluated": {"allowed": True, "redaction_evaluated": False},
    "masked data of another kind": {"allowed": True, "redacted_data": {"a": 1}},
}


@pytest.mark.parametrize("fail_mode", ["open", "closed"])
@pytest.mark.parametrize("answer", UNSCANNED.values(), ids=UNSCANNED.keys())
def test_a_failed_scan_is_counted_and_told_once(hooks: Hooks, agent: StubAgent, answer: Any, fail_mode: str) -> None:
    agent.on["check_output"] = lambda _: answer
    environ = {"AXONFLOW_FAIL_MODE": fail_mode}
    replies = [hooks.post("Bash", {"command": "x"}, {"stdout": SSN, **BASH}, environ=environ) for _ in range(2)]
    assert replies[0].keys() == {"systemMessage"}
    assert replies[0]["systemMessage"].startswith("[AxonFlow] An output was not scanned for PII and secrets: ")
    assert replies[1] is None
    assert ungoverned_since(hooks.paths, 0.0, "response") == 2
    assert ungoverned_since(hooks.paths, 0.0, "request") == 0
    for record in agent.calls("audit_tool_call"):
        assert record.arguments["output"]["scanned"] is False
        assert SSN.encode() not in record.body
        assert "excerpt" not in record.arguments["input"]


def test_a_partly_failed_scan_masks_what_it_could_and_says_so(hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_output"] = lambda asked: (
        {"act": "status", "status": 500} if "FAIL" in asked["message"] else agent.mask_output(asked)
    )
    reply = hooks.post("Bash", {"command": "x"}, {"stdout": SSN, **BASH, "stderr": f"FAIL {SSN}"})
    assert updated(reply) == {"stdout": MASKED, **BASH, "stderr": f"FAIL {SSN}"}
    assert "not scanned" in reply["systemMessage"]
    (record,) = agent.calls("audit_tool_call")
    assert SSN.encode() not in record.body


@pytest.mark.parametrize("act", ["hang", "drip"])
def test_a_hanging_agent_does_not_hold_the_host(hooks: Hooks, agent: StubAgent, act: str) -> None:
    agent.on["check_output"] = lambda _: {"act": act}
    reply = hooks.post("Bash", {"command": "x"}, {"stdout": SSN, **BASH}, deadline_s=3.0)
    assert "not scanned" in reply["systemMessage"]


def test_a_failed_audit_changes_nothing(hooks: Hooks, agent: StubAgent) -> None:
    agent.on["audit_tool_call"] = lambda _: {"act": "status", "status": 500}
    assert hooks.post("Bash", {"command": "x"}, {"stdout": "x", **BASH}) is None


@pytest.mark.parametrize("down", ["nobody listens", "HTTP 500", "unconfigured"])
def test_local_scans_with_the_built_in_policies(hooks: Hooks, agent: StubAgent, dead_url: str, down: str) -> None:
    agent.always({"act": "status", "status": 500})
    environ = {"AXONFLOW_FAIL_MODE": "local"}
    if down == "nobody listens":
        environ["AXONFLOW_ENDPOINT"] = dead_url
    elif down == "unconfigured":
        environ |= {"AXONFLOW_ENDPOINT": "", "AXONFLOW_COMMUNITY_SAAS": "0"}
    response = {"stdout": "name,ssn\nAnn,536-22-8714\n", **BASH}
    shown = updated(hooks.post("Bash", {"command": "x"}, response, environ=environ))
    assert "536-22-8714" not in shown["stdout"]
    assert "[REDACTED:ssn#1]" in shown["stdout"]
    assert ungoverned_since(hooks.paths, 0.0, "response") == 0


def test_own_tools_are_neither_scanned_nor_audited(hooks: Hooks, agent: StubAgent) -> None:
    tool = "mcp__plugin_axonflow_axonflow__explain_decision"
    assert hooks.post(tool, {"decision_id": "d"}, [{"type": "text", "text": SSN}]) is None
    assert agent.requests == []


def test_the_event_is_not_changed(hooks: Hooks) -> None:
    response = {"stdout": SSN, **BASH}
    before = copy.deepcopy(response)
    hooks.post("Bash", {"command": "x"}, response)
    assert response == before


# Reads


def test_a_read_is_looked_at_only_where_the_user_wants_it(hooks: Hooks, agent: StubAgent) -> None:
    given = {"file_path": "/w/record.txt"}
    response: Any = {"type": "text", "file": {"filePath": f"/w/{SSN}.txt", "content": f"ssn {SSN}\n", "numLines": 1}}
    assert hooks.post("Read", given, response) is None
    assert agent.requests == []
    reply = hooks.post("Read", given, response, environ={"AXONFLOW_SCAN_READS": "on"})
    assert updated(reply)["file"] == response["file"] | {"content": f"ssn {MASKED}\n"}
    assert "never write a placeholder over one" in reply["hookSpecificOutput"]["additionalContext"]
    (record,) = agent.calls("audit_tool_call")
    assert record.arguments["input"]["path"] == "/w/record.txt"


def test_an_image_that_is_read_is_not_sent_anywhere(hooks: Hooks, agent: StubAgent) -> None:
    response = {"type": "image", "file": {"base64": "QUJD", "type": "image/png", "originalSize": 3}}
    assert hooks.post("Read", {"file_path": "/w/a.png"}, response, environ={"AXONFLOW_SCAN_READS": "on"}) is None
    assert [call.arguments["message"] for call in agent.calls("check_output")] == ["/w/a.png"]


@pytest.mark.parametrize("tool", ["Read", "WebFetch", "WebSearch"])
def test_what_only_reads_is_looked_at_where_the_user_wants_it(hooks: Hooks, agent: StubAgent, tool: str) -> None:
    assert hooks.post(tool, {"query": "q"}, {"result": SSN}) is None
    assert agent.requests == []
    assert updated(hooks.post(tool, {"query": "q"}, {"result": SSN}, environ={"AXONFLOW_SCAN_READS": "on"})) == {
        "result": MASKED
    }


def test_the_address_of_a_fetched_page_is_recorded(hooks: Hooks, agent: StubAgent) -> None:
    given = {"url": f"https://docs.example/?ssn={SSN}", "prompt": "read"}
    hooks.post("WebFetch", given, {"result": "a page"}, environ={"AXONFLOW_SCAN_READS": "on"})
    (record,) = agent.calls("audit_tool_call")
    assert record.arguments["input"]["excerpt"] == f"url: https://docs.example/?ssn={MASKED}\nprompt: read"
