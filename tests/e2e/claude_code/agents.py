"""The agents that govern a session: the real embedded one with its audit trail, and some that misbehave."""

from __future__ import annotations

import base64
import json
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Literal

import httpx

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.paths import resolve_paths
from devtools.live import clean_environment, running_agent

AUDIT_DEADLINE_S: Final = 60.0
CREDENTIALS: Final = Path(".config/axonflow/agent-credentials.json")
Entry = dict[str, Any]
Fault = Literal["refuses", "hangs", "fails"]


@dataclass(frozen=True, slots=True)
class LiveAgent:
    """A running embedded agent of the user whose home is `home`."""

    endpoint: str
    home: Path

    @property
    def credential(self) -> tuple[str, str]:
        """The (client id, secret) that the agent has created for its user."""
        found = credential_for(resolve_paths(clean_environment(self.home)), self.endpoint)
        assert found, "the agent has created no credential"
        return found

    def as_variables(self, endpoint: str) -> dict[str, str]:
        """Give the settings with which a session calls `endpoint` with a credential of this agent.

        It is that of an added client: the agent's own goes to the agent itself and to nobody between.
        """
        made = httpx.post(
            f"{self.endpoint}/api/v1/agent/clients",
            json={"name": f"session-{secrets.token_hex(4)}"},
            auth=self.credential,
            timeout=60,
        ).json()
        basic = base64.b64encode(f"{made['client_id']}:{made['client_secret']}".encode()).decode("ascii")
        return {"AXONFLOW_ENDPOINT": endpoint, "AXONFLOW_AUTH": basic}

    def give_credential_to(self, home: Path) -> None:
        """Let another home be the same user's: put the file there that the agent has written."""
        target = home / CREDENTIALS
        target.parent.mkdir(mode=0o700, parents=True)
        shutil.copy2(self.home / CREDENTIALS, target)

    def tool(self, name: str, **arguments: Any) -> Any:
        """Call one of the agent's MCP tools over HTTP and give its value."""
        return json.loads(self._result("tools/call", name=name, arguments=arguments)["content"][0]["text"])

    def listed_tools(self) -> list[dict[str, Any]]:
        """Give the agent's own list of its tools."""
        tools: list[dict[str, Any]] = self._result("tools/list")["tools"]
        return tools

    def _result(self, method: str, **params: Any) -> dict[str, Any]:
        reply = httpx.post(
            f"{self.endpoint}/api/v1/mcp-server",
            json={"jsonrpc": "2.0", "id": 1, "method": method, "params": params},
            auth=self.credential,
            timeout=60,
        )
        result: dict[str, Any] = reply.raise_for_status().json()["result"]
        return result

    def audit(self, session_id: str, request_type: str, until: Callable[[list[Entry]], bool]) -> list[Entry]:
        """Give a session's entries of one type, oldest first, as soon as they are what `until` asks for.

        Delivery of audit records may lag behind the session. After the deadline the entries are given as they are,
        for the test to say what is wrong with them.
        """
        deadline = time.monotonic() + AUDIT_DEADLINE_S
        while True:
            found = self.tool("search_audit_events", request_type=request_type, limit=100)["entries"]
            entries = [entry for entry in reversed(found) if entry.get("session_id") == session_id]
            if until(entries) or time.monotonic() > deadline:
                return entries
            time.sleep(0.05)

    def calls_recorded(self, session_id: str, count: int) -> list[Entry]:
        """Give a session's records of tool calls, once there are `count` of them."""
        return self.audit(session_id, "tool_call_audit", lambda entries: len(entries) >= count)

    def decisions(self, session_id: str, count: int) -> list[Entry]:
        """Give a session's policy decisions on tool calls, once there are `count` of them."""
        return self.audit(session_id, "check_policy", lambda entries: len(entries) >= count)

    def kept(self) -> str:
        """Give everything that the agent has on disk."""
        folder = resolve_paths(clean_environment(self.home)).agent_data_dir
        return "\n".join(path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file())


@dataclass(frozen=True, slots=True)
class Request:
    """A request as it arrived; header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server answers."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def live_agent(home: Path) -> Iterator[LiveAgent]:
    """Run the embedded agent on a free port for the length of a `with` block."""
    home.mkdir(parents=True, exist_ok=True)
    with running_agent(clean_environment(home)) as endpoint:
        yield LiveAgent(endpoint, home)


@contextmanager
def faulty_agent(fault: Fault) -> Iterator[str]:
    """Run an agent that `refuses` every credential, `hangs` until the end, or `fails` with a 500; gives its URL."""
    over = threading.Event()

    def answer(_: Request) -> Answer | None:
        if fault == "hangs":
            over.wait()
            return None
        if fault == "refuses":
            return Answer(401, b'{"error": "invalid client credentials"}')
        return Answer(500, b"out of order")

    with _serving(answer) as url:
        try:
            yield url
        finally:
            over.set()


@contextmanager
def agent_offering(tool: str, agent: LiveAgent) -> Iterator[tuple[str, list[str]]]:
    """Run an agent that is the live one, but lists `tool` as well; gives its URL and the calls of that tool."""
    called: list[str] = []

    def answer(request: Request) -> Answer:
        message = json.loads(request.body or b"{}")
        if message.get("method") == "tools/call" and message["params"]["name"] == tool:
            called.append(request.body.decode())
        passed_on = {name: value for name, value in request.headers.items() if name not in {"host", "content-length"}}
        reply = httpx.request(
            request.method, agent.endpoint + request.path, content=request.body, headers=passed_on, timeout=60
        )
        body = reply.content
        if message.get("method") == "tools/list":
            listed = reply.json()
            listed["result"]["tools"].append({"name": tool, "description": tool, "inputSchema": {"type": "object"}})
            body = json.dumps(listed).encode()
        kept = {name: value for name, value in reply.headers.items() if name in {"content-type", "mcp-session-id"}}
        return Answer(reply.status_code, body, kept)

    with _serving(answer) as url:
        yield url, called


@contextmanager
def _serving(answer: Callable[[Request], Answer | None]) -> Iterator[str]:
    """Run an HTTP server on a free port; where `answer` gives None, the connection ends without an answer."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            given = answer(Request(self.command, self.path, headers, body))
            if given is None:
                return
            self.send_response(given.status)
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(given.body)))
            self.end_headers()
            self.wfile.write(given.body)

        do_POST = do_DELETE = do_GET

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False
        request_queue_size = 128  # with the usual 5, the system resets some of many connections at once

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
