"""Lists whose loading takes long: a call waits no longer for them than for its own answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy import catalogue
from axonflow_hooks.proxy.call_time import waited_s
from axonflow_hooks.proxy.catalogue import TOOLS, Catalogue
from axonflow_hooks.proxy.exact_json import Member, write_value
from axonflow_hooks.proxy.refusals import Refusal
from axonflow_hooks.proxy.rpc import Reply
from tests.proxy.test_hostile_backends import hostile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.proxy.catalogue import Item, Kind
    from tests.proxy.conftest import World


@dataclass
class Host:
    """Stands for a backend that is up: its pages have no end, and the next one comes when `open` is set."""

    id: str = "one"
    timeout_s: float = 0.05
    pages: int = 0
    open: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.session = SimpleNamespace(gone=asyncio.Event())
        self.capabilities: dict[str, Any] = {"tools": {}}

    def offers(self, capability: str) -> bool:
        return capability in self.capabilities

    async def request(self, method: str, params: str, *, repeatable: bool) -> Reply:
        await self.open.wait()
        await asyncio.sleep(0)
        self.pages += 1
        value = {"tools": [], "nextCursor": str(self.pages)}
        return Reply(result=Member(value, write_value(value)))


async def _review(host: Any, kind: Kind, items: Sequence[Item]) -> list[Item]:
    return list(items)


def _catalogue(host: Any) -> tuple[Catalogue, list[Kind]]:
    announced: list[Kind] = []
    return Catalogue(host, _review, announced.append), announced


def test_call_waits_no_longer_than_it_may_take(monkeypatch: pytest.MonkeyPatch) -> None:
    async def call() -> None:
        monkeypatch.setattr(catalogue, "MAX_PAGES", 3)
        host = Host()
        made, announced = _catalogue(host)
        waited_s.set(0.0)
        with pytest.raises(Refusal, match=r"did not list all its tools within 0\.05 s") as raised:
            await made.items(TOOLS)
        assert raised.value.data["executed"] is False
        assert (waited_s.get() or 0.0) > 0.0
        host.open.set()  # it is loaded on, and told when it is there
        while not announced:
            await asyncio.sleep(0)
        assert (announced, host.pages) == ([TOOLS], 3)
        assert await made.items(TOOLS) == {}

    asyncio.run(asyncio.wait_for(call(), 60))


def test_waits_of_one_call_add_up() -> None:
    async def call() -> None:
        host = Host(timeout_s=600.0)
        made, _ = _catalogue(host)
        waited_s.set(600.0)  # it has no time left
        with pytest.raises(Refusal, match="did not list all its tools"):
            await made.items(TOOLS)
        waited_s.set(None)
        with pytest.raises(asyncio.TimeoutError):  # who is no call has its time
            await asyncio.wait_for(made.items(TOOLS), 0.01)

    asyncio.run(asyncio.wait_for(call(), 60))


def test_loading_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "MAX_PAGES", 10**9)
    monkeypatch.setattr(catalogue, "MAX_LOADING_S", 0.05)

    async def load() -> None:
        host = Host()
        host.open.set()
        made, _ = _catalogue(host)
        task = asyncio.ensure_future(made.items(TOOLS))
        await asyncio.wait((task,))
        assert isinstance(task.exception(), Refusal)
        while TOOLS in made._loading:
            await asyncio.sleep(0)
        assert made.known(TOOLS) == {}

    asyncio.run(asyncio.wait_for(load(), 60))


def test_endless_pages_hold_up_no_call_for_longer_than_its_timeout(world: World) -> None:
    client = world.client(hostile(world, "slow", "pages=0.5", timeout="1s"), world.backend("two"))  # a thousand pages
    assert client.tools()  # both are up
    error = client.call("slow__say")["error"]
    assert (error["code"], error["data"]["executed"]) == (-32004, False)
    assert "within 1 s" in error["message"]
    assert "two__echo" in client.tools()
