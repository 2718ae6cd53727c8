"""Servers and clients that do not read what they are sent: what waits has bounds, and no call is lost by them."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy import backend_side, stdio_transport
from axonflow_hooks.proxy.backend_map import parse_backends
from axonflow_hooks.proxy.backend_side import BackendSide
from axonflow_hooks.proxy.client_link import ClientLink
from axonflow_hooks.proxy.diagnostics import Diagnostics
from axonflow_hooks.proxy.exact_json import Member
from axonflow_hooks.proxy.guardian import Guardian
from axonflow_hooks.proxy.routes import Progress
from axonflow_hooks.proxy.rpc import Lost, Session
from tests.proxy.conftest import DEADLINE_S
from tests.proxy.test_stdio_transport import OWN

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from pathlib import Path

FLOOD = 40_000
# Answers the first call after a flood of requests, reads on the sign, and tells then how many answers it was given.
PROGRAM = """
import json, os, sys, time
def say(message):
    sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\\n")
call = json.loads(sys.stdin.readline())
for number in range(call["params"]["flood"]):
    say({"id": f"own-{number}", "method": "nobody/knows"})
say({"id": call["id"], "result": {}})
sys.stdout.flush()
while not os.path.exists(sys.argv[1]):
    time.sleep(0.005)
answers = 0
for line in sys.stdin:
    message = json.loads(line)
    if "method" in message:
        say({"id": message["id"], "result": {"answers": answers}})
        sys.stdout.flush()
    answers += "error" in message
"""


def _run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, DEADLINE_S))


async def _until(condition: Callable[[], Any]) -> None:
    while not condition():
        await asyncio.sleep(0.005)


@dataclass
class Scene:
    """A backend's side of a proxy whose client has `unread` bytes to read, and what it is shown and told."""

    unread: int = 0
    shown: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    progress: Progress = field(default_factory=lambda: Progress("one"))

    def side(self) -> BackendSide:
        """Give the side; all that it has checked is clean."""

        async def clean(target: Any, value: Any, raw: str, *, binary: str) -> Any:
            return SimpleNamespace(raw=raw)

        router: Any = SimpleNamespace(
            shaken=True, unread=lambda: self.unread, notify=lambda method, _: self.shown.append(method)
        )
        routes: Any = SimpleNamespace(tokens={"t": self.progress}, subscribed={"test://a": "one"})
        planes: Any = SimpleNamespace(responses=SimpleNamespace(check=clean))
        diagnostics: Any = SimpleNamespace(say=self.said.append)
        unused: Any = None
        return BackendSide("one", "forward", router, routes, planes, diagnostics, {}, unused, unused)


async def _stop(side: BackendSide) -> None:
    side.stop()
    await asyncio.gather(*side._tasks, return_exceptions=True)


async def _with_program(scene: Scene, go: Path, test: Callable[[Session, Any], Coroutine[Any, Any, None]]) -> None:
    described = [{"id": "one", "command": sys.executable, "args": ["-c", PROGRAM, str(go)]}]
    (backend,) = parse_backends(json.dumps(described), "a test")
    descriptor = os.open(os.devnull, os.O_WRONLY)
    diagnostics, guardian, side = Diagnostics(descriptor), Guardian(), scene.side()
    session = Session(side, scene.said.append)
    transport = await stdio_transport.start_program(backend, session, diagnostics, os.environ, guardian)
    try:
        await test(session, transport)
    finally:
        await transport.aclose()
        await _stop(side)
        guardian.close()
        diagnostics.close()
        os.close(descriptor)


@pytest.mark.parametrize("own", OWN)
def test_answers_to_a_program_that_does_not_read_are_dropped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    monkeypatch.setattr(stdio_transport, "OWN_PIPES", own)
    monkeypatch.setattr(stdio_transport, "MAX_UNREAD_ANSWERS", 100_000)
    scene, go = Scene(), tmp_path / "go"

    async def test(session: Session, transport: Any) -> None:
        reply = await session.request("flood", json.dumps({"flood": FLOOD}), timeout_s=DEADLINE_S)
        assert reply.result is not None, "the answer to a call is not lost"
        assert transport._unread() < 2_000_000
        assert len([line for line in scene.said if "does not read" in line]) == 1
        go.touch()
        later = await session.request("count", "{}", timeout_s=DEADLINE_S)
        assert later.result is not None
        assert 0 < later.result.value["answers"] < FLOOD / 2
        await session.notify("notifications/cancelled", "{}")  # there is room again
        assert len([line for line in scene.said if "does not read" in line]) == 1

    _run(_with_program(scene, go, test))


