"""What the governance proxy costs: direct and through it, interleaved in one run, written as Markdown tables.

`--write FILE` puts the tables between the marks of docs/performance.md. Two agents decide: a stand-in that answers at
once, which shows what the proxy itself takes, and the embedded one. What "added" means: the proxy's time, less the time
of the direct backend, less the time of the agent's two answers to the requests that the proxy sends, as a blocking
socket gets them: what it takes an event loop to wake for them is the proxy's. Each of these is measured alone, again
and again, with all that it needs in the processor's caches; "beyond the same steps" takes off what a client needs that
goes to the agent, the backend and the agent itself, in turn, as the proxy does. `--against TREE` measures the proxy of
another working copy along with this one.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.paths import resolve_paths
from bench.timing import Case, Times, machine, table, timed
from devtools.live import ROOT, clean_environment, running_agent

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

START = Path("axonflow_hooks") / "proxy" / "start.py"
BACKEND = [sys.executable, str(ROOT / "bench" / "quick_backend.py")]
AGENT = [sys.executable, str(ROOT / "bench" / "quick_agent.py")]
IN_FLIGHT = (1, 8, 32)
BLOCK = 25
BEGIN, END = "<!-- figures: proxy begin -->", "<!-- figures: proxy end -->"
FIRST_OF_PEERS, FIRST_OF_REPLAYS = 10_000_000, 50_000_000
"""Of the numbers of eight digits that make each call one that its agent has not judged before."""
DECIDE, CHECK = "/api/v1/decide", "/api/v1/mcp/check-output"
INITIALIZE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "bench", "version": "1"}}


def message(method: str, params: object, identifier: int | None) -> bytes:
    """Give a line with a request, or without an identifier a notification."""
    known = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(known if identifier is None else {**known, "id": identifier}).encode() + b"\n"


@dataclass
class Peer:
    """An MCP server on pipes, shaken hands with."""

    name: str
    process: subprocess.Popen[bytes]
    _last: int = 0
    _pending: bytes = b""

    def shake_hands(self) -> None:
        self._answer(message("initialize", INITIALIZE, 0))
        self._send(message("notifications/initialized", {}, None))
        self._answer(message("tools/list", {}, 0))
        self.call()

    def call(self) -> None:
        """Call the tool and wait for its answer."""
        answer = self._answer(self._next())
        if b'"result"' not in answer:
            raise RuntimeError(f"{self.name} answered {answer!r}")

    def many(self, count: int, at_once: int) -> float:
        """Make `count` calls, `at_once` of them in flight, and give the seconds it took."""
        begun = time.perf_counter()
        self._send(b"".join(self._next() for _ in range(min(at_once, count))))
        sent, answered = min(at_once, count), 0
        while answered < count:
            data = os.read(self._out, 1 << 16)
            if not data or b'"error"' in data:
                raise RuntimeError(f"{self.name} answered {data!r}")
            got = data.count(b"\n")
            answered += got
            more = min(got, count - sent)
            if more:
                self._send(b"".join(self._next() for _ in range(more)))
                sent += more
        return time.perf_counter() - begun

    def cpu_s(self) -> float:
        """Give the seconds of CPU time the process has used."""
        tasks = Path(f"/proc/{self.process.pid}/task").glob("*/schedstat")
        return sum(int(task.read_text(encoding="ascii").split()[0]) for task in tasks) / 1e9

    @property
    def _out(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def _next(self) -> bytes:
        self._last += 1
        arguments = {"name": "Example", "limit": 3, "note": f"customers of region {FIRST_OF_PEERS + self._last}"}
        return message("tools/call", {"name": "lookup", "arguments": arguments}, self._last)

    def _send(self, data: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(data)
        self.process.stdin.flush()

    def _answer(self, line: bytes) -> bytes:
        self._send(line)
        while b'"id"' not in self._pending or not self._pending.endswith(b"\n"):
            data = os.read(self._out, 1 << 16)
            if not data:
                raise RuntimeError(f"{self.name} has ended")
            self._pending += data
        answer, self._pending = self._pending, b""
        return answer


@dataclass
class Replay:
    """The two requests of a call, sent to an agent over a kept connection as the proxy has sent them."""

    endpoint: str
    decide: bytes
    check: bytes
    _socket: socket.socket = field(init=False)
    _last: int = FIRST_OF_REPLAYS

    def __post_init__(self) -> None:
        parts = urlsplit(self.endpoint)
        self._socket = socket.create_connection((parts.hostname or "", parts.port or 80))
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        host = f"Host: {parts.netloc}".encode()
        self.decide, self.check = (re.sub(rb"Host: [^\r]*", host, text, count=1) for text in (self.decide, self.check))

    def both(self) -> None:
        """Get both answers, one after the other."""
        self.around(lambda: None)

    def around(self, call: Callable[[], None]) -> None:
        """Get the decision, make the call, and have its result checked."""
        self._last += 1
        self._answer(re.sub(rb"region \d{8}", b"region %d" % self._last, self.decide, count=1))
        call()
        self._answer(self.check)

    def _answer(self, request: bytes) -> None:
        self._socket.sendall(request)
        data = b""
        while True:
            data += self._socket.recv(1 << 16)
            head, mark, rest = data.partition(b"\r\n\r\n")
            length = re.search(rb"(?i)content-length: *(\d+)", head)
            if mark and length and len(rest) >= int(length.group(1)):
                break
        if b" 200 " not in data[:20]:
            raise RuntimeError(f"the agent answered {data!r}")


@contextlib.contextmanager
def started(name: str, command: list[str], environ: dict[str, str]) -> Iterator[Peer]:
    """Start an MCP server for the length of a `with` block."""
    with subprocess.Popen(
        command, env=environ, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    ) as process:
        try:
            peer = Peer(name, process)
            peer.shake_hands()
            yield peer
        finally:
            process.kill()


@contextlib.contextmanager
def quick_agent() -> Iterator[str]:
    """Run the stand-in and give its endpoint."""
    with subprocess.Popen(AGENT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.kill()


@dataclass
class Site:
    """A home for the proxies of this run; `credential` is the embedded agent's."""

    home: Path
    credential: tuple[str, str]

    def environ(self, endpoint: str) -> dict[str, str]:
        return {
            **clean_environment(self.home),
            "AXONFLOW_ENDPOINT": endpoint,
            "AXONFLOW_CLIENT_ID": self.credential[0],
            "AXONFLOW_CLIENT_SECRET": self.credential[1],
            "AXONFLOW_BACKENDS": json.dumps([{"id": "quick", "command": BACKEND[0], "args": BACKEND[1:]}]),
            "AXONFLOW_AUDIT_LOG": str(self.home / "audit.jsonl"),
        }

    def proxy(self, name: str, endpoint: str, tree: Path = ROOT) -> contextlib.AbstractContextManager[Peer]:
        # An installed working copy would come before the script's own.
        first = f"import runpy, sys; sys.path.insert(0, {str(tree)!r})"
        run = f"runpy.run_path({str(tree / START)!r}, run_name='__main__')"
        return started(name, [sys.executable, "-I", "-c", f"{first}; {run}"], self.environ(endpoint))


