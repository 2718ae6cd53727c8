"""The bounds on what others may make the proxy hold, do or wait for: small here, at the part each guards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy import backend, backend_side, catalogue, client_link, request_plane, router, rpc
from axonflow_hooks.proxy.assembly import assemble
from axonflow_hooks.proxy.backend_map import load_backends
from axonflow_hooks.proxy.catalogue import TOOLS
from axonflow_hooks.proxy.client_link import ClientLink
from axonflow_hooks.proxy.exact_json import Member
from axonflow_hooks.proxy.pdp import Target
from axonflow_hooks.proxy.refusals import METHOD_NOT_FOUND, UNAVAILABLE, Refusal
from axonflow_hooks.proxy.request_plane import RequestPlane
from axonflow_hooks.proxy.router import Router
from axonflow_hooks.proxy.rpc import Session, TimedOut
from axonflow_hooks.proxy.settings import load_proxy_settings
from axonflow_hooks.proxy.verdicts import Decision
from tests.proxy.conftest import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine

    from axonflow_hooks.proxy.assembly import Assembly
    from tests.proxy.conftest import World


def _run(work: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(work, DEADLINE_S)

    asyncio.run(bounded())


async def _until(condition: Callable[[], Any]) -> None:
    """Wait for a condition; that of `_run` is the deadline."""
    while not condition():
        await asyncio.sleep(0.005)


@dataclass
class _Said:
    """Stands for the diagnostics: keeps what is said."""

    lines: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    line = say


@dataclass
class _Client:
    """Stands for the link to the client: keeps what it is sent, and whether it is paused."""

    messages: list[Any] = field(default_factory=list)
    paused: list[bool] = field(default_factory=list)

    def send(self, message: str) -> None:
        self.messages.append(json.loads(message))

    def unread(self) -> int:
        return 0

    def pause(self) -> None:
        self.paused.append(True)

    def resume(self) -> None:
        self.paused.append(False)


@contextlib.asynccontextmanager
async def _started(world: World, *backends: Any) -> AsyncIterator[tuple[Assembly, _Client, _Said]]:
    """Give the parts of a proxy in this process, with its backends started."""
    environ = world.environ(*backends)
    settings, said, client = load_proxy_settings(environ), _Said(), _Client()
    assembly = assemble(settings, environ, said)  # type: ignore[arg-type]
    assembly.router.link, assembly.router.shaken = client, True  # type: ignore[assignment]
    try:
        assembly.start_backends(load_backends(settings), environ, {"sampling": {}})
        yield assembly, client, said
    finally:
        await assembly.aclose()


@pytest.mark.parametrize(
    ("bound", "count"),
    [
        pytest.param("MAX_PAGES", 3, id="pages"),
        pytest.param("MAX_ITEMS", 4, id="items"),
    ],
)
def test_lists_end(world: World, monkeypatch: pytest.MonkeyPatch, bound: str, count: int) -> None:
    monkeypatch.setattr(catalogue, bound, 3)

    async def load() -> None:
        async with _started(world, world.backend("one", "page=1")) as (assembly, _, _):
            (host,) = assembly.fleet.hosts()
            await _until(lambda: host.session)
            items = await assembly.fleet.catalogues["one"].items(TOOLS)
            assert len(items) == count

    _run(load())


def test_handshake_has_an_end_and_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend, "HANDSHAKE_S", 0.2)
    gate = world.folder / "open"

    async def start() -> None:
        async with _started(world, world.backend("one", f"gate={gate}")) as (assembly, _, said):
            (host,) = assembly.fleet.hosts()
            await _until(lambda: "did not answer initialize within 0.2 s" in host.problem)
            assert host.session is None
            assert [line for line in said.lines if "it did not answer initialize" in line]
            monkeypatch.setattr(backend, "HANDSHAKE_S", DEADLINE_S)
            gate.touch()
            await _until(lambda: host.session)

    _run(start())


def test_notices_wait_in_bounds_and_then_drop(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_side, "MAX_NOTICES", 3)

    def log(text: str) -> Member:
        params = {"level": "info", "data": text}
        return Member(params, json.dumps(params))

    async def flood() -> None:
        async with _started(world, world.backend("one")) as (assembly, client, said):
            (host,) = assembly.fleet.hosts()
            await _until(lambda: host.session)
            for number in range(10):
                host.listener.on_notification(host.session, "notifications/message", log(str(number)))  # type: ignore[arg-type]
            await _until(lambda: len(client.messages) == 3)
            host.listener.on_notification(host.session, "notifications/message", log("later"))  # type: ignore[arg-type]
            await _until(lambda: len(client.messages) == 4)
            assert [message["params"]["data"] for message in client.messages] == ["0", "1", "2", "later"]
            assert len([line for line in said.lines if "too many wait" in line]) == 7

    _run(flood())


def test_questions_to_the_client_wait_in_bounds(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_side, "MAX_REQUESTS", 2)
    question = Member({"messages": []}, '{"messages":[]}')

    async def flood() -> None:
        async with _started(world, world.backend("one")) as (assembly, client, _):
            (side,) = assembly._sides
            wire = _Wire()
            session = Session(side, lambda _: None, wire)
            for number in range(5):
                side.on_request(session, str(number), "sampling/createMessage", question)
            await _until(lambda: len(client.messages) == 2 and len(wire.sent) == 3)
            assert [message["method"] for message in client.messages] == ["sampling/createMessage"] * 2
            assert [(answer["id"], answer["error"]["code"]) for answer in wire.sent] == [
                (number, METHOD_NOT_FOUND) for number in (2, 3, 4)
            ]
            answered = {"jsonrpc": "2.0", "id": client.messages[0]["id"], "result": {"role": "assistant"}}
            assembly.router.take(json.dumps(answered).encode())
            await _until(lambda: len(side._asking) == 1)
            assert (wire.sent[-1]["id"], wire.sent[-1]["result"]) == (0, {"role": "assistant"})
            side.on_request(session, "5", "sampling/createMessage", question)
            await _until(lambda: len(client.messages) == 3)

    _run(flood())


def test_waiting_for_the_person_does_not_count_against_a_call(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    asking = '{"name":"ask","arguments":{"method":"sampling/createMessage","params":{"messages":[]}}}'

    async def call() -> None:
        async with _started(world, world.backend("one", timeout="20s")) as (assembly, client, _):
            (host,) = assembly.fleet.hosts()
            await _until(lambda: host.session)
            assert host.session is not None
            asked = asyncio.ensure_future(host.request("tools/call", asking, repeatable=False))
            await _until(lambda: client.messages)
            (waiting,) = host.session._waiting.values()
            loop = asyncio.get_running_loop()
            now = loop.time
            monkeypatch.setattr(loop, "time", lambda: now() + 20.0)
            await _until(lambda: waiting.turns)  # its time was over, and begins anew
            assert not asked.done()
            answer = {"jsonrpc": "2.0", "id": client.messages[0]["id"], "result": {"role": "assistant"}}
            assembly.router.take(json.dumps(answer).encode())
            assert (await asked).result is not None

    _run(call())


@pytest.mark.parametrize("how", ["progress", "waits for the person"])
def test_calls_are_not_prolonged_for_ever(monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    monkeypatch.setattr(rpc, "MAX_PROLONGED", 3)
    report = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}'

    async def call() -> None:
        wire = _Wire()
        session = Session(wire, lambda _: None, wire)
        session.busy_with_client = 0 if how == "progress" else 1
        waiting = session.prepare("tools/call", "{}", timeout_s=0.01, token="t")
        assert session.begin(waiting)
        asked = asyncio.ensure_future(session.request("tools/call", "{}", timeout_s=0.01, token="t", begun=waiting))
        while not asked.done():
            if how == "progress":
                session.receive(report)
            await asyncio.sleep(0)  # in each turn of the loop, so that a report comes before time is looked at
        with pytest.raises(TimedOut):
            await asked
        assert waiting.turns == 3

    _run(call())


@dataclass
class _Wire:
    """A transport that takes everything, and a listener that does nothing."""

    sent: list[Any] = field(default_factory=list)

    async def send(self, message: str, request_id: int | None) -> None:
        self.sent.append(json.loads(message))

    def send_now(self, line: bytes) -> bool:
        return True

    def forget(self, request_id: int) -> None:
        """Nothing is kept."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def on_request(self, session: Session, raw_id: str, method: str, params: Member | None) -> None:
        """Nothing is answered."""

    def on_notification(self, session: Session, method: str, params: Member | None) -> None:
        """Nothing is done."""


