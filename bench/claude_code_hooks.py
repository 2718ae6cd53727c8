"""What hooks cost as Claude Code sees it: from its own hook_started event to its hook_response, and per session.

    python -m bench.claude_code_hooks [--calls 12] [--rounds 5] [--version 2.1.330] [--write docs/performance.md]

Each session lets a scripted model make the calls one after another: of Bash, then of Read, which is not scanned by
default. Compared, in turn: no plugin, a plugin whose hooks run `true` (the host's own share), and this plugin with its
resident and a local agent, calls allowed and outputs clean. Figures are milliseconds of wall time on this machine.
`--write FILE` puts the tables between the marks of that file.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from bench.timing import machine
from devtools.fetched import NotAvailable
from devtools.live import ROOT
from tests.e2e.claude_code.agents import live_agent
from tests.e2e.claude_code.desk import TOOLS, Desk, set_desk, write_json
from tests.e2e.claude_code.scripted_model import bash, calls, scripted_model
from tests.e2e.claude_code.versions import VERSIONS, claude_program

HOOKS: Final = ("PreToolUse:Bash", "PostToolUse:Bash", "PostToolUse:Read")
HEAD: Final = (
    "| hooks | Bash, PreToolUse p50 ms | p95 ms | Bash, PostToolUse p50 ms | p95 ms "
    "| Read, PostToolUse p50 ms | p95 ms | whole session, ms a call |"
)
BEGIN: Final = "<!-- figures: claude-code begin -->"
END: Final = "<!-- figures: claude-code end -->"


@dataclass
class Times:
    """Milliseconds: of each hook by its name, and of each session as the host states it."""

    hooks: dict[str, list[float]] = field(default_factory=lambda: {name: [] for name in HOOKS})
    sessions: list[float] = field(default_factory=list)


def measure(desk: Desk, count: int, times: Times) -> None:
    """Run one session and add what it took. The clock is read as each event arrives on the host's output."""
    started: dict[str, float] = {}
    files = [desk.project / f"{number}.txt" for number in range(count)]
    for file in files:
        file.write_text("some text\n", encoding="utf-8")
    turns = [[bash(f"echo call {number}")] for number in range(count)]
    turns += [[calls("Read", file_path=str(file))] for file in files]
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
            elif event.get("subtype") == "hook_response" and event["hook_name"] in HOOKS:
                times.hooks[event["hook_name"]].append((now - started[event["hook_id"]]) * 1000)
            elif event.get("type") == "result":
                times.sessions.append(float(event["duration_ms"]))


def idle_plugin(folder: Path) -> Path:
    """Write a plugin whose hooks do nothing, wired as this one's are."""
    hook = {"type": "command", "command": "true", "args": []}
    matchers = {"PreToolUse": "^(Bash)$", "PostToolUse": "^(Bash|Read)$"}
    hooks = {event: [{"matcher": matcher, "hooks": [hook]}] for event, matcher in matchers.items()}
    write_json(folder / ".claude-plugin" / "plugin.json", {"name": "idle", "version": "1.0.0"})
    write_json(folder / "hooks" / "hooks.json", {"hooks": hooks})
    return folder


def row(name: str, times: Times, count: int) -> str:
    """Give one line of the table."""
    cells = []
    for values in times.hooks.values():
        cells += (
            [f"{statistics.median(values):.0f}", f"{statistics.quantiles(values, n=20)[-1]:.0f}"]
            if values
            else ["", ""]
        )
    return f"| {name} | {' | '.join(cells)} | {statistics.median(times.sessions) / (2 * count):.0f} |"


def compare(version: str, count: int, rounds: int) -> str:
    """Measure one release and give its table."""
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
                measure(replace(desk, plugins=loaded), count, Times() if number == 0 else times[name])
    lines = [HEAD, f"|---|{'--:|' * 7}", *(row(name, times[name], count) for name in names)]
    return "\n".join([f"### As Claude Code {version} sees it", "", *lines])


def write(file: Path, text: str) -> None:
    """Put the tables between the marks of a file."""
    head, rest = file.read_text(encoding="utf-8").split(BEGIN)
    tail = rest.split(END)[1]
    file.write_text(f"{head}{BEGIN}\n\n{text}\n{END}{tail}", encoding="utf-8")


def main() -> int:
    """Print the tables, or write them, and give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--version", choices=VERSIONS, action="append")
    parser.add_argument("--write", type=Path)
    options = parser.parse_args()
    tables = []
    for version in options.version or VERSIONS:
        try:
            tables.append(compare(version, options.calls, options.rounds))
        except NotAvailable as reason:
            print(f"SKIP: Claude Code {version}: {reason}")
    what = f"{options.rounds} sessions of {options.calls} Bash and {options.calls} Read calls each; {machine()}."
    text = "\n\n".join([what, *tables]) + "\n"
    if options.write and tables:
        write(options.write, text)
    print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
