"""One hook call as the host makes it: a real process, and whatever comes on standard input."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks import settings as settings_module
from axonflow_hooks.claude_code import hook as hook_module
from axonflow_hooks.claude_code.hook import answer
from axonflow_hooks.private_files import write_private_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.claude_code.conftest import Hooks, StubAgent

    Run = Callable[..., subprocess.CompletedProcess[bytes]]

REPOSITORY = Path(__file__).resolve().parents[2]
DENIED = {"allowed": False, "decision_id": "dec-42", "block_reason": "no", "policies_evaluated": 3}


@pytest.fixture
def run(hooks: Hooks, patient_plugin: Path) -> Run:
    """Give a function that fires a hook as the host does."""

    def run(word: str, payload: bytes, **environ: str) -> subprocess.CompletedProcess[bytes]:
        root = {"CLAUDE_PLUGIN_ROOT": str(patient_plugin)}
        return subprocess.run(
            ["/bin/sh", str(patient_plugin / "hooks" / "run"), word],
            input=payload,
            env={**hooks.environ, "AXONFLOW_PYTHON": sys.executable, **root, **environ},
            cwd=hooks.project,
            capture_output=True,
            timeout=120,
            check=False,
        )

    return run


def only_object(done: subprocess.CompletedProcess[bytes]) -> Any:
    assert done.returncode == 0
    value = json.loads(done.stdout)
    assert isinstance(value, dict)
    return value


def bash(hooks: Hooks, command: str) -> bytes:
    return json.dumps(hooks.event("PreToolUse", "Bash", {"command": command})).encode()


MALFORMED = {
    "empty": b"",
    "blank": b" \n",
    "array": b"[]",
    "not JSON": b"{not json",
    "other event": b'{"hook_event_name":"PostToolUse","tool_name":"Bash","tool_input":{}}',
    "no tool": b'{"hook_event_name":"PreToolUse"}',
    "deep": b'{"tool_name":"Bash","tool_input":' + b"[" * 100_000,
    "not UTF-8": b'{"tool_name":"\xff","tool_input":"\xfe"}',
}


def test_the_process_denies_what_the_agent_denies(run: Run, hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_policy"] = lambda _: DENIED
    done = run("pre-tool-use", bash(hooks, "rm -rf /srv"))
    assert only_object(done)["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert done.stderr.decode().strip() == f"[AxonFlow] Connected to AxonFlow at {agent.url} (mode=self-hosted)"


def test_the_process_is_silent_on_what_is_allowed(run: Run, hooks: Hooks) -> None:
    done = run("pre-tool-use", bash(hooks, "git status"))
    assert (done.returncode, done.stdout) == (0, b"")


def test_the_process_takes_5_mb(run: Run, hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_policy"] = lambda given: DENIED if "NEEDLE" in given["statement"] else {"allowed": True}
    event = hooks.event("PreToolUse", "Write", {"file_path": "/srv/x", "content": "x" * 5_000_000 + "NEEDLE"})
    done = run("pre-tool-use", json.dumps(event).encode())
    assert "dec-42" in only_object(done)["hookSpecificOutput"]["permissionDecisionReason"]


@pytest.mark.parametrize("name", ["empty", "deep", "not UTF-8"])
def test_the_process_answers_malformed_input(run: Run, hooks: Hooks, name: str) -> None:
    output = only_object(run("pre-tool-use", MALFORMED[name]))["hookSpecificOutput"]
    assert output["permissionDecision"] == "deny"
    assert "(code input)" in output["permissionDecisionReason"]


def test_the_process_writes_ascii_whatever_the_locale(run: Run, hooks: Hooks, agent: StubAgent) -> None:
    agent.on["check_policy"] = lambda _: DENIED | {"block_reason": "nicht erlaubt: \u00e4\U0001f600\ud83d"}
    done = run("pre-tool-use", bash(hooks, "x"), LC_ALL="C", PYTHONIOENCODING="ascii")
    assert done.stdout.isascii()
    assert "\u00e4\U0001f600" in only_object(done)["hookSpecificOutput"]["permissionDecisionReason"]


def test_the_process_answers_with_its_standard_input_closed(hooks: Hooks, patient_plugin: Path) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec /bin/sh "$0" pre-tool-use <&-', str(patient_plugin / "hooks" / "run")],
        env={**hooks.environ, "AXONFLOW_PYTHON": sys.executable},
        capture_output=True,
        timeout=120,
        check=False,
    )
    assert only_object(done)["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_a_name_server_that_hangs_does_not_keep_the_answer_back(hooks: Hooks) -> None:
    """The thread that asks it cannot be ended; the process must not wait for it."""
    script = (
        "import socket, threading\n"
        "from axonflow_hooks.resident import in_process\n"
        "socket.getaddrinfo = lambda *_, **__: threading.Event().wait(3600)\n"
        "in_process.DEADLINE_S = 1.0\n"
        "in_process.main('pre-tool-use')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        input=bash(hooks, "ls"),
        env={**hooks.environ, "AXONFLOW_ENDPOINT": "https://agent.example.com", "AXONFLOW_FAIL_MODE": "closed"},
        capture_output=True,
        timeout=120,
        check=False,
        cwd=REPOSITORY,
    )
    assert only_object(done)["hookSpecificOutput"]["permissionDecision"] == "deny"


# In this process


@pytest.mark.parametrize("payload", MALFORMED.values(), ids=MALFORMED.keys())
@pytest.mark.parametrize(
    ("word", "answered"),
    [
        ("pre-tool-use", "deny"),
        ("post-tool-use", "notice"),
        ("post-tool-use-failure", "notice"),
    ],
)
def test_malformed_input_is_answered(hooks: Hooks, agent: StubAgent, word: str, answered: str, payload: bytes) -> None:
    if word != "pre-tool-use" and payload == MALFORMED["other event"]:
        payload = payload.replace(b"PostToolUse", b"PreToolUse")
    reply = hooks.answer(word, payload)
    if answered == "deny":
        assert reply["hookSpecificOutput"]["permissionDecision"] == "deny"
        assert "Fix AxonFlow configuration" in reply["hookSpecificOutput"]["permissionDecisionReason"]
    else:
        assert reply.keys() == {"systemMessage"}
    assert agent.requests == []


@pytest.mark.parametrize(
    ("payload", "statement"),
    [
        (
            '{"tool_name": "mcp__a__b", "tool_input": {"x": NaN, "y": -Infinity, "z": 1e999}}',
            "x: NaN\ny: -Infinity\nz: 1e999",
        ),
        ('{"tool_name": "Bash", "tool_input": {"command": "echo \\ud800 \\udc00"}}', "echo ? ?"),
        ('{"tool_name": "Bash", "session_id": "\\ud800", "cwd": "\\ud800", "tool_input": {"command": "ls"}}', "ls"),
        ('{"tool_name": "mcp__\\ud800", "tool_input": {}}', "mcp__?"),
    ],
    ids=["no JSON numbers", "lone surrogates", "lone surrogates elsewhere", "lone surrogates in the name"],
)
@pytest.mark.parametrize("outcome", ["allow", "deny", "unavailable"])
def test_text_without_a_byte_form(hooks: Hooks, agent: StubAgent, payload: str, statement: str, outcome: str) -> None:
    verdicts: dict[str, Any] = {
        "allow": {"allowed": True},
        "deny": DENIED,
        "unavailable": {"act": "status", "status": 500},
    }
    agent.on["check_policy"] = lambda _: verdicts[outcome]
    reply = hooks.answer("pre-tool-use", payload.encode())
    assert agent.calls("check_policy")[0].arguments["statement"] == statement
    if outcome == "allow":
        assert reply is None
    elif outcome == "deny":
        assert "dec-42" in reply["hookSpecificOutput"]["permissionDecisionReason"]
    else:
        assert "ungoverned" in reply["systemMessage"]


@pytest.mark.parametrize("depth", [300, 700, 900, 960])
def test_output_nested_nearly_as_deep_as_json_allows_is_never_passed_over(hooks: Hooks, depth: int) -> None:
    nested = "[" * depth + '"123-45-6789"' + "]" * depth
    event = json.dumps(hooks.event("PostToolUse", "mcp__a__b", {}))
    payload = event[:-1] + ', "tool_response": ' + nested + "}"
    reply = hooks.answer("post-tool-use", payload.encode())
    assert reply is not None
    assert "123-45-6789" not in json.dumps(reply.get("systemMessage", ""))
    assert "updatedToolOutput" in reply.get("hookSpecificOutput", {}) or "systemMessage" in reply


def test_unknown_event_word_is_silent(hooks: Hooks) -> None:
    result = asyncio.run(answer("no-such-event", b"{}", hooks.environ, 1.0))
    assert result.stdout == b""
    assert "no-such-event" in result.stderr


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("pre-tool-use", "PreToolUse"),
        ("post-tool-use", "PostToolUse"),
        ("post-tool-use-failure", "PostToolUseFailure"),
        ("session-start", "SessionStart"),
    ],
)
def test_every_hook_names_the_agent_in_use_on_standard_error(
    hooks: Hooks, agent: StubAgent, word: str, name: str
) -> None:
    environ = hooks.environ | {"AXONFLOW_TELEMETRY": "off", "AXONFLOW_PLUGIN_VERSION_CHECK": "off"}
    payload = json.dumps(hooks.event(name, "Bash", {"command": "ls"})).encode()
    result = asyncio.run(answer(word, payload, environ, 60.0))
    assert result.stderr == f"[AxonFlow] Connected to AxonFlow at {agent.url} (mode=self-hosted)"


def test_a_session_that_began_without_the_plugin_is_told_what_community_saas_receives(
    hooks: Hooks, agent: StubAgent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings_module, "COMMUNITY_SAAS_ENDPOINT", agent.url)
    tenant = {"tenant_id": "cs_1", "secret": "s3cret", "expires_at": "2999-01-01T00:00:00Z", "endpoint": agent.url}
    write_private_json(hooks.paths.registration_file, tenant)
    environ = {"AXONFLOW_ENDPOINT": ""}
    agent.on["check_policy"] = lambda _: {"allowed": True}
    first, second = (hooks.pre("Bash", {"command": "ls"}, environ=environ) for _ in range(2))
    assert first.keys() == {"systemMessage"}
    assert f"governs this session through Community SaaS ({agent.url})" in first["systemMessage"]
    assert second is None
    hooks.paths.disclosure_stamp.unlink()
    agent.on["check_policy"] = lambda _: DENIED
    denied = hooks.pre("Bash", {"command": "ls"}, environ=environ, session_id="another")
    assert denied["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert "through Community SaaS" in denied["systemMessage"]


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("pre-tool-use", "PreToolUse"),
        ("post-tool-use", "PostToolUse"),
        ("post-tool-use-failure", "PostToolUseFailure"),
    ],
)
def test_a_fault_of_this_plugin_is_never_an_allow_and_never_silent(
    hooks: Hooks, word: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> None:
        raise KeyError("s3cret")

    for handler in ("pre_tool_use", "post_tool_use"):
        monkeypatch.setattr(hook_module, handler, fails)
    payload = json.dumps(hooks.event(name, "Bash", {"command": "ls"})).encode()
    result = asyncio.run(answer(word, payload, hooks.environ, 5.0))
    reply = json.loads(result.stdout)
    if word == "pre-tool-use":
        assert reply["hookSpecificOutput"]["permissionDecision"] == "deny"
        assert "(code internal)" in reply["hookSpecificOutput"]["permissionDecisionReason"]
    else:
        assert "neither scanned nor audited" in reply["systemMessage"]
    assert "internal error: KeyError" in result.stderr
    assert "s3cret" not in result.stderr + result.stdout.decode()


def test_no_home_is_an_error_with_a_remedy(hooks: Hooks) -> None:
    reply = hooks.answer("pre-tool-use", bash(hooks, "ls"), {"HOME": "relative", "AXONFLOW_CONFIG_DIR": ""})
    assert "Set HOME" in reply["hookSpecificOutput"]["permissionDecisionReason"]


def test_read_only_home_changes_no_verdict(hooks: Hooks, agent: StubAgent) -> None:
    state = hooks.home / ".local"
    state.write_text("in the way", encoding="utf-8")
    (hooks.home / ".cache").write_text("in the way", encoding="utf-8")
    assert hooks.pre("Bash", {"command": "ls"}) is None
    agent.always({"act": "status", "status": 429})
    assert "ungoverned" in hooks.pre("Bash", {"command": "ls"})["systemMessage"]
    agent.always(DENIED)
    assert hooks.pre("Bash", {"command": "ls"})["hookSpecificOutput"]["permissionDecision"] == "deny"


def test_the_status_command_works_with_settings_that_do_not(hooks: Hooks, agent: StubAgent) -> None:
    root = hooks.environ["CLAUDE_PLUGIN_ROOT"]
    environ = {"AXONFLOW_TIMEOUT_SECONDS": "abc"}
    assert hooks.pre("Bash", {"command": f'sh "{root}/hooks/run" report status'}, environ=environ) is None
    assert hooks.pre("Bash", {"command": "ls"}, environ=environ) is not None
    assert agent.requests == []


def test_nothing_of_a_credential_in_any_answer(hooks: Hooks, agent: StubAgent) -> None:
    environ = {"AXONFLOW_AUTH": "client:hunter2-secret"}
    for reply in ({"act": "status", "status": 401}, {"act": "reset"}, {"act": "is_error", "text": "x"}):
        agent.always(reply)
        said = json.dumps(hooks.pre("Bash", {"command": "ls"}, environ=environ))
        said += json.dumps(hooks.post("Bash", {"command": "ls"}, {"stdout": "x", "stderr": ""}, environ=environ))
        assert "hunter2" not in said
        assert "Y2xpZW50Omh1bnRlcjItc2VjcmV0" not in said
    for path in hooks.home.rglob("*"):
        if path.is_file():
            assert b"hunter2" not in path.read_bytes()
            assert path.stat().st_mode & 0o077 == 0
