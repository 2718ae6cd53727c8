"""The agent under load: check_policy with durable audit, beside the same server when it has nothing to do.

The empty handlers are `ping` of the MCP route (the same HTTP layers, access checks, parsing and envelope, and no work)
and an ASGI application of three lines behind the same server settings. All are asked in turn, in short slices, so that
whatever else the machine does falls on all of them alike. Every statement that is checked is a new one.

    python -m bench.agent_load [--seconds N] [--rounds N] [--write docs/performance.md]

`--write FILE` puts the table between the marks of the file, or at its end where it has none.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import itertools
import json
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.agent.http_server import run as run_loop
from axonflow_hooks.paths import resolve_paths
from bench.timing import machine

CONNECTIONS = (1, 8, 32)
ASKED = 0.5
BEGIN, END = "<!-- figures: agent begin -->", "<!-- figures: agent end -->"
MCP_PATH = "/api/v1/mcp-server"
COMMANDS = ("ls -la src/{n} | grep main", "git log --oneline -n {n}", "pytest -q tests/unit/test_{n}.py", "rm -rf /{n}")
EMPTY = """
import asyncio, sys
import uvicorn
from axonflow_hooks.agent.http_server import run, server_config
from axonflow_hooks.agent.listening import bind

async def app(scope, receive, send):
    await receive()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})

async def ready():
    if not told:
        told.append(True)
        print(f"listening on http://127.0.0.1:{sockets[0].getsockname()[1]}", file=sys.stderr, flush=True)

told = []
sockets = bind("127.0.0.1", 0)
run(uvicorn.Server(server_config(app, None, ready)).serve(sockets=sockets))
"""

Make = Callable[[], bytes]


@dataclass(frozen=True)
class Target:
    """What is asked: a server (its port and process) and the bytes of a request, made anew for each."""

    name: str
    port: int
    process: int
    request: Make


@dataclass
class Found:
    """Requests a second, milliseconds of each, and processor time of the server in microseconds a request."""

    rates: list[float] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    def row(self) -> tuple[float, float, float, float]:
        ordered = sorted(self.times)
        return (
            statistics.median(self.rates),
            ordered[len(ordered) // 2],
            ordered[int(len(ordered) * 0.99)],
            statistics.median(self.processor),
        )


@contextmanager
def server(arguments: list[str], home: Path) -> Iterator[tuple[subprocess.Popen[str], str, float]]:
    """Run a server; give its process, its endpoint, and the milliseconds until it accepted."""
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], env={**os.environ, "HOME": str(home)}, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        for line in process.stderr:
            found = re.search(r"listening on (http://\S+)", line)
            if found:
                yield process, found[1], (time.perf_counter() - started) * 1000
                break
        else:
            raise SystemExit("The server did not start.")
    finally:
        process.terminate()
        process.communicate()


def http_request(path: str, netloc: str, message: dict[str, Any], basic: str) -> bytes:
    body = json.dumps(message).encode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {netloc}\r\nAccept: application/json\r\nAuthorization: Basic {basic}\r\n"
        f"X-Axonflow-Client: bench/1\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def targets(agent: tuple[int, str], empty: tuple[int, str], home: Path) -> list[Target]:
    credential = credential_for(resolve_paths({"HOME": str(home)}), agent[1])
    assert credential is not None
    basic = base64.b64encode(":".join(credential).encode()).decode()
    numbers = itertools.count()
    place = urlsplit(agent[1])

    def check() -> bytes:
        number = next(numbers)
        statement = COMMANDS[number % len(COMMANDS)].format(n=number)
        arguments = {"connector_type": "claude_code.Bash", "statement": statement, "operation": "execute"}
        return http_request(
            MCP_PATH, place.netloc, rpc("tools/call", {"name": "check_policy", "arguments": arguments}), basic
        )

    ping = http_request(MCP_PATH, place.netloc, rpc("ping"), basic)
    return [
        Target("empty application", urlsplit(empty[1]).port or 0, empty[0], lambda: ping),
        Target("ping", place.port or 0, agent[0], lambda: ping),
        Target("check_policy", place.port or 0, agent[0], check),
    ]


def rpc(method: str, params: dict[str, Any] | None = None) -> dict[str, Any]:
    message: dict[str, Any] = {"jsonrpc": "2.0", "id": 1, "method": method}
    return message if params is None else {**message, "params": params}


async def connection(target: Target, until: float, times: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", target.port)
    while time.perf_counter() < until:
        data = target.request()
        start = time.perf_counter()
        writer.write(data)
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        if not head.startswith(b"http/1.1 200"):
            raise SystemExit(f"{target.name}: {head!r}")
        await reader.readexactly(int(head.partition(b"content-length:")[2].partition(b"\r\n")[0]))
        times.append((time.perf_counter() - start) * 1000)
    writer.close()
    await writer.wait_closed()


async def load(target: Target, connections: int, seconds: float, found: Found) -> None:
    times: list[float] = []
    used, start = processor_s(target.process), time.perf_counter()
    await asyncio.gather(*(connection(target, start + seconds, times) for _ in range(connections)))
    took = time.perf_counter() - start
    found.rates.append(len(times) / took)
    found.times += times
    found.processor.append((processor_s(target.process) - used) / len(times) * 1e6)


def processor_s(process: int) -> float:
    """Give the processor time that a process has used (proc(5): utime and stime)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(process: int) -> float:
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20)


