"""Messages nested around the depth that can be read, and far beyond: each is answered, and none ends anything."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.plain_messages import PlainCall
from axonflow_hooks.proxy.router import Router
from axonflow_hooks.proxy.rpc import Lost, Reply, Session
from axonflow_hooks.proxy.stateless import VERSION
from tests.proxy.test_hostile_backends import hostile

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.proxy.exact_json import Member
    from tests.proxy.conftest import World

DEPTHS = (*range(900, 1101), 5_000, 100_000)
META = json.dumps({"_meta": {"io.modelcontextprotocol/protocolVersion": VERSION}})[1:-1]


def _lists(depth: int) -> str:
    return "[" * depth + "]" * depth


def _objects(depth: int) -> str:
    return '{"a":' * depth + "1" + "}" * depth


@dataclass
class Peer:
    """Stands for whoever is at the other end: keeps what it is sent and what it is told."""

    heard: list[dict[str, Any]] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def hear(self, message: str) -> None:
        self.heard.append(json.loads(message))

    def say(self, text: str) -> None:
        self.said.append(text)

    async def send(self, message: str, request_id: int | None) -> None:
        self.hear(message)

    def send_now(self, line: bytes) -> bool:
        return False

    def forget(self, request_id: int) -> None:
        """Nothing is kept."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def on_request(self, session: Session, raw_id: str, method: str, params: Member | None) -> None:
        self.requests.append(raw_id)

    def on_notification(self, session: Session, method: str, params: Member | None) -> None:
        """Nothing is done."""


def _router(peer: Peer, shortcut: bool) -> Router:
    diagnostics: Any = peer
    link: Any = SimpleNamespace(send=peer.hear, pause=lambda: None, resume=lambda: None)

    async def answer(params: Member | None) -> str:
        return "{}"

    def never(call: PlainCall, key: Any) -> None:
        return None

    router = Router(diagnostics, lambda _: None, {"tools/call": answer}, link=link, shaken=True)
    router.shortcut = never if shortcut else None
    return router


CALLS: dict[str, Callable[[str], str]] = {
    "plain": lambda deep: (
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","arguments":{deep}}}}}'
    ),
    "stateless": lambda deep: (
        f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"x","arguments":{deep},{META}}}}}'
    ),
    "id behind": lambda deep: f'{{"jsonrpc":"2.0","method":"tools/call","params":{deep},"id":1}}',
    "unknown": lambda deep: f'{{"jsonrpc":"2.0","id":1,"method":"nonsense","params":{deep}}}',
    "without method": lambda deep: f'{{"jsonrpc":"1.0","id":1,"method":"x","more":{deep}}}',
    "initialize": lambda deep: f'{{"jsonrpc":"2.0","id":1,"method":"initialize","params":{deep}}}',
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
@pytest.mark.parametrize("shortcut", [False, True], ids=["general", "straight"])
def test_each_request_of_the_client_is_answered_once(call: Callable[[str], str], shortcut: bool) -> None:
    async def requests() -> None:
        for depth in DEPTHS:
            peer = Peer()
            router = _router(peer, shortcut)
            router.take(call(_objects(depth)).encode())
            for task in list(router._running.values()):
                assert isinstance(task, asyncio.Task)
                await task
            assert [message["id"] for message in peer.heard] == [1], depth
            assert not router._running

    asyncio.run(requests())


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(
            '{{"jsonrpc":"2.0","method":"notifications/cancelled","params":{{"requestId":{0}}}}}', id="notice"
        ),
        pytest.param('{{"jsonrpc":"2.0","method":"x","params":{0}}}', id="unknown notice"),
        pytest.param('{{"jsonrpc":"2.0","id":5,"result":{0}}}', id="answer to nobody"),
        pytest.param("{0}", id="list"),
        pytest.param('{{"id":{0},"method":"x"}}', id="deep id"),
    ],
)
def test_what_is_no_request_of_the_client_ends_nothing(line: str) -> None:
    async def messages() -> None:
        peer = Peer()
        router = _router(peer, shortcut=True)
        for depth in DEPTHS:
            router.take(line.format(_lists(depth)).encode())
        assert {message["id"] for message in peer.heard} <= {None}
        router.take(b'{"jsonrpc":"2.0","id":1,"method":"ping"}')
        assert peer.heard[-1] == {"jsonrpc": "2.0", "id": 1, "result": {}}

    asyncio.run(messages())


