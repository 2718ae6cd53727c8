"""A running embedded agent and the hooks of this checkout, as the demo, the smoke test and the benchmarks use them."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
PROGRAM = Path(sys.executable).parent / "axonflow-hooks"
SESSION_ID = "5d1c1f0e-0000-4000-8000-0000000000d3"
RESIDENT_WAIT_S = 60.0
_KEPT = ("PATH", "LANG", "SYSTEMROOT", "TMPDIR")


def clean_environment(home: Path) -> dict[str, str]:
    """Give an environment that knows nothing of this user but where programs are; telemetry is off."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return {
        **kept,
        "HOME": str(home),
        "AXONFLOW_TELEMETRY": "off",
        "AXONFLOW_RESIDENT_DIR": str(home / "run"),
        "AXONFLOW_RESIDENT_IDLE_S": "20",
    }


@contextmanager
def running_agent(environ: dict[str, str], *arguments: str) -> Iterator[str]:
    """Run `axonflow-hooks agent` on a free port and give its endpoint; it is stopped at the end."""
    command = [str(PROGRAM), "agent", "--port", "0", *arguments]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield _wait_for_endpoint(process)
        finally:
            process.terminate()
            process.communicate(timeout=60)


@contextmanager
def residents_ended(environ: dict[str, str]) -> Iterator[None]:
    """End the resident processes that hooks of this environment have started, and wait until they are gone."""
    try:
        yield
    finally:
        for lock in Path(environ["AXONFLOW_RESIDENT_DIR"]).glob("*.lock"):
            pid = int(lock.read_text(encoding="ascii") or 0)
            if not pid:
                continue  # it has begun, and not said who it is; process 0 would be all of this group
            end = time.monotonic() + RESIDENT_WAIT_S
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
                while time.monotonic() < end:
                    os.kill(pid, 0)
                    time.sleep(0.02)


def _wait_for_endpoint(process: subprocess.Popen[str]) -> str:
    lines = []
    for line in process.stderr or ():
        lines.append(line)
        if found := re.search(r"listening on (http://[^\s,;]+)", line):
            return found.group(1)
    raise RuntimeError("The agent did not start:\n" + "".join(lines))


def _wired(file: str, *keys: str | int) -> list[str]:
    """Give the command line that a file of the plugin names, as Claude Code would start it."""
    found: Any = json.loads((ROOT / file).read_text(encoding="utf-8"))
    for key in keys:
        found = found[key]
    return [part.replace("${CLAUDE_PLUGIN_ROOT}", str(ROOT)) for part in (found["command"], *found["args"])]


@dataclass(frozen=True)
class Host:
    """What Claude Code is to the plugin: a project folder, an environment, and hooks fired with its JSON."""

    home: Path
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def project(self) -> Path:
        """The folder that Claude works in."""
        folder = self.home / "my project"
        folder.mkdir(parents=True, exist_ok=True)
        return folder

    def payload(self, event: str, **fields: Any) -> str:
        """Give the JSON of one event, with the fields that every event has."""
        common = {
            "session_id": SESSION_ID,
            "transcript_path": str(self.home / ".claude" / "projects" / "demo" / f"{SESSION_ID}.jsonl"),
            "cwd": str(self.project),
            "permission_mode": "default",
            "hook_event_name": event,
        }
        return json.dumps({**common, **fields})

    def hook_environment(self) -> dict[str, str]:
        """Give the environment in which the host starts hooks."""
        data = self.home / "plugin-data"
        data.mkdir(exist_ok=True)
        return {**self.environ, "CLAUDE_PLUGIN_ROOT": str(ROOT), "CLAUDE_PLUGIN_DATA": str(data)}

    def fire(self, event: str, **fields: Any) -> dict[str, Any] | None:
        """Hand one event to the command that hooks.json names for it, and give its answer, None for silence."""
        done = subprocess.run(
            _wired("hooks/hooks.json", "hooks", event, 0, "hooks", 0),
            input=self.payload(event, **fields),
            env=self.hook_environment(),
            cwd=self.project,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(done.stdout) if done.stdout.strip() else None

    def mcp_tool(self, name: str, **arguments: Any) -> Any:
        """Call one of the agent's MCP tools through the server of .mcp.json and give its result."""
        request = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": name, "arguments": arguments}}
        done = subprocess.run(
            _wired(".mcp.json", "mcpServers", "axonflow"),
            input=json.dumps(request) + "\n",
            env=self.hook_environment(),
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        return json.loads(json.loads(done.stdout)["result"]["content"][0]["text"])