@pytest.mark.parametrize("own", OWN)
def test_calls_wait_in_bounds_for_a_program_that_does_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, own: bool
) -> None:
    monkeypatch.setattr(stdio_transport, "OWN_PIPES", own)
    monkeypatch.setattr(stdio_transport, "MAX_UNREAD", 100_000)
    scene, go, long = Scene(), tmp_path / "go", json.dumps({"text": "x" * 1_000_000})

    async def test(session: Session, transport: Any) -> None:
        await session.request("flood", '{"flood":0}', timeout_s=DEADLINE_S)
        first = asyncio.ensure_future(session.request("first", long, timeout_s=DEADLINE_S))
        await _until(lambda: transport._unread() > 100_000)
        with pytest.raises(Lost, match="does not read") as lost:
            await session.request("second", "{}", timeout_s=DEADLINE_S)
        assert not lost.value.sent
        go.touch()
        assert (await first).result is not None
        assert (await session.request("third", "{}", timeout_s=DEADLINE_S)).result is not None

    _run(_with_program(scene, go, test))


def _notice(number: int) -> tuple[str, Member]:
    kinds: list[tuple[str, dict[str, Any]]] = [
        ("notifications/progress", {"progressToken": "t", "progress": number}),
        ("notifications/resources/updated", {"uri": "test://a"}),
    ]
    method, params = kinds[number % len(kinds)]
    return method, Member(params, json.dumps(params))


def test_notices_to_a_client_that_does_not_read_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_side, "MAX_UNREAD_BYTES", 1_000)
    scene, unused = Scene(), None

    async def test() -> None:
        side = scene.side()
        for unread, dropped in ((1_000, False), (1_001, True), (0, False), (1_001, True)):
            scene.unread, before, said = unread, len(scene.shown), len(scene.said)
            for _ in range(3):
                side.on_notification(unused, *_notice(0))  # type: ignore[arg-type]
            assert len(scene.shown) - before == (0 if dropped else 3)
            assert len(scene.said) - said == dropped, "it is told once"
        scene.unread = 0
        side.on_notification(unused, *_notice(1))  # type: ignore[arg-type]
        await _stop(side)

    _run(test())
    assert scene.shown[-1] == "notifications/resources/updated"
    assert all("the client does not read" in line for line in scene.said)


def test_notices_to_be_checked_are_not_longer_together_than_may_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_side, "MAX_NOTICES_CHARS", 1_000)
    scene, unused = Scene(), None
    params = {"level": "info", "data": "x" * 2_000}

    async def burst(side: BackendSide, shown: int) -> None:
        for _ in range(3):  # one that is too long by itself waits alone
            side.on_notification(unused, "notifications/message", Member(params, json.dumps(params)))  # type: ignore[arg-type]
        await _until(lambda: len(scene.shown) == shown)
        assert len(scene.said) == 2 * shown

    async def test() -> None:
        side = scene.side()
        await burst(side, 1)
        await burst(side, 2)
        assert side._notices_chars == 0
        await _stop(side)

    _run(test())


def test_answers_on_their_way_have_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backend_side, "MAX_ANSWERS", 2)
    scene, answered, go = Scene(), [], asyncio.Event()

    async def answer(raw_id: str, **_: Any) -> None:
        await go.wait()
        answered.append(raw_id)

    async def test() -> None:
        side, session = scene.side(), SimpleNamespace(answer=answer)
        for number in range(5):
            side.on_request(session, str(number), "ping" if number % 2 else "other", None)  # type: ignore[arg-type]
        go.set()
        await _until(lambda: len(answered) == 2)
        await _until(lambda: not side._tasks)
        side.on_request(session, "5", "ping", None)  # type: ignore[arg-type]
        await _until(lambda: len(answered) == 3)
        await _stop(side)

    _run(test())
    assert answered == ["0", "1", "5"]
    assert len(scene.said) == 1


class _Nobody:
    """Takes nothing."""

    def take(self, line: bytes) -> None:
        """Nobody looks at it."""

    take_too_long = take_end = take


@pytest.mark.parametrize("kind", ["pipe", "file"])
def test_client_link_tells_what_is_unread(tmp_path: Path, kind: str) -> None:
    async def test() -> None:
        read_fd, client_fd = os.pipe()
        theirs, ours = os.pipe() if kind == "pipe" else (-1, os.open(tmp_path / "out", os.O_CREAT | os.O_WRONLY))
        link = ClientLink(_Nobody(), read_fd=read_fd, write_fd=ours)  # type: ignore[arg-type]
        assert link.unread() == 0
        await link.open(b"")
        link.send("x" * 1_000_000)
        if kind == "pipe":
            await _until(lambda: link.unread() > 500_000)
            with os.fdopen(theirs, "rb") as stream:
                await asyncio.to_thread(stream.read, 1_000_001)
                await _until(lambda: not link.unread())
                await link.aclose()
        else:
            await _until(lambda: not link.unread() and (tmp_path / "out").stat().st_size > 1_000_000)
            await link.aclose()
        os.close(client_fd)

    _run(test())
