"""A proxy as a real process, between a client of the tests, small MCP servers and an agent after the contract."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Received, Reply, StandIn
from tests.proxy import patient
from tests.warm import Warm

START = Path(__file__).parents[2] / "axonflow_hooks" / "proxy" / "start.py"
PROGRAM = Path(__file__).with_name("backend_program.py")
DEADLINE_S = 120.0
"""Longer than anything takes on a busy machine: past it, it does not come."""
SSN = "123-45-" + "6789"
CARD = "4" + "1" * 15
MASK = "[REDACTED:ssn]"
REDACT = {
    "type": "redact_pii",
    "fulfillment": {
        "endpoint": "/api/v1/mcp/check-input",
        "method": "POST",
        "phase": "request",
        "content_types": ["text/plain"],
    },
}
_BARE = re.compile(r"((?<![a-z])ssn(?![a-z])[^0-9]{1,40})" + SSN.replace("-", "") + r"\b", re.IGNORECASE)


@dataclass
class Agent:
    """Decides as told: `deny` and `hold` by words in the query, `block` and `warn` by words in a result.

    A card and an SSN are masked, a bare SSN where a word before it says what it is. Obligations to mask are given where
    there is one in the query, or a word of `oblige`.
    """

    server: StandIn
    deny: tuple[str, ...] = ("forbidden",)
    hold: tuple[str, ...] = ()
    block: tuple[str, ...] = ("poison",)
    warn: tuple[str, ...] = ("obey me",)
    oblige: tuple[str, ...] = ("confidential",)
    obligations: list[dict[str, Any]] = field(default_factory=list)
    approved: set[str] = field(default_factory=set)
    before: Callable[[Received], Reply | None] = lambda _: None

    def decide(self, request: Received) -> Reply:
        """Answer `POST /api/v1/decide`."""
        if early := self.before(request):
            return early
        body = request.json()
        facts = {"decision_id": "dec-1", "trace_id": "a" * 32, "evaluated_policies": [], "obligations": []}
        if any(word in body["query"] for word in self.deny):
            return Reply(200, {"verdict": "deny", **facts, "evaluated_policies": ["pol_deny"], "reasons": ["no"]})
        if any(word in body["query"] for word in self.hold) and body.get("approval_id") not in self.approved:
            return Reply(200, {"verdict": "needs_approval", **facts, "pending_approval": {"approval_id": "appr-1"}})
        query = body["query"]
        holds = _masked(query) != query or any(word in query for word in self.oblige)
        given = [obligation for obligation in self.obligations if holds or obligation.get("type") != "redact_pii"]
        return Reply(200, {"verdict": "allow", **facts, "obligations": given})

    def check_input(self, request: Received) -> Reply:
        """Answer `POST /api/v1/mcp/check-input`."""
        if early := self.before(request):
            return early
        text = request.json()["statement"]
        verdict: dict[str, Any] = {"allowed": True, "decision_id": "in-1", "redaction_evaluated": True}
        if (masked := _masked(text)) != text:
            verdict |= {"redacted": True, "redacted_statement": masked}
        return Reply(200, verdict)

    def check_output(self, request: Received) -> Reply:
        """Answer `POST /api/v1/mcp/check-output`."""
        if early := self.before(request):
            return early
        body = request.json()
        seen = json.dumps([body.get("message"), body.get("response_data")])
        if any(word in seen for word in self.block):
            reason = "Response blocked: it is told so"
            return Reply(403, {"allowed": False, "block_reason": reason, "decision_id": "out-2"})
        verdict: dict[str, Any] = {"allowed": True, "decision_id": "out-1", "redaction_evaluated": True}
        if any(word in seen for word in self.warn):
            match = {"policy_id": "pol_warn", "policy_name": "Orders", "action": "warn"}
            told = {"matched_policies": [{**match, "category": "security-dangerous", "severity": "high"}]}
            verdict |= {"policy_matches": [match], "policy_info": told}
        for name in ("message", "response_data"):
            masked = _masked(body.get(name))
            if masked != body.get(name):
                verdict["redacted_data"] = masked
        return Reply(200, verdict)

    def asked(self, path: str = "/api/v1/decide") -> list[Any]:
        """Give the bodies of what was asked."""
        return [request.json() for request in self.server.to(path)]


def _masked(value: Any, label: str = "") -> Any:
    """Give a value masked: each text is read behind the key that it stands under, as agents do."""
    if isinstance(value, str):
        lead = f"{label}: " if label else ""
        masked = _BARE.sub(lambda match: match[1] + MASK, (lead + value).replace(SSN, MASK).replace(CARD, MASK))
        return masked.removeprefix(lead)
    if isinstance(value, list):
        return [_masked(item, label) for item in value]
    if isinstance(value, dict):
        return {_masked(key): _masked(item, key) for key, item in value.items()}
    return value


@pytest.fixture(autouse=True)
def patient_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let what of a proxy runs in this process be patient, too."""
    for module, constant, seconds in patient.places(patient.WAITS):
        monkeypatch.setattr(module, constant, seconds)


