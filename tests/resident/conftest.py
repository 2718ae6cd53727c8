"""A user's machine with this checkout as the plugin: a home, a folder for sockets, hooks fired as the host does it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.paths import resolve_paths
from tests.agent.programs import start_warm
from tests.conftest import free_port
from tests.patience import TO_THE_ANSWER_S

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from axonflow_hooks.paths import Paths
    from tests.warm import Warm

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = TO_THE_ANSWER_S + 20


def wait_until(true: Callable[[], Any], what: str) -> Any:
    """Give the first true value, or fail after two minutes."""
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        value = true()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"waited in vain: {what}")


@dataclass
class Machine:
    """One user's machine. `root` is where the plugin lies, `environ` what the host gives to every hook."""

    home: Path
    sockets: Path
    root: Path
    environ: dict[str, str] = field(default_factory=dict)
    serial: int = 0
    prefix: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.environ = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "AXONFLOW_RESIDENT_DIR": str(self.sockets),
            "AXONFLOW_TELEMETRY": "off",
            "AXONFLOW_PLUGIN_VERSION_CHECK": "off",
            "AXONFLOW_ENDPOINT": "http://127.0.0.1:9",
            **self.environ,
        }

    @property
    def paths(self) -> Paths:
        return resolve_paths(self.environ)

    def payload(self, event: str = "PreToolUse", command: str = "git status", **fields: Any) -> bytes:
        """Give the JSON of a Bash call's event."""
        self.serial += 1
        given = {
            "session_id": "session-1",
            "cwd": str(self.home),
            "hook_event_name": event,
            "tool_name": "Bash",
            "tool_use_id": f"toolu_{self.serial:06}",
            "tool_input": {"command": command},
            **fields,
        }
        if event == "PostToolUse":
            given.setdefault("tool_response", {"stdout": "fine", "stderr": "", "interrupted": False})
        return json.dumps(given).encode()

    def begin(self, word: str = "pre-tool-use", **environ: str) -> subprocess.Popen[bytes]:
        """Begin a hook, which waits for its input."""
        return subprocess.Popen(
            [*self.prefix, sys.executable, "-I", "-S", str(self.root / "hooks" / "relay.py"), word],
            env={**self.environ, **environ},
            cwd=self.home,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def start(
        self, word: str = "pre-tool-use", payload: bytes | None = None, **environ: str
    ) -> subprocess.Popen[bytes]:
        """Begin a hook and write its input."""
        process = self.begin(word, **environ)
        give_input(process, self.payload() if payload is None else payload)
        return process

    def hook(self, word: str = "pre-tool-use", payload: bytes | None = None, **environ: str) -> dict[str, Any]:
        """Fire a hook and give its answer, {} for silence."""
        return answer_of(self.start(word, payload, **environ))

    def residents(self) -> list[int]:
        """Give the process ids of the residents that are alive."""
        return residents_of(self.sockets)

    def log(self) -> str:
        """Give the residents' log."""
        path = self.paths.resident_log
        return path.read_text() if path.exists() else ""

    def kill_residents(self) -> None:
        """End all residents, the hard way."""
        kill_residents_of(self.sockets)


def residents_of(sockets: Path) -> list[int]:
    """Give the process ids of the residents that are alive and have their sockets in a folder."""
    found = []
    for lock in sockets.glob("*.lock"):
        text = lock.read_text().strip()
        if text and is_resident(int(text)):
            found.append(int(text))
    return found


def kill_residents_of(sockets: Path) -> None:
    """End all residents of a folder, the hard way."""
    for pid in residents_of(sockets):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not residents_of(sockets), "residents to be gone")


def is_resident(pid: int) -> bool:
    """Tell whether a process is a resident and alive."""
    try:
        line = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
    return b"resident/__main__.py" in line


def give_input(process: subprocess.Popen[bytes], payload: bytes) -> None:
    """Write all that a hook gets to read."""
    assert process.stdin
    with contextlib.suppress(BrokenPipeError):
        process.stdin.write(payload)
    process.stdin.close()
    process.stdin = None


def answer_of(process: subprocess.Popen[bytes]) -> dict[str, Any]:
    """Wait for a hook, which must exit 0 and print nothing or one JSON object; give that."""
    stdout, stderr = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, (stdout, stderr)
    if not stdout:
        return {}
    loaded = json.loads(stdout)
    assert isinstance(loaded, dict)
    return loaded


def decision(answer: dict[str, Any]) -> str:
    """Give `deny`, `ask` or "" of a PreToolUse answer."""
    return str(answer.get("hookSpecificOutput", {}).get("permissionDecision", ""))


@pytest.fixture
def machine(tmp_path: Path, patient_plugin: Path) -> Iterator[Machine]:
    home = tmp_path / "home"
    home.mkdir()
    sockets = Path(tempfile.mkdtemp(prefix="ax-", dir="/tmp"))  # a socket's path must be short
    made = Machine(home, sockets, patient_plugin)
    yield made
    made.kill_residents()
    shutil.rmtree(sockets, ignore_errors=True)


@dataclass
class RealAgent:
    """The embedded agent as a process of its own, on one port and one database for as long as the test lasts."""

    folder: Path
    environ: dict[str, str]
    port: int
    process: Warm | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.process = start_warm(["127.0.0.1", str(self.port), str(self.folder)], self.environ)
        for line in self.process.stderr:
            if b"listening on" in line:
                return
        self.kill()
        raise AssertionError("the agent did not start")

    def kill(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process.stderr.close()
        self.process = None

    def auth(self) -> str:
        """Give the credential of a client added to the agent, as AXONFLOW_AUTH takes it.

        Not that which the agent has made for its user: it goes to the agent itself and to nobody between.
        """
        own = credential_for(resolve_paths(self.environ), self.url)
        assert own
        made = httpx.post(f"{self.url}/api/v1/agent/clients", json={"name": "behind-the-gate"}, auth=own, timeout=30)
        credential = made.json()
        return base64.b64encode(f"{credential['client_id']}:{credential['client_secret']}".encode()).decode()

    def recorded(self) -> list[str]:
        """Give the tool_use_id of every recorded tool call, in the order of the trail."""
        (database,) = self.folder.glob("*.db")
        with contextlib.closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            rows = connection.execute(
                "SELECT request_body FROM audit_log WHERE request_type = 'tool_call_audit' ORDER BY rowid"
            ).fetchall()
        return [str(json.loads(body)["tool_use_id"]) for (body,) in rows]


@pytest.fixture
def agent(machine: Machine) -> Iterator[RealAgent]:
    """Give an embedded agent that the machine's hooks ask; where it cannot be asked, nothing may run."""
    made = RealAgent(machine.home / "agent-data", machine.environ, free_port())
    machine.environ["AXONFLOW_ENDPOINT"] = made.url
    machine.environ["AXONFLOW_FAIL_MODE"] = "closed"
    made.start()
    yield made
    made.kill()


def expect_each_once(machine: Machine, agent: RealAgent, expected: list[str]) -> None:
    """A last call finds everything in order again; then every record is at the agent, once, in order."""
    assert machine.hook() == {}
    wait_until(lambda: set(agent.recorded()) >= set(expected), "every record at the agent")
    assert agent.recorded() == expected
