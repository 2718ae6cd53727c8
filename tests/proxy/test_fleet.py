"""Backends as a fleet: listed together without waiting for each other, found by name, started again with a pause."""

from __future__ import annotations

import asyncio
import os
import signal
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy import fleet
from axonflow_hooks.proxy.backend import BackendHost
from axonflow_hooks.proxy.backend_map import parse_backends
from axonflow_hooks.proxy.catalogue import TOOLS
from axonflow_hooks.proxy.exact_json import Member, UnreadableMessage, write_value
from axonflow_hooks.proxy.fleet import Fleet
from axonflow_hooks.proxy.refusals import Refusal
from axonflow_hooks.proxy.rpc import Reply
from tests.proxy.test_hostile_backends import hostile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.proxy.catalogue import Item, Kind
    from tests.proxy.conftest import World


@dataclass
class Host:
    """Stands for a backend that is up: lists `tools`, once `open` is set."""

    id: str
    tools: list[str]
    list_changed: bool = False
    open: asyncio.Event = field(default_factory=asyncio.Event)
    asked: int = 0
    failing: Exception | None = None
    timeout_s: float = 600.0
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.open.set()
        self.first_try_over = asyncio.Event()
        self.first_try_over.set()
        self.session = SimpleNamespace(gone=asyncio.Event())
        self.capabilities = {"tools": {"listChanged": self.list_changed}}
        self.diagnostics = SimpleNamespace(say=self.said.append)

    async def run(self) -> None:
        """Stay up."""
        await asyncio.Event().wait()

    def offers(self, capability: str) -> bool:
        return capability == "tools"

    async def request(self, method: str, params: str, *, repeatable: bool) -> Reply:
        self.asked += 1
        await self.open.wait()
        if self.failing is not None:
            raise self.failing
        value = {"tools": [{"name": name} for name in self.tools]}
        return Reply(result=Member(value, write_value(value)))


class Integrity:
    """Lets everything be seen, but for what is `hidden`."""

    def __init__(self) -> None:
        self.hidden: dict[tuple[str, str], str] = {}
        self.failing: Exception | None = None

    async def review(self, host: Any, kind: Kind, items: Sequence[Item]) -> list[Item]:
        if self.failing is not None:
            raise self.failing
        return [item for item in items if (host.id, item.name) not in self.hidden]


@dataclass
class Scene:
    """A fleet of stand-ins, and what it says and announces."""

    hosts: list[Host]
    integrity: Integrity = field(default_factory=Integrity)
    said: list[str] = field(default_factory=list)
    announced: list[Kind] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def fleet(self) -> Fleet:
        integrity: Any = self.integrity
        hosts: list[Any] = [*self.hosts]
        diagnostics: Any = SimpleNamespace(say=self.said.append)
        made = Fleet(integrity, diagnostics, self.announce)
        made.start(hosts)
        return made

    def announce(self, kind: Kind) -> None:
        self.announced.append(kind)
        self.changed.set()


async def names(made: Fleet) -> list[str]:
    """Give the names of the tools as a client that lists them gets them."""
    return [made.shown(TOOLS, host, item) for host, item in await made.listed(TOOLS, fresh=True)]


