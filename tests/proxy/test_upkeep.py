"""What no call waits for goes on, whatever one server's list does: the audit file is kept, approvals are seen."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy import upkeep
from axonflow_hooks.proxy.assembly import assemble
from axonflow_hooks.proxy.catalogue import TOOLS, Catalogue
from axonflow_hooks.proxy.exact_json import Member, write_value
from axonflow_hooks.proxy.fleet import Fleet
from axonflow_hooks.proxy.refusals import Refusal, backend_failed
from axonflow_hooks.proxy.rpc import Reply
from axonflow_hooks.proxy.settings import load_proxy_settings
from axonflow_hooks.proxy.upkeep import AuditKeeper, ListKeeper, again_and_again
from tests.proxy.conftest import DEADLINE_S
from tests.proxy.test_hostile_backends import dictate

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Sequence
    from pathlib import Path

    from axonflow_hooks.proxy.catalogue import Item, Kind
    from tests.proxy.conftest import World

TICK_S = 0.005


@dataclass
class Pins:
    """Stands for the pins: `moment` tells when they changed."""

    moment: int = 0

    def state(self) -> tuple[tuple[str, int], ...]:
        return (("one.json", self.moment),)


@dataclass
class Host:
    """Stands for a backend that is up; `act` happens when it is asked for its list."""

    id: str
    act: Callable[[], Awaitable[None]]
    asked: int = 0
    timeout_s: float = 600.0

    def __post_init__(self) -> None:
        self.session = SimpleNamespace(gone=asyncio.Event())
        self.capabilities: dict[str, Any] = {"tools": {}}

    def offers(self, capability: str) -> bool:
        return capability in self.capabilities

    async def request(self, method: str, params: str, *, repeatable: bool) -> Reply:
        self.asked += 1
        await self.act()
        value = {"tools": [{"name": "a"}]}
        return Reply(result=Member(value, write_value(value)))


@dataclass
class Scene:
    """Backends of which each has a tool that is hidden, until its list is reviewed again."""

    hosts: dict[str, Host]
    pins: Pins = field(default_factory=Pins)
    said: list[str] = field(default_factory=list)
    announced: int = 0

    def __post_init__(self) -> None:
        self.hidden = {(host, "a"): "it has changed" for host in self.hosts}
        self.unchecked: dict[str, str] = {}
        made: Any = self
        catalogues: Any = {name: Catalogue(made.hosts[name], self.review, lambda _: None) for name in self.hosts}
        self.fleet = Fleet(made, made, lambda _: None, catalogues)
        self.keeper = ListKeeper(self.fleet, made, made, self.announce)
        self.keeping = again_and_again(self.keeper.keep, TICK_S, made)

    def say(self, text: str) -> None:
        self.said.append(text)

    def announce(self) -> None:
        self.announced += 1

    async def review(self, host: Any, kind: Kind, items: Sequence[Item]) -> list[Item]:
        self.hidden.pop((host.id, "a"), None)
        return list(items)


async def _hang() -> None:
    await asyncio.Event().wait()


def _failing(error: Exception) -> Callable[[], Awaitable[None]]:
    async def fail() -> None:
        raise error

    return fail


async def _nothing() -> None:
    return


async def _until(condition: Callable[[], Any]) -> None:
    while not condition():
        await asyncio.sleep(TICK_S)


def _run(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(scene, DEADLINE_S))


BAD_LISTS = [
    pytest.param(_hang, "", id="that hangs"),
    pytest.param(_failing(RecursionError()), "it is nested too deeply", id="nested too deeply"),
    pytest.param(_failing(KeyError("secret")), "KeyError", id="that meets a fault of ours"),
    pytest.param(_failing(Refusal(-32004, "it is down", verdict="error")), "it is down", id="that is refused"),
]


@pytest.mark.parametrize(("act", "told"), BAD_LISTS)
def test_a_list_holds_up_no_other_and_what_was_known_stays(
    monkeypatch: pytest.MonkeyPatch, act: Callable[[], Awaitable[None]], told: str
) -> None:
    monkeypatch.setattr(upkeep, "RETRY_S", 3600.0)

    async def scene() -> None:
        bad = Host("bad", _nothing)
        made = Scene({"bad": bad, "good": Host("good", _nothing)})
        known = await made.fleet.catalogues["bad"].items(TOOLS)
        made.hidden["bad", "a"] = "it has changed"
        bad.act = act
        keeping = asyncio.create_task(made.keeping)
        for round_ in range(1, 4):  # an approval, and another one
            made.hidden["good", "a"] = "it has changed"
            made.pins.moment = round_
            await _until(lambda: made.announced == round_)  # noqa: B023 - waited for here
        await _until(lambda: bad.asked == 2)
        await _until(lambda: not told or made.said)
        assert made.fleet.catalogues["bad"].known(TOOLS) is known
        assert made.said == ([f"backend bad: its tools could not be listed again: {told}"] if told else [])
        assert bad.asked == 2, "it is not tried again at once"
        assert not keeping.done()
        keeping.cancel()
        made.keeper.close()

    _run(scene())


def test_a_list_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "RETRY_S", TICK_S)

    async def scene() -> None:
        host = Host("one", _failing(RecursionError()))
        made = Scene({"one": host})
        keeping = asyncio.create_task(made.keeping)
        made.pins.moment = 1
        await _until(lambda: host.asked >= 3)
        assert len(made.said) == 1
        assert made.announced == 0
        host.act = _nothing
        await _until(lambda: made.announced)
        assert made.hidden == {}
        keeping.cancel()

    _run(scene())


@pytest.mark.skipif(sys.platform == "win32", reason="an open file is neither removed nor replaced there")
@pytest.mark.parametrize(("act", "told"), BAD_LISTS)
def test_the_audit_file_is_kept_meanwhile(tmp_path: Path, act: Callable[[], Awaitable[None]], told: str) -> None:
    del told
    path = tmp_path / "audit" / "audit.jsonl"
    environ = {"HOME": str(tmp_path), "AXONFLOW_BACKENDS": "[]", "AXONFLOW_ENDPOINT": "http://127.0.0.1:9"}
    diagnostics: Any = SimpleNamespace(say=lambda _: None)

    async def scene() -> None:
        made = assemble(load_proxy_settings({**environ, "AXONFLOW_AUDIT_LOG": str(path)}), environ, diagnostics)
        file, audit = made.audit_file, made.audit
        assert file is not None
        assert audit is not None
        host: Any = Host("bad", act)
        made.fleet.catalogues["bad"] = Catalogue(host, made.integrity.review, lambda _: None)
        keeping = asyncio.create_task(made.upkeep(TICK_S))
        for number in range(3):
            made.integrity.unchecked["bad"] = "nobody could tell"
            await _until(lambda: host.asked > 0)
            file.append({"event": f"row {number}"})
            path.unlink()
            await _until(path.exists)
            await _until(lambda: not file._unsynced)
        assert not keeping.done()
        keeping.cancel()
        await asyncio.gather(keeping, return_exceptions=True)
        made.lists.close()
        audit.close()

    _run(scene())
    events = [json.loads(line)["event"] for line in path.read_text().splitlines()]
    assert events == ["row 0", "interference", "row 1", "interference", "row 2", "interference"]


@dataclass
class File:
    """Stands for an audit file on a disk that is slow, or broken."""

    error: OSError | None = None
    go: Any = None
    looked: int = 0
    synced: int = 0
    path: str = "audit.jsonl"

    def look_again(self) -> str:
        self.looked += 1
        return ""

    def sync(self) -> None:
        self.synced += 1
        if self.go is not None:
            self.go.wait(DEADLINE_S)
        if self.error is not None:
            raise self.error


def test_a_slow_disk_keeps_nobody_from_looking_after_the_file() -> None:
    async def scene() -> None:
        file: Any = File(go=threading.Event())
        diagnostics: Any = SimpleNamespace(say=lambda _: None)
        keeping = asyncio.create_task(again_and_again(AuditKeeper(file, diagnostics).keep, TICK_S, diagnostics))
        await _until(lambda: file.looked >= 5)
        assert file.synced == 1
        file.go.set()
        await _until(lambda: file.synced >= 2)
        keeping.cancel()

    _run(scene())


def test_a_disk_that_fails_is_told_of_once() -> None:
    async def scene() -> None:
        file: Any = File(OSError(errno.EIO, os.strerror(errno.EIO)))
        said: list[str] = []
        diagnostics: Any = SimpleNamespace(say=said.append)
        keeping = asyncio.create_task(again_and_again(AuditKeeper(file, diagnostics).keep, TICK_S, diagnostics))
        await _until(lambda: file.synced >= 4)
        assert said == [f"WARNING The audit file audit.jsonl cannot be brought to the disk ({os.strerror(errno.EIO)})."]
        keeping.cancel()

    _run(scene())


def test_a_duty_that_fails_goes_on_and_each_fault_is_said_once() -> None:
    async def scene() -> None:
        faults: list[Exception | None] = [KeyError("secret"), KeyError("other"), None, RecursionError(), OSError()]
        said: list[str] = []

        async def duty() -> None:
            if faults and (fault := faults.pop(0)) is not None:
                raise fault

        diagnostics: Any = SimpleNamespace(say=said.append)
        keeping = asyncio.create_task(again_and_again(duty, 0, diagnostics))
        await _until(lambda: not faults)
        keeping.cancel()
        assert [line.partition(": ")[2].partition(";")[0] for line in said] == ["KeyError", "RecursionError", "OSError"]
        assert "secret" not in str(said)

    _run(scene())


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        pytest.param(RecursionError(), "it is nested too deeply.", id="nested too deeply"),
        pytest.param(KeyError("secret"), "KeyError.", id="a fault of ours"),
        pytest.param(backend_failed("It was lost.", "one", executed=None), "It was lost.", id="lost meanwhile"),
        pytest.param(backend_failed("It is down.", "one", executed=False), "It is down.", id="down"),
    ],
)
def test_a_call_whose_list_fails_was_not_made(failure: Exception, told: str) -> None:
    async def scene() -> None:
        made = Scene({"one": Host("one", _failing(failure))})
        with pytest.raises(Refusal) as raised:
            await made.fleet.find(TOOLS, "a")
        assert (raised.value.code, raised.value.data["executed"], raised.value.data["retryable"]) == (
            -32004,
            False,
            True,
        )
        assert raised.value.message.endswith(told)
        made.keeping.close()

    _run(scene())


def test_a_call_to_a_server_whose_list_cannot_be_read_is_recorded(world: World) -> None:
    deep = '{"name":"deep","inputSchema":' + '{"a":' * 980 + "1" + "}" * 980 + "}"
    client = world.client(dictate(world, "tools/list", [deep]), world.backend("two"))
    error = client.call("one__a", {"n": 1})["error"]
    assert (error["code"], error["data"]["executed"]) == (-32004, False)
    assert "'one'" in error["message"]
    (row,) = world.rows()
    assert (row["event"], row["tool_name"], row["verdict"], row["executed"]) == ("outcome", "one__a", "error", False)
    assert "result" in client.call("two__count", {"n": 2})