async def measure(chosen: list[Target], seconds: float, rounds: int) -> dict[int, dict[str, Found]]:
    found = {count: {target.name: Found() for target in chosen} for count in CONNECTIONS}
    for _ in range(rounds):
        for count in CONNECTIONS:
            for target in chosen:
                await load(target, count, seconds, found[count][target.name])
    return found


def table(found: dict[int, dict[str, Found]]) -> str:
    lines = [
        "| connections | request | requests/s | p50 ms | p99 ms | server µs/request | of ping | of empty |",
        "|--:|---|--:|--:|--:|--:|--:|--:|",
    ]
    for count, by_name in found.items():
        base, ping = by_name["empty application"].row()[0], by_name["ping"].row()[0]
        for name, one in by_name.items():
            rate, p50, p99, processor = one.row()
            lines.append(
                f"| {count} | {name} | {rate:,.0f} | {p50:.2f} | {p99:.2f} | {processor:,.0f} "
                f"| {rate / ping:.0%} | {rate / base:.0%} |"
            )
    return "\n".join(lines)


def ratios(found: dict[int, dict[str, Found]]) -> str:
    """Give a line for each number of connections: how much of the throughput of `ping` is left with all the work."""
    lines = []
    for count, by_name in found.items():
        share = by_name["check_policy"].row()[0] / by_name["ping"].row()[0]
        connections = "1 connection" if count == 1 else f"{count} connections"
        lines.append(f"- check_policy at {connections}: {share:.0%} of ping (goal: {ASKED:.0%})")
    return "\n".join(lines)


def report(seconds: float, rounds: int) -> str:
    """Measure, and give the figures as Markdown."""
    results: list[dict[int, dict[str, Found]]] = []
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        inline = "import sys; from axonflow_hooks.cli import main; sys.exit(main())"
        agent_command = ["-c", inline, "agent", "--port", "0", "--data-dir", str(home / "data")]
        with server(agent_command, home) as agent, server(["-c", EMPTY], home) as empty:
            before = memory_mb(agent[0].pid)
            chosen = targets((agent[0].pid, agent[1]), (empty[0].pid, empty[1]), home)

            async def work() -> None:
                results.append(await measure(chosen, seconds, rounds))

            run_loop(work())
            after = memory_mb(agent[0].pid)
        start_ms = agent[2]
    head = f"{rounds} slices of {seconds:g} s of each; {machine()}; the load generator runs beside the agent."
    end = f"Listening after {start_ms:.0f} ms; memory {before:.0f} MB, after the load {after:.0f} MB."
    return "\n\n".join((head, table(results[0]), ratios(results[0]), end))


def write(path: Path, text: str) -> None:
    """Put the figures between the marks of a document, or at its end."""
    document = path.read_text(encoding="utf-8")
    if BEGIN not in document:
        document = f"{document.rstrip()}\n\n## The agent under load\n\n{BEGIN}\n{END}\n"
    before, _, rest = document.partition(BEGIN)
    after = rest.partition(END)[2]
    path.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


def main() -> None:
    """Measure, print the figures, and put them into a file where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a slice")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--write", type=Path, metavar="FILE")
    given = parser.parse_args()
    text = report(given.seconds, given.rounds)
    print(text)
    if given.write:
        write(given.write, text)


if __name__ == "__main__":
    main()