def seen_requests(endpoint: str) -> tuple[bytes, bytes]:
    """Give the requests that the proxy has made for its last call, to decide and to check."""
    with urllib.request.urlopen(f"{endpoint}/seen") as answer:  # its own loopback address
        seen = json.load(answer)
    return base64.b64decode(seen[DECIDE]), base64.b64decode(seen[CHECK])


def measure_blocks(cases: list[Case], rounds: int) -> dict[str, Times]:
    """Time every case in turn, `BLOCK` calls at a stretch: after a pause all processes are cold, and that adds up."""
    values: dict[str, list[float]] = {case.name: [] for case in cases}
    for turn in range(-2, rounds):
        for case in cases:
            took = [timed(case.run) for _ in range(BLOCK)]
            if turn >= 0:
                values[case.name] += took
    return {name: Times(tuple(found)) for name, found in values.items()}


def latency_table(times: dict[str, Times]) -> str:
    """Give the table of single calls, with what the proxy adds."""
    lines = [
        "| one call at a time | p50 ms | p95 ms | added p50 | added p95 | beyond the same steps: p50 | p95 |",
        "|---|--:|--:|--:|--:|--:|--:|",
    ]
    direct = times["direct backend"]
    for name, found in times.items():
        cells = " |  |  | "
        agent = name.partition(", ")[2]
        if "proxy, " in name:
            two, steps = times[f"two answers of the {agent}"], times[f"the same steps without it, {agent}"]
            p50, p95 = found.p50 - direct.p50 - two.p50, found.p95 - direct.p95 - two.p95
            cells = f"{p50:.2f} | {p95:.2f} | {found.p50 - steps.p50:.2f} | {found.p95 - steps.p95:.2f}"
        lines.append(f"| {name} | {found.p50:.3f} | {found.p95:.3f} | {cells} |")
    return "\n".join(lines)