def test_requests_that_run_pause_the_client_in_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(router, "MAX_RUNNING", 3)

    async def requests() -> None:
        doors = [asyncio.Event() for _ in range(4)]
        taken = iter(doors)

        async def wait(_: Member | None) -> str:
            await next(taken).wait()
            return "{}"

        client = _Client()
        busy = Router(_Said(), starting=lambda _: None, routes={"wait": wait})  # type: ignore[arg-type]
        busy.link, busy.shaken = client, True  # type: ignore[assignment]

        def ask(identifier: int) -> None:
            busy.take(f'{{"jsonrpc":"2.0","id":{identifier},"method":"wait"}}'.encode())

        ask(0)
        ask(1)
        assert client.paused == []
        ask(2)
        assert client.paused == [True]
        await asyncio.sleep(0)
        doors[0].set()
        await _until(lambda: client.messages)
        assert client.paused == [True, False]
        ask(3)
        assert client.paused == [True, False, True]
        for door in doors:
            door.set()
        await _until(lambda: len(client.messages) == 4)
        assert client.paused == [True, False, True, False]

    _run(requests())


@dataclass
class _Taker:
    lines: list[bytes] = field(default_factory=list)

    def take(self, line: bytes) -> None:
        self.lines.append(line)

    def take_end(self, reason: str) -> None:
        """Nobody waits for it."""

    def take_too_long(self, limit: int) -> None:
        """Nothing is too long."""


