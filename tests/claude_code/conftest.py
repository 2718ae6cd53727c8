"""A stub AxonFlow agent over real HTTP, scriptable per tool, and the hooks of one user who is configured to ask it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import struct
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks import settings as settings_module
from axonflow_hooks.claude_code import context as context_module
from axonflow_hooks.claude_code.hook import answer
from axonflow_hooks.paths import resolve_paths

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from axonflow_hooks.paths import Paths

SESSION = "6fb1d5d2-0f1c-4a39-9d3a-0123456789ab"
SSN, MASKED = "123-45-6789", "[REDACTED:ssn#1]"
BLOCKED = {"allowed": False, "decision_id": "dec-block", "block_reason": "exfiltration", "policies_evaluated": 3}
BASH = {"stderr": "", "interrupted": False, "isImage": False, "noOutputExpected": False}
ALLOWED = {"allowed": True, "decision_id": "dec-allow", "policies_evaluated": 30}
_SENSITIVE = re.compile(
    r"(?P<ssn>\d{3}-\d{2}-\d{4})|(?P<card>\b4\d{15}\b)"
    r"|(?P<private_key>-----BEGIN [A-Z ]*PRIVATE KEY-----.*?-----END [A-Z ]*PRIVATE KEY-----)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Call:
    """One tools/call as it arrived; header names are in lower case."""

    tool: str
    arguments: dict[str, Any]
    headers: dict[str, str]
    body: bytes


@dataclass
class StubAgent:
    """What each tool answers: a result, or a dict with the key `act` that says how the server misbehaves.

    act: status (status, body, headers), error (code, message, status), is_error (text), text (the result's text),
    raw (body), hang, reset, drip, huge.
    """

    url: str = ""
    on: dict[str, Callable[[dict[str, Any]], Any]] = field(default_factory=dict)
    requests: list[Call] = field(default_factory=list)
    connections: int = 0
    over: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    placeholders: dict[str, str] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.on = {
            "check_policy": lambda _: ALLOWED,
            "check_output": self.mask_output,
            "audit_tool_call": lambda given: {"recorded": True, "tool_name": given["tool_name"], "details": {}},
        }

    def calls(self, tool: str) -> list[Call]:
        with self.lock:
            return [call for call in self.requests if call.tool == tool]

    def always(self, answer: Any) -> None:
        """Let every tool answer the same."""
        self.on = dict.fromkeys(self.on, lambda _: answer)

    def mask(self, text: str) -> str:
        """Mask SSNs, cards and private keys; the same value gets the same placeholder."""

        def placeholder(match: re.Match[str]) -> str:
            known = self.placeholders.get(match.group())
            return known or self.number(str(match.lastgroup), match.group())

        return _SENSITIVE.sub(placeholder, text)

    def number(self, kind: str, value: str) -> str:
        with self.lock:
            self.counts[kind] = self.counts.get(kind, 0) + (value not in self.placeholders)
            return self.placeholders.setdefault(value, f"[REDACTED:{kind}#{self.counts[kind]}]")

    def mask_output(self, given: dict[str, Any]) -> dict[str, Any]:
        result: dict[str, Any] = {"allowed": True, "decision_id": "dec-output", "redaction_evaluated": True}
        if "message" in given and self.mask(given["message"]) != given["message"]:
            result["redacted_message"] = self.mask(given["message"])
        if "response_data" in given:
            rows = [{key: self.mask(text) for key, text in row.items()} for row in given["response_data"]]
            if rows != given["response_data"]:
                result["redacted_data"] = rows
        return result

    def answer(self, call: Call) -> Any:
        with self.lock:
            self.requests.append(call)
        return self.on[call.tool](call.arguments)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    agent: StubAgent

    def setup(self) -> None:
        super().setup()
        with self.agent.lock:
            self.agent.connections += 1

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        message = json.loads(body)
        if self.path != "/api/v1/mcp-server" or message["method"] != "tools/call":
            self.send(404, b"{}", {})
            return
        call = Call(message["params"]["name"], message["params"]["arguments"], headers, body)
        reply = self.agent.answer(call)
        if isinstance(reply, dict) and "act" in reply:
            self.misbehave(reply, message["id"])
        else:
            self.send_result(message["id"], {"content": [{"type": "text", "text": json.dumps(reply, indent=2)}]})

    def misbehave(self, how: dict[str, Any], request_id: object) -> None:
        act = how["act"]
        if act == "status":
            self.send(how["status"], how.get("body", b""), how.get("headers", {}))
        elif act == "error":
            error = {"code": how["code"], "message": how.get("message", "stub error")}
            body = json.dumps({"jsonrpc": "2.0", "id": request_id, "error": error}).encode()
            self.send(how.get("status", 200), body, {})
        elif act == "is_error":
            self.send_result(request_id, {"content": [{"type": "text", "text": how["text"]}], "isError": True})
        elif act == "text":
            self.send_result(request_id, {"content": [{"type": "text", "text": how["text"]}]})
        elif act == "raw":
            self.send(200, how["body"], {})
        elif act == "huge":
            self.send(200, b'{"jsonrpc":"2.0","id":1,"result":{"content":[{"text":"' + b"x" * 40_000_000 + b'"}]}}', {})
        else:
            self.close_connection = True
            if act == "drip":
                self.drip()
            elif act == "hang":
                self.agent.over.wait()
            elif act == "reset":
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with contextlib.suppress(OSError):
            while not self.agent.over.wait(0.01):
                self.wfile.write(b" ")
                self.wfile.flush()

    def send_result(self, request_id: object, result: object) -> None:
        self.send(200, json.dumps({"jsonrpc": "2.0", "id": request_id, "result": result}).encode(), {})

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(body)
            self.wfile.flush()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # clients that went away are part of many tests


@pytest.fixture
def agent() -> Iterator[StubAgent]:
    stub = StubAgent()
    handler = type("Handler", (_Handler,), {"agent": stub})
    server = _Server(("127.0.0.1", 0), handler)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield stub
    stub.over.set()
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass(frozen=True)
class Hooks:
    """The hooks of one user in one project; every call is one hook of a process of its own, but for the process."""

    home: Path
    project: Path
    endpoint: str

    @property
    def environ(self) -> dict[str, str]:
        return {
            "HOME": str(self.home),
            "AXONFLOW_ENDPOINT": self.endpoint,
            "AI_AGENT": "claude-code_2-1-330_harness",
            "CLAUDE_PLUGIN_ROOT": str(self.home / "plug in" / "axonflow"),
            "PATH": "/usr/bin:/bin",
            "AXONFLOW_RESIDENT_DIR": "/dev/null/none",  # in process: no test leaves a resident behind
        }

    @property
    def paths(self) -> Paths:
        return resolve_paths(self.environ)

    @property
    def transcript(self) -> Path:
        return self.home / ".claude" / "projects" / "-work" / f"{SESSION}.jsonl"

    def event(self, name: str, tool: str = "", given: Any = None, **more: Any) -> dict[str, Any]:
        """Give a hook input in the host's shape."""
        event = {
            "session_id": SESSION,
            "transcript_path": str(self.transcript),
            "cwd": str(self.project),
            "prompt_id": "3afec976-b1d5-4048-90e7-1f8cac141638",
            "permission_mode": "default",
            "effort": {"level": "medium"},
            "hook_event_name": name,
        }
        if tool:
            event |= {"tool_name": tool, "tool_input": given, "tool_use_id": "toolu_0def83c7731a42a3a7899cc2"}
        return event | more

    def answer(
        self, word: str, payload: bytes, environ: dict[str, str] | None = None, *, deadline_s: float = 60.0
    ) -> Any:
        """Give what the hook prints, decoded, or None when it stays silent."""
        result = asyncio.run(answer(word, payload, self.environ | (environ or {}), deadline_s))
        return json.loads(result.stdout) if result.stdout else None

    def pre(self, tool: str, given: Any, *, deadline_s: float = 60.0, environ: Any = None, **more: Any) -> Any:
        payload = json.dumps(self.event("PreToolUse", tool, given, **more)).encode()
        return self.answer("pre-tool-use", payload, environ, deadline_s=deadline_s)

    def post(
        self, tool: str, given: Any, response: Any, *, deadline_s: float = 60.0, environ: Any = None, **more: Any
    ) -> Any:
        event = self.event("PostToolUse", tool, given, tool_response=response, duration_ms=26, **more)
        return self.answer("post-tool-use", json.dumps(event).encode(), environ, deadline_s=deadline_s)

    def failed(self, tool: str, given: Any, error: str, *, environ: Any = None, **more: Any) -> Any:
        event = self.event("PostToolUseFailure", tool, given, error=error, is_interrupt=False, duration_ms=18)
        return self.answer("post-tool-use-failure", json.dumps(event | more).encode(), environ)


@pytest.fixture
def hooks(agent: StubAgent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hooks:
    for name in ("PRE_TOOL_USE_TIMEOUT_S", "POST_TOOL_USE_TIMEOUT_S"):
        monkeypatch.setattr(settings_module, name, 60.0)  # a busy machine is not what is tested
    home, project = tmp_path / "home", tmp_path / "work"
    home.mkdir()
    project.mkdir()
    return Hooks(home, project, agent.url)


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> float:
    """Give a deadline that leaves the process seconds, where it has tenths of one, to tell what it has after a wait."""
    monkeypatch.setattr(context_module, "ANSWER_RESERVE_S", 5.0)
    monkeypatch.setattr(context_module, "_GRACE_S", 3.0)
    return 10.0


def masked_in(value: Any) -> Any:
    """Give an output with the SSN masked in every place."""
    return json.loads(json.dumps(value).replace(SSN, MASKED))


def updated(reply: Any) -> Any:
    """Give the output that a PostToolUse reply shows instead."""
    assert reply["hookSpecificOutput"]["hookEventName"] == "PostToolUse"
    return reply["hookSpecificOutput"]["updatedToolOutput"]
