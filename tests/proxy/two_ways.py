"""One proxy in this process whose calls go the way that a test chooses, and all that its neighbours see of them."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import sys
import threading
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.assembly import assemble
from axonflow_hooks.proxy.backend_map import load_backends
from axonflow_hooks.proxy.client_link import ClientLink
from axonflow_hooks.proxy.diagnostics import Diagnostics
from axonflow_hooks.proxy.settings import load_proxy_settings
from axonflow_hooks.proxy.straight_call import StraightCall
from axonflow_hooks.wire.decide import CHECK_INPUT_PATH
from tests.proxy.conftest import DEADLINE_S, PROGRAM

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping

    import pytest

    from axonflow_hooks.proxy.governed import Begun
    from axonflow_hooks.proxy.plain_messages import PlainCall
    from tests.conftest import Received, Reply
    from tests.proxy.conftest import Agent, World

HOSTILE: Final = Path(__file__).with_name("hostile_program.py")
# A backend that keeps each line that it is sent, whatever program it is.
KEEPING: Final = """
import runpy, sys
program, folder = sys.argv[1:3]
sys.argv.pop(0)
def heard():
    with open(f"{folder}/heard.txt", "a") as kept:
        for line in sys.__stdin__:
            kept.write(line)
            kept.flush()
            yield line
sys.stdin = heard()
runpy.run_path(program, run_name="__main__")
"""
OFTEN_OTHER: Final = ("timestamp", "duration_ms", "prev_hash", "hash")
"""What two rows about the same do not have in common."""
_ENDED: Final = re.compile(r"its process ended \(status -?\d+\)|it closed its output")
_TRACE: Final = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-01")
_PROBED: Final = re.compile(r"axonflow-no-such-tool-[0-9a-f]{16}")
CLIENT_TRACE: Final = "b" * 32


@dataclass(slots=True)
class Seen:
    """What some calls were for each of the proxy's neighbours, and what they have left behind in it."""

    client: list[str] = field(default_factory=list)
    agent: list[Any] = field(default_factory=list)
    backend: list[Any] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    said: list[Any] = field(default_factory=list)
    left: dict[str, Any] = field(default_factory=dict)