def test_client_that_does_not_read_is_not_read_from(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_link, "MAX_UNREAD_BYTES", 1_000)
    answer = "x" * 400_000  # more than a pipe holds

    async def talk() -> None:
        taker, (theirs_in, ours_out), (ours_in, theirs_out) = _Taker(), os.pipe(), os.pipe()
        link = ClientLink(taker, read_fd=ours_in, write_fd=ours_out)
        pause, paused = link.pause, asyncio.Event()

        def pause_and_tell() -> None:
            pause()
            paused.set()

        monkeypatch.setattr(link, "pause", pause_and_tell)
        await link.open(b"")
        os.write(theirs_out, b"first\n")
        await _until(lambda: taker.lines == [b"first"])
        link.send(answer)
        await paused.wait()
        os.write(theirs_out, b"second\n")
        for _ in range(50):
            await asyncio.sleep(0)
        assert taker.lines == [b"first"]
        with os.fdopen(theirs_in, "rb") as stream:
            shown = await asyncio.to_thread(stream.read, len(answer) + 1)
            assert shown == answer.encode() + b"\n"
            await _until(lambda: taker.lines == [b"first", b"second"])
            await link.aclose()
        os.close(theirs_out)

    _run(talk())


@dataclass
class _Obliging:
    """Stands for the agent: allows, obliges to mask the arguments, and counts what it is to mask."""

    masked: list[str] = field(default_factory=list)

    async def decide(self, *_: Any, **__: Any) -> Decision:
        return Decision("allow", obliged=frozenset({"request"}))

    async def check_input(self, text: str, *_: Any, **__: Any) -> Any:
        self.masked.append(text)
        raise Refusal(UNAVAILABLE, "enough is known", verdict="error")


@pytest.mark.parametrize(("texts", "asked"), [(3, False), (2, True)], ids=["too many", "as many as may be"])
def test_texts_to_mask_are_bounded(monkeypatch: pytest.MonkeyPatch, texts: int, asked: bool) -> None:
    monkeypatch.setattr(request_plane, "MAX_MASKED_LEAVES", 2)
    arguments = {f"key_{'x' * number}": f"text {number}" for number in range(texts)}

    async def admit() -> None:
        agent = _Obliging()
        plane = RequestPlane(agent, fail_open=True)  # type: ignore[arg-type]
        with pytest.raises(Refusal) as raised:
            await plane.admit(Target("one", "tool"), "tool", arguments, json.dumps(arguments))
        assert raised.value.code == UNAVAILABLE
        assert ("too many texts" in raised.value.message) is not asked
        assert bool(agent.masked) is asked

    _run(admit())
