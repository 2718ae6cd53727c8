"""Servers of other makers for the proxy to stand in front of, and the programs that drive it."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from devtools.fetched import NotAvailable, npm_folder, python_with
from tests.conftest import free_port
from tests.e2e.agent_clients.programs import environment
from tests.e2e.agent_clients.test_mcp_clients import INSPECTOR, NODE, PACKAGES
from tests.proxy import patient
from tests.proxy.conftest import START, poll, whole_lines

SCOPE: Final = "@modelcontextprotocol"
SERVERS: Final = tuple(f"{SCOPE}/server-{name}@2026.8.31" for name in ("everything", "filesystem", "memory"))
CONFORMANCE: Final = f"{SCOPE}/conformance@0.1.16"
DRIVER: Final = Path(__file__).with_name("client_driver.py")
Entry = dict[str, Any]


def node() -> str:
    """Give the system's Node. Raises NotAvailable."""
    found = shutil.which("node")
    if found is None:
        raise NotAvailable("node is not installed")
    return found


def new_node() -> Path:
    """Give a Node that is new enough for the inspector and the conformance suite. Raises NotAvailable."""
    return npm_folder(PACKAGES) / NODE / "bin" / "node"


def conformance_suite() -> list[str]:
    """Give the command line of the conformance suite. Raises NotAvailable."""
    return [str(new_node()), str(npm_folder((CONFORMANCE,)) / SCOPE / "conformance" / "dist" / "index.js")]


def server(name: str, *arguments: str) -> Entry:
    """Give a backend map's entry for one of the servers. Raises NotAvailable."""
    script = npm_folder(SERVERS) / SCOPE / f"server-{name}" / "dist" / "index.js"
    return {"id": name, "command": node(), "args": [str(script), *arguments]}


@contextlib.contextmanager
def over_http(entry: Entry, environ: dict[str, str]) -> Iterator[str]:
    """Run server-everything as a Streamable HTTP server for the length of a `with` block; gives the URL."""
    port = free_port()
    process = subprocess.Popen(
        [entry["command"], *entry["args"], "streamableHttp"],
        env={**environ, "PORT": str(port)},
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        poll(lambda: _listens(port) or process.poll() is not None)
        assert process.poll() is None, "the server has ended"
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@dataclass(frozen=True, slots=True)
class Desktop:
    """A person's computer: a home, a folder with files, and the settings of the proxy there."""

    home: Path
    files: Path
    backends: list[Entry]
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def audit_file(self) -> Path:
        """The audit file that the proxy is told to write."""
        return self.home / "audit.jsonl"

    def environ(self, **settings: str) -> dict[str, str]:
        """Give the whole environment of a proxy."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "SYSTEMROOT") if name in os.environ}
        return {
            **kept,
            "HOME": str(self.home),
            "AXONFLOW_BACKENDS": json.dumps(self.backends),
            "AXONFLOW_AUDIT_LOG": str(self.audit_file),
            **patient.SETTINGS,
            **self.settings,
            **settings,
        }

    def rows(self, event: str) -> list[dict[str, Any]]:
        """Give the audit rows of one kind."""
        rows = [json.loads(line) for line in whole_lines(self.audit_file)]
        return [row for row in rows if row["event"] == event]


def driven(release: str, command: list[str], environ: dict[str, str], calls: list[tuple[str, Any]]) -> dict[str, Any]:
    """Let a release of the official client start a server, list its tools and call some; give what it was told.

    Where names of tools carry the id of their server, the list is complete when each of these servers is up.
    Raises NotAvailable when that release cannot be had.
    """
    servers = sorted({name.partition("__")[0] for name, _ in calls if "__" in name})
    given = {"command": command[0], "args": command[1:], "env": environ, "calls": calls, "servers": servers}
    done = subprocess.run(
        [str(python_with(release)), str(DRIVER)],
        input=json.dumps(given), capture_output=True, text=True, timeout=180, check=False, env=environment(),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def inspected(home: Path, environ: dict[str, str], command: list[str], *arguments: str) -> Any:
    """Let the MCP inspector's command line ask a server; give the JSON that it prints. Raises NotAvailable."""
    launcher = npm_folder(PACKAGES) / INSPECTOR / "clients" / "launcher" / "build" / "index.js"
    config = home / "mcp.json"
    entry = {"type": "stdio", "command": command[0], "args": command[1:], "env": environ}
    config.write_text(json.dumps({"mcpServers": {"axonflow": entry}}), encoding="utf-8")
    done = subprocess.run(
        [str(new_node()), str(launcher), "--cli", "--config", str(config), "--server", "axonflow", *arguments],
        capture_output=True, text=True, timeout=180, check=False,
        env={**environment(), "HOME": str(home), "MCP_INSPECTOR_SECRET_STORE": "memory"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout)


def stdio_command(python: str) -> list[str]:
    """Give the command line of the proxy."""
    return [python, "-I", str(START)]


def patient_command(python: str) -> list[str]:
    """Give that of the proxy which waits for its servers on a busy machine, too: they take seconds to start."""
    return [python, "-I", patient.__file__]