@dataclass
class Proxy:
    """A proxy with the tests' agent and one or more backends; `straight` lets its calls take the straight way.

    `ends` tells of each call that the client made where the straight way ended: "" before it began, then decision,
    backend or check, "whole" when it led to the client's answer.
    """

    world: World
    agent: Agent
    straight: bool
    shown: list[str] = field(default_factory=list)
    ends: dict[Any, str] = field(default_factory=dict)
    asked: list[Any] = field(default_factory=list)
    _last: int = 100
    _since: tuple[int, int] = (0, 0)
    _kept: list[str] = field(default_factory=list)
    _held: list[threading.Event] = field(default_factory=list)

    async def open(self, backends: list[dict[str, Any]], settings: dict[str, str]) -> None:
        """Start it, and shake hands as a client does."""
        environ = self.world.environ(*backends, **settings)
        loaded = load_proxy_settings(environ)
        self._stderr = os.open(self.world.home / "stderr.txt", os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600)
        self._diagnostics = Diagnostics(self._stderr)
        self.assembly = assemble(loaded, environ, self._diagnostics)
        self.assembly.pdp.breaker.clock = lambda: 1000.0  # so that what is told of pauses is the same
        router = self.assembly.router
        started = router.shortcut
        assert started is not None

        def shortcut(plain: PlainCall, key: Any) -> Any:
            running = started(plain, key)
            self.ends[plain.identifier] = "" if running is None else "whole"
            return running

        router.shortcut = shortcut if self.straight else None
        router.starting = lambda given: self.assembly.start_backends(load_backends(loaded), environ, given)
        read_fd, client_fd = os.pipe()
        output, write_fd = os.pipe()
        self.link = router.link = ClientLink(router, read_fd=read_fd, write_fd=write_fd)
        await self.link.open(b"")
        self._reader = asyncio.StreamReader(limit=2**24)
        loop = asyncio.get_running_loop()
        self._input, _ = await loop.connect_write_pipe(asyncio.BaseProtocol, os.fdopen(client_fd, "wb", 0))
        self._output, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(self._reader), os.fdopen(output, "rb", 0)
        )
        about = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "test", "version": "1"}}
        await self.request("initialize", about)
        self.write('{"jsonrpc":"2.0","method":"notifications/initialized"}')

    async def warm(self, tool: str) -> None:
        """Make it know the tools, and have a connection to the agent that is free; what was seen so far is over."""
        await self.request("tools/list", {})
        assert "result" in await self.call(tool, {"text": "warm"})
        await self.request("ping", {})
        self.shown.clear()
        self.ends.clear()
        self.asked.clear()
        self._since = len(self.agent.server.requests), len(self.world.rows())
        for path in self._heard():
            os.truncate(path, 0)
        for host in self.assembly.fleet.hosts():
            assert host.session is not None
            host.session.served = False

    def _heard(self) -> list[Path]:
        return sorted(self.world.folder.glob("*/heard.txt"))

    def write(self, *lines: str) -> None:
        """Send lines of the client, in one piece."""
        self._input.write("".join(f"{line}\n" for line in lines).encode())

    def ask(self, method: str, params: Any, identifier: Any = None) -> Any:
        """Send a request, its params as a value or as JSON text, and give its id."""
        if identifier is None:
            self._last += 1
            identifier = self._last
        self.asked.append(identifier)
        text = params if isinstance(params, str) else json.dumps(params)
        self.write(f'{{"jsonrpc":"2.0","id":{json.dumps(identifier)},"method":"{method}","params":{text}}}')
        return identifier

    async def request(self, method: str, params: Any) -> dict[str, Any]:
        """Send a request and give its answer."""
        return await self.answer(self.ask(method, params))

    async def call(self, tool: str, arguments: Any, **more: Any) -> dict[str, Any]:
        """Call a tool and give the answer."""
        return await self.request("tools/call", {"name": tool, "arguments": arguments, **more})

    async def answer(self, identifier: Any) -> dict[str, Any]:
        """Give the answer to a request, or to one whose id could not be read."""
        while True:
            for line in self._kept:
                message: dict[str, Any] = json.loads(line)
                if message.get("id", "") in {identifier, None} and "method" not in message:
                    self._kept.remove(line)
                    return message
            line = (await asyncio.wait_for(self._reader.readline(), DEADLINE_S)).decode("utf-8", "surrogatepass")
            assert line, f"the proxy has ended; {self.said()}"
            self.shown.append(line)
            self._kept.append(line)

    def cancel(self, identifier: Any) -> None:
        """Tell the proxy that nobody waits for a request any more."""
        params = json.dumps({"requestId": identifier, "reason": "enough"})
        self.write(f'{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{params}}}')

    async def until(self, condition: Callable[[], Any]) -> None:
        """Wait until a condition holds."""
        last = time.monotonic() + DEADLINE_S
        while not condition():
            assert time.monotonic() < last, "the condition never held"
            await asyncio.sleep(0.005)

    async def outcomes(self, count: int) -> None:
        """Wait until so many calls after the first have come to their end."""
        await self.until(lambda: len(self.world.rows("outcome")) > count)

    def hold(self, path: str) -> tuple[threading.Event, threading.Event]:
        """Let the agent hold back its next answer: gives what tells that it was asked, and what lets it go on."""
        asked, go = threading.Event(), threading.Event()
        self._held.append(go)

        def before(request: Received) -> Reply | None:
            if request.path == path and not asked.is_set():
                asked.set()
                go.wait(DEADLINE_S)
            return None

        self.agent.before = before
        return asked, go

    @contextlib.contextmanager
    def unwritable(self) -> Iterator[None]:
        """Let nothing be written to the audit file."""
        file = self.assembly.audit_file
        assert file is not None
        kept, file._descriptor = file._descriptor, os.open(file.path, os.O_RDONLY)
        try:
            yield
        finally:
            os.close(file._descriptor)
            file._descriptor = kept

    def said(self) -> list[Any]:
        """Give the audit rows on stderr, and what is no one's business to say: internal errors."""
        lines = (self.world.home / "stderr.txt").read_text().splitlines()
        rows = [json.loads(line.partition("audit ")[2]) for line in lines if line.startswith("[AxonFlow] audit ")]
        return rows + [line for line in lines if "internal error" in line or "Traceback" in line]

    async def close(self) -> Seen:
        """End it, and give what was seen since it was warm."""
        requests, rows = self._since
        left = self._left()
        await self.assembly.router.settle(0.0, asyncio.Event())
        for go in self._held:
            go.set()
        await self.assembly.aclose()
        await self.link.aclose()
        self._diagnostics.close(DEADLINE_S)
        self._output.close()
        self._input.close()
        os.close(self._stderr)
        call_ids: dict[str, int] = {}
        said: dict[str, int] = {}  # it is written late, so what was said when warm is among it
        heard = [line for path in self._heard() for line in path.read_text().splitlines()]
        return Seen(
            client=[_ENDED.sub("it was lost", line) for line in self.shown],
            agent=_questions(self.agent.server.requests[requests:]),
            backend=_messages(heard),
            rows=[_row(row, call_ids) for row in self.world.rows()[rows:]],
            said=[_row(row, said) if isinstance(row, dict) else row for row in self.said()],
            left=left,
        )

    def _left(self) -> dict[str, Any]:
        assembly = self.assembly
        link: Any = assembly.pdp.link
        sessions = [catalogue.host.session for catalogue in assembly.fleet.catalogues.values()]
        breaker = assembly.pdp.breaker
        return {
            "running": len(assembly.router._running),
            "tokens": sorted(map(str, assembly.routes.tokens)),
            "waiting": [len(session._waiting) + len(session._by_token) for session in sessions if session is not None],
            "served": [session.served for session in sessions if session is not None],
            "breaker": (breaker._failures, breaker._limited_until, breaker._closed_until, breaker._probing),
            "connections": (link._free, len(link._queue)),
        }