def test_slow_list_is_left_out_and_announced_when_it_comes(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        slow, fast = Host("slow", ["a"]), Host("fast", ["b"], list_changed=True)
        slow.open.clear()
        told = Scene([slow, fast])
        made = told.fleet()
        await made.catalogues["fast"].items(TOOLS)  # it is there already, however busy the machine is
        monkeypatch.setattr(fleet, "LIST_WAIT_S", 0.01)
        assert await names(made) == ["fast__b"]
        assert any("slow" in line for line in told.said)
        assert told.announced == []
        slow.open.set()
        await told.changed.wait()
        assert told.announced == [TOOLS]
        monkeypatch.setattr(fleet, "LIST_WAIT_S", 60.0)
        assert await names(made) == ["slow__a", "fast__b"]
        assert slow.asked == 2, "asked once, waited for, and asked again by the second list"
        await made.stop()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("failure", "told_of"),
    [
        pytest.param(Refusal(-32003, "no verdict", verdict="error"), "", id="agent"),
        pytest.param(RecursionError(), "nested too deeply", id="depth"),
        pytest.param(UnreadableMessage("a key stands twice"), "cannot be read, as a key stands twice", id="unreadable"),
        pytest.param(KeyError("secret"), "KeyError", id="unforeseen"),
    ],
)
def test_list_that_fails_leaves_the_others_and_what_is_known(failure: Exception, told_of: str) -> None:
    async def scene() -> None:
        told = Scene([Host("one", ["a"]), Host("two", ["b"])])
        made = told.fleet()
        assert await names(made) == ["one__a", "two__b"]
        told.hosts[0].failing = failure
        known = isinstance(failure, Refusal)
        assert await names(made) == [*(["one__a"] if known else []), "two__b"]
        assert [line.endswith(told_of) for line in told.said] == ([] if known else [True])
        assert "secret" not in str(told.said)
        told.hosts[0].failing = None
        told.hosts[0].tools.append("c")
        assert await names(made) == ["one__a", "one__c", "two__b"]
        await made.stop()

    asyncio.run(scene())


@pytest.mark.parametrize(("list_changed", "asked"), [(True, 1), (False, 3)])
def test_lists_are_kept_only_where_their_change_is_told(list_changed: bool, asked: int) -> None:
    async def scene() -> None:
        host = Host("one", ["a"], list_changed)
        made = Scene([host]).fleet()
        for _ in range(3):
            assert await names(made) == ["a"]
        assert host.asked == asked
        await made.find(TOOLS, "a")
        assert host.asked == asked, "a call does not ask again for what is known"
        await made.stop()

    asyncio.run(scene())


def test_unknown_name_is_looked_for_once_more_before_it_is_refused() -> None:
    async def scene() -> None:
        host = Host("one", ["a"])
        told = Scene([host])
        made = told.fleet()
        await names(made)
        host.tools.append("b")
        found, item = await made.find(TOOLS, "b")
        assert (found.id, item.name) == ("one", "b")
        with pytest.raises(Refusal) as unknown:
            await made.find(TOOLS, "c")
        assert unknown.value.code == -32602
        told.integrity.hidden["one", "d"] = "poisoned"
        with pytest.raises(Refusal) as hidden:
            await made.find(TOOLS, "d")
        assert hidden.value.code == -32001
        await made.stop()

    asyncio.run(scene())


def test_pauses_before_a_new_start_grow_to_a_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 10:
            raise asyncio.CancelledError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    (spec,) = parse_backends('[{"id": "gone", "command": "/nowhere/to/be/found"}]', "the map")
    said: list[str] = []
    nobody: Any = SimpleNamespace(say=said.append)
    host = BackendHost(spec, {}, nobody, nobody, nobody, {}, 1.0, on_up=nobody, on_down=nobody)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(host.run())
    assert pauses == [0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0, 30.0]
    assert len(said) == 1, "the same failure is said once"


def test_crashed_backend_is_still_listed_and_serves_the_next_call(world: World) -> None:
    client = world.client(world.backend("one"), world.backend("two"))
    before = client.tools()
    os.kill(int(world.lines("one", "starts.txt")[-1]), signal.SIGKILL)
    client.until(lambda: any("backend one: " in line for line in client.errors))  # until then a call could meet its end
    assert client.tools() == before
    assert "result" in client.call("two__count", {"n": 1})
    assert "result" in client.call("one__count", {"n": 2})
    assert len(world.lines("one", "starts.txt")) == 2
    client.notification("notifications/tools/list_changed")


def test_backend_that_says_its_list_has_changed_is_listed_anew(world: World) -> None:
    client = world.client(hostile(world))
    assert client.tools() == ["say"]
    (world.folder / "one" / "tools.txt").write_text("more")
    client.call("say", {"send": [{"method": "notifications/tools/list_changed"}]})
    client.notification("notifications/tools/list_changed")
    assert client.tools() == ["say", "more"]
    assert "result" in client.call("more")