@pytest.fixture
def agent(stand_in: StandIn) -> Agent:
    made = Agent(stand_in)
    stand_in.replies = {
        "/api/v1/decide": lambda request: _kept(made.decide(request)),
        "/api/v1/mcp/check-input": lambda request: _kept(made.check_input(request)),
        "/api/v1/mcp/check-output": lambda request: _kept(made.check_output(request)),
    }
    return made


def _kept(reply: Reply) -> Reply:
    """Keep the connection, as agents do: the stand-in closes it unless told otherwise."""
    return replace(reply, headers={"Connection": "keep-alive", **reply.headers}) if reply.act == "reply" else reply


class Client:
    """An MCP client over a proxy's pipes: requests may be many at once, whatever else comes is kept.

    The proxy is a patient one; `waits` are other waits of its own.
    """

    def __init__(self, environ: dict[str, str], waits: Mapping[str, float] | None = None) -> None:
        given = json.dumps({**patient.WAITS, **(waits or {})})
        self.process = Warm(patient.main, (given,), env=environ, streams=("stdin", "stdout", "stderr"))
        self.heard: queue.Queue[dict[str, Any]] = queue.Queue()
        self.raw: dict[Any, str] = {}
        self.errors: list[str] = []
        self._kept: list[dict[str, Any]] = []
        self._last = 100
        self._threads = [
            threading.Thread(target=self._read, daemon=True),
            threading.Thread(target=self._read_errors, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            message = json.loads(line)
            self.raw[message.get("id")] = line.decode()
            self.heard.put(message)
        self.heard.put({"end": True})

    def _read_errors(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.errors.append(line.decode())

    def write(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def send(self, message: dict[str, Any]) -> None:
        self.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def start(self, capabilities: dict[str, Any] | None = None, version: str = "2025-06-18") -> Any:
        """Shake hands and give the server's result."""
        info = {"name": "test", "version": "1"}
        params = {"protocolVersion": version, "capabilities": capabilities or {}, "clientInfo": info}
        self.send({"id": "init", "method": "initialize", "params": params})
        result = self.wait(lambda message: message.get("id") == "init")["result"]
        self.send({"method": "notifications/initialized"})
        return result

    def ask(self, method: str, params: Any = None) -> int:
        """Send a request and give its id."""
        self._last += 1
        self.send({"id": self._last, "method": method, **({"params": params} if params is not None else {})})
        return self._last

    def answer(self, identifier: Any) -> dict[str, Any]:
        """Give the answer to a request."""
        return self.wait(lambda message: message.get("id") == identifier and "method" not in message)

    def request(self, method: str, params: Any = None) -> dict[str, Any]:
        """Send a request and give its answer."""
        return self.answer(self.ask(method, params))

    def call(self, name: str, arguments: Any = None, **more: Any) -> dict[str, Any]:
        """Call a tool and give the answer."""
        return self.request("tools/call", {"name": name, "arguments": arguments or {}, **more})

    def tools(self) -> list[str]:
        """Give the names of the tools."""
        return [tool["name"] for tool in self.request("tools/list")["result"]["tools"]]

    def wait(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Give the first message that is wanted; others are kept for later."""
        for message in self._kept:
            if wanted(message):
                self._kept.remove(message)
                return message
        until = time.monotonic() + DEADLINE_S
        while True:
            try:
                message = self.heard.get(timeout=max(0.01, until - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"nothing of that kind came; kept {self._kept}, said {self.errors}") from None
            if message.get("end"):
                self.heard.put(message)
                raise AssertionError(f"the proxy has ended; kept {self._kept}, said {self.errors}")
            if wanted(message):
                return message
            self._kept.append(message)

    def notification(self, method: str) -> dict[str, Any]:
        """Give the next notification of a method."""
        return self.wait(lambda message: message.get("method") == method)

    def until(self, condition: Callable[[], Any]) -> Any:
        """Give what a condition gives once it holds."""
        return poll(condition)

    def close(self) -> int:
        """Close the client's end and give the exit status of the proxy."""
        with contextlib.suppress(OSError):
            if self.process.stdin is not None:
                self.process.stdin.close()
        try:
            status = self.process.wait(DEADLINE_S)
        finally:
            self.process.kill()
            for thread in self._threads:
                thread.join(DEADLINE_S)
            for stream in (self.process.stdout, self.process.stderr):
                if stream is not None:
                    stream.close()
        return status


def poll(condition: Callable[[], Any]) -> Any:
    """Give what a condition gives once it holds."""
    until = time.monotonic() + DEADLINE_S
    while not (found := condition()):
        assert time.monotonic() < until, "the condition never held"
        time.sleep(0.005)
    return found


def whole_lines(path: Path) -> list[str]:
    """Give the lines of a file that others write to, without one whose end is still to come; [] of no file."""
    text = path.read_text() if path.exists() else ""
    return text[: text.rfind("\n") + 1].splitlines()


@dataclass
class World:
    """What one test's proxies share. `backend` describes a server for the map, `waits` are theirs (see `patient`)."""

    home: Path
    endpoint: str
    folder: Path
    extra: dict[str, str] = field(default_factory=dict)
    waits: dict[str, float] = field(default_factory=dict)
    clients: list[Client] = field(default_factory=list)

    def backend(self, name: str = "one", *options: str, **more: Any) -> dict[str, Any]:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        return {"id": name, "command": sys.executable, "args": [str(PROGRAM), str(folder), *options], **more}

    def environ(self, *backends: Any, **settings: str) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.home),
            "AXONFLOW_ENDPOINT": self.endpoint,
            "AXONFLOW_BACKENDS": json.dumps(backends),
            "AXONFLOW_AUDIT_LOG": str(self.home / "audit" / "audit.jsonl"),
            "AXONFLOW_SESSION_ID": "session-1",
            **patient.SETTINGS,
            **self.extra,
            **settings,
        }

    def connect(self, *backends: Any, **settings: str) -> Client:
        """Start a proxy and give a client of it, before the handshake."""
        client = Client(self.environ(*(backends or (self.backend(),)), **settings), self.waits)
        self.clients.append(client)
        return client

    def client(self, *backends: Any, **settings: str) -> Client:
        """Start a proxy and give a client that has shaken hands."""
        client = self.connect(*backends, **settings)
        client.start()
        return client

    def rows(self, event: str = "") -> list[dict[str, Any]]:
        """Give the audit rows."""
        rows = [json.loads(line) for line in whole_lines(self.home / "audit" / "audit.jsonl")]
        return [row for row in rows if event in {"", row["event"]}]

    def lines(self, backend: str, name: str) -> list[str]:
        """Give what a backend has written down."""
        return whole_lines(self.folder / backend / name)

    def cancelled(self, backend: str) -> list[str]:
        """Give the ids of the requests that a backend was told to stop."""
        return [str(json.loads(line)["requestId"]) for line in self.lines(backend, "cancelled.txt")]

    def touch(self, backend: str, name: str) -> None:
        """Give a backend the sign that it waits for."""
        (self.folder / backend / name).touch()


@pytest.fixture
def world(tmp_path: Path, agent: Agent) -> Iterator[World]:
    folder = tmp_path / "backends"
    folder.mkdir()
    home = tmp_path / "home"
    home.mkdir()
    made = World(home, agent.server.url, folder)
    yield made
    for client in made.clients:
        client.close()