def _questions(requests: list[Received]) -> list[Any]:
    """Give what the agent was asked in order; texts are masked at the same time, in any order."""
    asked = itertools.groupby(map(_question, requests), key=lambda question: question[0])
    return [
        question
        for path, group in asked
        for question in (sorted(group, key=repr) if path == CHECK_INPUT_PATH else group)
    ]


def _question(request: Received) -> Any:
    headers = {name: value for name, value in request.headers.items() if name != "traceparent"}
    trace = _TRACE.fullmatch(request.headers.get("traceparent", ""))
    of_client = trace is not None and trace[1] == CLIENT_TRACE
    return request.path, headers, (trace is not None, of_client), request.content


def _messages(lines: list[str]) -> list[Any]:
    """Give what a backend was sent, with its requests numbered anew: an id that was not used is no difference."""
    numbers: dict[Any, int] = {}
    found = []
    for sent in lines:
        line = _PROBED.sub("no-such-tool", sent)
        message = json.loads(line)
        if "id" in message:
            message["id"] = numbers.setdefault(message["id"], len(numbers))
            line = line.replace(f'"id":{json.loads(line)["id"]},', "", 1)
        elif message["method"] == "notifications/cancelled":
            line = str(numbers.get(message["params"].pop("requestId")))
        found.append((message, line))
    return found


def _row(row: dict[str, Any], call_ids: dict[str, int]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in OFTEN_OTHER}
    return {**kept, "call_id": call_ids.setdefault(row["call_id"], len(call_ids))}


@dataclass(frozen=True)
class Scenario:
    """One call or several, and what the agent does; `ends` is how far the first one comes on the straight way.

    `replies` are the agent's by path instead of its own, `params` the text of the call's params where its form counts.
    """

    ends: str
    tool: str = "echo"
    arguments: Any = field(default_factory=lambda: {"text": "x"})
    meta: Any = None
    params: str = ""
    replies: Mapping[str, Reply] = field(default_factory=dict)
    obliges: tuple[Any, ...] = ()
    play: Callable[[Proxy], Awaitable[None]] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    backend: Mapping[str, Any] = field(default_factory=dict)
    backends: tuple[str, ...] = ("one",)
    hostile: bool = False

    def sent(self) -> Any:
        """Give the params of its call."""
        return self.params or {
            **({"_meta": self.meta} if self.meta is not None else {}),
            "name": self.tool,
            "arguments": self.arguments,
        }


def _place(begun: Begun) -> str:
    if begun.decision is None:
        return "decision"
    return "backend" if begun.reply is None else "check"


def _noted_places(monkeypatch: pytest.MonkeyPatch) -> dict[Any, str]:
    """Give where each call leaves the straight way, by its id."""
    left: dict[Any, str] = {}
    hand_over = StraightCall.hand_over

    def handed_over(call: StraightCall) -> asyncio.Task[None]:
        left[call.plain.identifier] = _place(call.begun)
        return hand_over(call)

    monkeypatch.setattr(StraightCall, "hand_over", handed_over)
    return left


async def _play(proxy: Proxy, scenario: Scenario) -> Seen:
    world, several = proxy.world, len(scenario.backends) > 1
    described = []
    for name in scenario.backends:
        program = str(HOSTILE if scenario.hostile else PROGRAM)
        (world.folder / name).mkdir(parents=True)
        arguments = ["-c", KEEPING, program, str(world.folder / name)]
        described.append({"id": name, "command": sys.executable, "args": arguments, **scenario.backend})
    await proxy.open(described, dict(scenario.settings))
    plain = ("one__" if several else "") + ("say" if scenario.hostile else "echo")
    await proxy.warm(plain)
    agent = proxy.agent
    agent.obligations = list(scenario.obliges)
    agent.before = lambda request: scenario.replies.get(request.path)
    if scenario.play is not None:
        await scenario.play(proxy)
    else:
        await proxy.request("tools/call", scenario.sent())
    agent.before, agent.obligations = (lambda _: None), []
    await proxy.call(plain, {"text": "after"})
    await proxy.request("ping", {})
    return await proxy.close()


def both_ways(
    world: World, agent: Agent, scenario: Scenario, monkeypatch: pytest.MonkeyPatch
) -> tuple[Seen, Seen, str]:
    """Give what is seen of a scenario in a task and on the straight way, and where its first call leaves that."""
    left = _noted_places(monkeypatch)
    seen, ends = [], ""
    for straight in (False, True):
        name = "straight" if straight else "general"
        own = replace(world, home=world.home / name, folder=world.folder / name)
        own.home.mkdir()
        agent.approved.clear()
        proxy = Proxy(own, agent, straight)
        left.clear()
        seen.append(asyncio.run(_play(proxy, scenario)))
        first = proxy.asked[0]
        ends = left.get(first, proxy.ends.get(first, ""))
        assert straight or not (left or proxy.ends)
    return seen[0], seen[1], ends