def test_answer_of_the_client_reaches_who_has_asked() -> None:
    async def answers() -> None:
        peer = Peer()
        router = _router(peer, shortcut=True)
        for depth in DEPTHS:
            asking = asyncio.ensure_future(router.ask("roots/list", None))
            await asyncio.sleep(0)
            identifier = json.dumps(peer.heard[-1]["id"])
            router.take(f'{{"jsonrpc":"2.0","id":{identifier},"result":{_lists(depth)}}}'.encode())
            answer = await asyncio.wait_for(asking, 60)
            assert "result" in answer or answer == {}

    asyncio.run(answers())


ANSWERS: dict[str, Callable[[int, str], str]] = {
    "plain": lambda identifier, deep: f'{{"jsonrpc":"2.0","id":{identifier},"result":{{"x":{deep}}}}}',
    "id behind": lambda identifier, deep: f'{{"result":{deep},"jsonrpc":"2.0","id":{identifier}}}',
    "error": lambda identifier, deep: f'{{"jsonrpc":"2.0","id":{identifier},"error":{{"code":1,"data":{deep}}}}}',
    "both": lambda identifier, deep: f'{{"jsonrpc":"2.0","id":{identifier},"result":{deep},"more":{deep}}}',
}


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
@pytest.mark.parametrize("nested", [_lists, _objects], ids=["lists", "objects"])
def test_answer_of_a_backend_reaches_who_waits(answer: Callable[[int, str], str], nested: Callable[[int], str]) -> None:
    async def answers() -> None:
        peer = Peer()
        session = Session(peer, peer.say, peer)
        for depth in DEPTHS:
            waiting = asyncio.ensure_future(session.request("tools/call", "{}", timeout_s=600.0))
            await asyncio.sleep(0)
            session.receive(answer(peer.heard[-1]["id"], nested(depth)))
            (end,) = await asyncio.wait_for(asyncio.gather(waiting, return_exceptions=True), 60)
            assert isinstance(end, (Reply, Lost)), depth
            assert not isinstance(end, Lost) or end.sent

    asyncio.run(answers())


def test_requests_and_notices_of_a_backend_end_nothing() -> None:
    async def messages() -> None:
        peer = Peer()
        session = Session(peer, peer.say, peer)
        for depth in DEPTHS:
            deep = _lists(depth)
            session.receive(f'{{"jsonrpc":"2.0","method":"notifications/message","params":{deep}}}')
            session.receive(f'{{"jsonrpc":"2.0","id":"q","method":"roots/list","params":{deep}}}')
            session.receive(deep)
        assert peer.requests == ['"q"'] * len(DEPTHS)

    asyncio.run(messages())


def test_nesting_ends_no_proxy_and_lets_no_call_wait(world: World) -> None:
    client = world.client(hostile(world), world.backend("two"))
    for depth in DEPTHS:
        answer = client.call("one__say", {"raw": '{"jsonrpc":"2.0","id":"$ID","result":{"x":' + _lists(depth) + "}}"})
        assert "result" in answer or "no answer within" not in answer["error"]["message"], depth
        for number, more in enumerate(("", f",{META}")):
            identifier = f"{depth}-{number}"
            params = f'{{"name":"two__echo","arguments":{_objects(depth)}{more}}}'
            message = f'{{"jsonrpc":"2.0","id":"{identifier}","method":"tools/call","params":{params}}}'
            client.write(message.encode() + b"\n")
            late = client.answer(identifier)
            assert "result" in late or late["error"]["code"] in {-32003, -32004, -32600, -32603}
    assert "result" in client.call("two__echo")