def throughput_table(peers: list[Peer], rounds: int, calls: int) -> str:
    """Give the table of calls a second, and what a call takes of the proxy's CPU."""
    best: dict[tuple[str, int], float] = {}
    cpu: dict[tuple[str, int], float] = {}
    for _ in range(rounds):
        for at_once in IN_FLIGHT:
            for peer in peers:
                before = peer.cpu_s()
                took = peer.many(calls, at_once)
                key = (peer.name, at_once)
                best[key] = max(best.get(key, 0.0), calls / took)
                cpu[key] = min(cpu.get(key, 1e9), (peer.cpu_s() - before) / calls)
    head = " | ".join(f"{at_once} in flight" for at_once in IN_FLIGHT)
    lines = [f"| calls a second (CPU µs a call) | {head} |", "|---|--:|--:|--:|"]
    for peer in peers:
        cells = " | ".join(f"{best[peer.name, n]:,.0f} ({cpu[peer.name, n] * 1e6:.0f})" for n in IN_FLIGHT)
        lines.append(f"| {peer.name} | {cells} |")
    return "\n".join(lines)


def start_up(environ: dict[str, str], rounds: int) -> str:
    """Give the table of start-ups: a bare interpreter, and the proxy until `initialize` is answered."""
    bare, proxy = "`python3 -I -c pass`", "proxy, to answered `initialize`"
    values: dict[str, list[float]] = {bare: [], proxy: []}
    for turn in range(-3, rounds):
        took = timed(lambda: subprocess.run([sys.executable, "-I", "-c", "pass"], env=environ, check=True))
        answered = until_answer(environ)
        if turn >= 0:
            values[bare].append(took)
            values[proxy].append(answered)
    times = {name: Times(tuple(found)) for name, found in values.items()}
    return table("start-up", times, bare)


def until_answer(environ: dict[str, str]) -> float:
    """Give the milliseconds from a proxy's start to its answer to `initialize`."""
    begun = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-I", str(ROOT / START)],
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(message("initialize", INITIALIZE, 0))
        process.stdin.flush()
        if b'"result"' not in process.stdout.readline():
            raise RuntimeError("the proxy did not answer")
        took = (time.perf_counter() - begun) * 1000
        process.kill()
    return took


def report(rounds: int, calls: int, against: Path | None) -> str:
    """Measure everything and give the tables."""
    with contextlib.ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "home"
        home.mkdir()
        embedded = stack.enter_context(running_agent(clean_environment(home)))
        credential = credential_for(resolve_paths(clean_environment(home)), embedded)
        assert credential, "the agent has created no credential"
        # Its own credential goes to the agent only; the quick agent gets that of an added client.
        made = httpx.post(
            f"{embedded}/api/v1/agent/clients", json={"name": "bench"}, auth=credential, timeout=30
        ).json()
        credential = made["client_id"], made["client_secret"]
        quick = stack.enter_context(quick_agent())
        site = Site(home, credential)
        direct = stack.enter_context(started("direct backend", BACKEND, clean_environment(home)))
        fast = stack.enter_context(site.proxy("proxy, quick agent", quick))
        real = stack.enter_context(site.proxy("proxy, embedded agent", embedded))
        seen = seen_requests(quick)
        of_quick, of_embedded = Replay(quick, *seen), Replay(embedded, *seen)
        cases = [
            Case("direct backend", call=direct.call),
            Case("two answers of the quick agent", call=of_quick.both),
            Case("the same steps without it, quick agent", call=lambda: of_quick.around(direct.call)),
            Case("proxy, quick agent", call=fast.call),
            Case("two answers of the embedded agent", call=of_embedded.both),
            Case("the same steps without it, embedded agent", call=lambda: of_embedded.around(direct.call)),
            Case("proxy, embedded agent", call=real.call),
        ]
        peers = [direct, fast, real]
        if against is not None:
            other = stack.enter_context(site.proxy("other proxy, quick agent", quick, against))
            cases.append(Case(other.name, call=other.call))
            peers.append(other)
        times = measure_blocks(cases, rounds)
        throughput = throughput_table(peers, 3, calls)
        start = start_up(site.environ(quick), min(rounds, 60))
    head = f"{rounds} rounds of {BLOCK} calls of each; {machine()}. Audit file on, one text in the result."
    return "\n\n".join((head, latency_table(times), throughput, start))


def main() -> None:
    """Measure, print the tables, and put them into a file where asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=60, help=f"of {BLOCK} calls of each case")
    parser.add_argument("--calls", type=int, default=3000, help="calls of each throughput measurement")
    parser.add_argument("--against", type=Path, metavar="TREE", help="another working copy to measure along")
    parser.add_argument("--write", type=Path)
    arguments = parser.parse_args()
    text = report(arguments.rounds, arguments.calls, arguments.against and arguments.against.resolve())
    print(text)
    if arguments.write:
        document = arguments.write.read_text(encoding="utf-8")
        before, _, rest = document.partition(BEGIN)
        after = rest.partition(END)[2]
        arguments.write.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{after}", encoding="utf-8")


if __name__ == "__main__":
    main()
