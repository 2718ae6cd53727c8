"""A real agent in a process of its own, with a home folder of its own, spoken to over HTTP."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.paths import resolve_paths
from tests.agent.programs import start_cold, start_warm
from tests.conftest import NO_TLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from axonflow_hooks.agent.listening import Tls
    from tests.warm import Warm

MCP_PATH = "/api/v1/mcp-server"
DEADLINE_S = 120


@dataclass
class AgentProcess:
    """An agent that was started. `endpoint` is "" when it ended without accepting requests."""

    process: subprocess.Popen[bytes] | Warm
    home: Path
    data_dir: Path
    endpoint: str = ""
    stderr: list[str] = field(default_factory=list)
    ready: threading.Event = field(default_factory=threading.Event)

    @property
    def credential(self) -> tuple[str, str]:
        found = credential_for(resolve_paths({"HOME": str(self.home)}), self.endpoint)
        assert found is not None
        return found

    def client(self, **options: Any) -> httpx.Client:
        """Give an HTTP client with the agent's credential, unless `auth` says otherwise."""
        options = {"auth": self.credential, "verify": NO_TLS, **options}
        return httpx.Client(base_url=self.endpoint, timeout=DEADLINE_S, trust_env=False, **options)

    def rpc(self, method: str, params: Any = None, *, headers: dict[str, str] | None = None) -> httpx.Response:
        message = {"jsonrpc": "2.0", "id": 7, "method": method}
        with self.client() as client:
            body = message if params is None else {**message, "params": params}
            sent = {"Content-Type": "application/json", **(headers or {})}
            return client.post(MCP_PATH, content=json.dumps(body), headers=sent)

    def tool(self, name: str, arguments: dict[str, Any], *, headers: dict[str, str] | None = None) -> Any:
        """Call a tool and give its value; asserts that it did its work."""
        result = self.rpc("tools/call", {"name": name, "arguments": arguments}, headers=headers).json()["result"]
        assert "isError" not in result, result
        return json.loads(result["content"][0]["text"])

    def tool_failure(self, name: str, arguments: dict[str, Any]) -> str:
        """Call a tool and give the text with which it failed."""
        result = self.rpc("tools/call", {"name": name, "arguments": arguments}).json()["result"]
        assert result["isError"] is True
        text: str = result["content"][0]["text"]
        return text

    def database_bytes(self) -> bytes:
        """Give everything that lies in the data folder."""
        return b"".join(path.read_bytes() for path in sorted(self.data_dir.iterdir()) if path.is_file())

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, wait for the end, and give the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.wait()

    def wait(self) -> int:
        status = self.process.wait(DEADLINE_S)
        self.ready.wait(DEADLINE_S)
        return status

    def _listen(self, reader: Any) -> None:
        with io.TextIOWrapper(reader, encoding="utf-8", errors="replace") as lines:
            for line in lines:
                self.stderr.append(line.rstrip("\n"))
                found = re.search(r"listening on (https?://\S+) ", line)
                if found:
                    self.endpoint = found[1]
                    self.ready.set()
        self.ready.set()


@dataclass
class AgentStarter:
    """Starts agents and ends them all; without arguments each has a home and a data folder of its own.

    A `cold` one imports all that it needs, as users' agents do; the others are forked from a process that has.
    """

    folder: Path
    started: list[tuple[AgentProcess, threading.Thread]] = field(default_factory=list)

    def __call__(
        self,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        home: Path | None = None,
        data_dir: Path | None = None,
        default_data_dir: bool = False,
        environ: dict[str, str] | None = None,
        tls: Tls | None = None,
        cold: bool = False,
    ) -> AgentProcess:
        home = home or self.folder / f"home{len(self.started)}"
        home.mkdir(exist_ok=True)
        chosen = data_dir or home / "data"
        base = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "PYTHONPATH") if name in os.environ}
        arguments = [host, str(port), "" if default_data_dir else str(chosen)]
        if tls is not None:
            arguments += [str(tls.certificate), str(tls.key)]
        start = start_cold if cold else start_warm
        process = start(arguments, {**base, "HOME": str(home), **(environ or {})})
        agent = AgentProcess(process, home, chosen)
        thread = threading.Thread(target=agent._listen, args=(process.stderr,))
        thread.start()
        self.started.append((agent, thread))
        assert agent.ready.wait(DEADLINE_S), agent.stderr
        return agent

    def stop_all(self) -> None:
        for agent, thread in self.started:
            if agent.process.poll() is None:
                agent.process.kill()
            agent.process.wait(DEADLINE_S)
            thread.join(DEADLINE_S)


@pytest.fixture
def start_agent(tmp_path: Path) -> Iterator[Callable[..., AgentProcess]]:
    """Give a function that starts agents; they end with the test."""
    starter = AgentStarter(tmp_path)
    yield starter
    starter.stop_all()


@pytest.fixture(scope="module")
def running_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """Give one agent that all tests of a module share."""
    starter = AgentStarter(tmp_path_factory.mktemp("agent"))
    agent = starter()
    assert agent.endpoint, agent.stderr
    yield agent
    starter.stop_all()
