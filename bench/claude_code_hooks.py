"""What hooks cost as Claude Code sees it: from its own hook_started event to its hook_response, and per session.

    python -m bench.claude_code_hooks [--calls 12] [--rounds 3] [--version 2.1.330]

Each session lets a scripted model make the calls one after another. Compared, in turn: no plugin, a plugin whose
hooks run /bin/true (the host's own share), and this plugin with a local agent, its calls allowed and their output
clean. Figures are milliseconds of wall time on this machine.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from devtools.live import ROOT
from tests.e2e.claude_code.agents import live_agent
from tests.e2e.claude_code.desk import TOOLS, Desk, set_desk, write_json
from tests.e2e.claude_code.scripted_model import bash, scripted_model
from tests.e2e.claude_code.versions import VERSIONS, NotAvailable, claude_program

EVENTS: Final = ("PreToolUse", "PostToolUse")


@dataclass
class Times:
    """Milliseconds: of each hook by event, and of each session as the host states it."""

    hooks: dict[str, list[float]] = field(default_factory=lambda: {event: [] for event in EVENTS})
    sessions: list[float] = field(default_factory=list)


def measure(desk: Desk, calls: int, times: Times) -> None:
    """Run one session and add what it took. The clock is read as each event arrives on the host's output."""
    started: dict[str, float] = {}
    turns = [[bash(f"echo call {number}")] for number in range(calls)]
    with (
        scripted_model(turns) as model,
        subprocess.Popen(
            desk.command("--allowedTools", TOOLS),
            env=desk.environment(model.url),
            cwd=desk.project,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        assert process.stdin
        assert process.stdout
        process.stdin.write(desk.prompt_line("Go."))
        process.stdin.close()
        for line in process.stdout:
            now = time.perf_counter()
            event: dict[str, Any] = json.loads(line) if line.endswith(b"}\n") else {}
            if event.get("subtype") == "hook_started":
                started[event["hook_id"]] = now
            elif event.get("subtype") == "hook_response" and event["hook_event"] in EVENTS:
                times.hooks[event["hook_event"]].append((now - started[event["hook_id"]]) * 1000)
            elif event.get("type") == "result":
                times.sessions.append(float(event["duration_ms"]))


def idle_plugin(folder: Path) -> Path:
    """Write a plugin whose hooks do nothing, wired as this one's are."""
    hook = {"type": "command", "command": "true", "args": []}
    hooks = {event: [{"matcher": "^(Bash)$", "hooks": [hook]}] for event in EVENTS}
    write_json(folder / ".claude-plugin" / "plugin.json", {"name": "idle", "version": "1.0.0"})
    write_json(folder / "hooks" / "hooks.json", {"hooks": hooks})
    return folder


def row(name: str, times: Times, calls: int) -> str:
    """Give one line of the table."""
    cells = []
    for event in EVENTS:
        values = times.hooks[event]
        cells += (
            [f"{statistics.median(values):.0f}", f"{statistics.quantiles(values, n=20)[-1]:.0f}"]
            if values
            else ["", ""]
        )
    return f"| {name} | {' | '.join(cells)} | {statistics.median(times.sessions) / calls:.0f} |"


def compare(version: str, calls: int, rounds: int) -> list[str]:
    """Measure one release and give the lines of its table."""
    program = claude_program(version)
    names = ("no plugin", "a plugin that runs `true`", "this plugin")
    times = {name: Times() for name in names}
    with (
        tempfile.TemporaryDirectory(prefix="axonflow-bench-") as temporary,
        live_agent(Path(temporary) / "agent") as agent,
    ):
        folder = Path(temporary)
        desk = set_desk(version, program, folder / "desk", {"AXONFLOW_ENDPOINT": agent.endpoint})
        agent.give_credential_to(desk.home)
        plugins = ((), (idle_plugin(folder / "idle"),), (ROOT,))
        for number in range(rounds + 1):
            for name, loaded in zip(names, plugins, strict=True):
                measure(replace(desk, plugins=loaded), calls, Times() if number == 0 else times[name])
    return [row(name, times[name], calls) for name in names]


def main() -> int:
    """Print the tables and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--version", choices=VERSIONS, action="append")
    options = parser.parse_args()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}"
    for version in options.version or VERSIONS:
        try:
            lines = compare(version, options.calls, options.rounds)
        except NotAvailable as reason:
            print(f"SKIP: Claude Code {version}: {reason}")
            continue
        print(f"\nClaude Code {version}, {options.rounds} sessions of {options.calls} Bash calls each, {machine}\n")
        print("| | PreToolUse p50 | p95 | PostToolUse p50 | p95 | session, per call |\n|---|--:|--:|--:|--:|--:|")
        print("\n".join(lines), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
