"""A backend's life and its calls: nothing ends the first, and the second share one deadline."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy import backend
from axonflow_hooks.proxy.backend import BackendHost
from axonflow_hooks.proxy.backend_map import parse_backends
from axonflow_hooks.proxy.call_time import add_wait, waited_s
from axonflow_hooks.proxy.exact_json import Member
from axonflow_hooks.proxy.refusals import Refusal
from axonflow_hooks.proxy.rpc import Lost, Reply, TimedOut

if TYPE_CHECKING:
    from tests.proxy.conftest import World

MAP = '[{"id":"one","command":"x","timeout":"60s"}]'
DONE = Reply(result=Member({}, "{}"))


@dataclass
class Backend:
    """Stands for a session: answers what is next in `answers`, raised where it is an error."""

    answers: list[Any]
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    given_s: list[float] = field(default_factory=list)
    served: bool = False

    async def request(self, method: str, params: str | None, *, timeout_s: float, token: Any, begun: Any) -> Reply:
        self.given_s.append(timeout_s)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, Reply)
        return answer


def _host(said: list[str]) -> BackendHost:
    diagnostics: Any = SimpleNamespace(say=said.append)
    unused: Any = None
    (spec,) = parse_backends(MAP, "map")
    return BackendHost(spec, {}, unused, diagnostics, unused, {}, 60.0, on_up=lambda _: None, on_down=lambda _: None)


def _lost(**told: bool) -> Lost:
    return Lost("it is gone", **{"sent": True, **told})


@pytest.mark.parametrize(
    "error", [RuntimeError("s3cret"), RecursionError("s3cret"), UnicodeEncodeError("ascii", "s3cret", 0, 1, "no")]
)
def test_nothing_ends_the_life_of_a_backend(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    tries: list[int] = []
    said: list[str] = []

    async def lives() -> None:
        thrice = asyncio.Event()

        async def fail(*_: Any) -> None:
            tries.append(1)
            if len(tries) == 3:
                thrice.set()
            raise error

        monkeypatch.setattr(backend, "start_program", fail)
        monkeypatch.setattr(backend, "FIRST_PAUSE_S", 0.001)
        host = _host(said)
        life = asyncio.ensure_future(host.run())
        await asyncio.wait_for(thrice.wait(), 60)
        with pytest.raises(Refusal, match=type(error).__name__):
            await host.ready(asyncio.get_running_loop().time())
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)

    asyncio.run(lives())
    assert len(said) == 1
    assert said[0].endswith(f"({type(error).__name__}); it is tried again.")


@pytest.mark.parametrize(
    ("answers", "repeatable", "sent", "executed"),
    [
        pytest.param([DONE], False, 1, None, id="answered"),
        pytest.param([_lost()], False, 1, "unknown", id="lost"),
        pytest.param([_lost(), DONE], True, 2, None, id="lost and repeatable"),
        pytest.param([_lost(sent=False), DONE], False, 2, None, id="not sent"),
        pytest.param([_lost(sent=False)] * 3, False, 3, False, id="never sent"),
        pytest.param([_lost(expired=True), DONE], False, 2, None, id="expired"),
        pytest.param([_lost(expired=True)] * 2, False, 2, "unknown", id="expired twice"),
        pytest.param([_lost(expired=True), *[_lost(sent=False)] * 2], False, 3, "unknown", id="expired, then not sent"),
        pytest.param(
            [_lost(expired=True), _lost(sent=False, refused=True)], False, 2, "unknown", id="expired, then refused"
        ),
        pytest.param([_lost(), _lost(sent=False, refused=True)], True, 2, "unknown", id="lost, then refused"),
        pytest.param([_lost(sent=False, refused=True)], True, 1, False, id="refused"),
        pytest.param([TimedOut()], True, 1, "unknown", id="too late"),
    ],
)
def test_what_is_sent_again_and_what_is_said_of_it(
    monkeypatch: pytest.MonkeyPatch, answers: list[Any], repeatable: bool, sent: int, executed: object
) -> None:
    monkeypatch.setattr(backend, "FIRST_PAUSE_S", 0.0)

    async def call() -> None:
        host, session = _host([]), Backend(list(answers))
        host.session = session  # type: ignore[assignment]
        if executed is None:
            assert await host.request("tools/call", "{}", repeatable=repeatable) is DONE
        else:
            with pytest.raises(Refusal) as raised:
                await host.request("tools/call", "{}", repeatable=repeatable)
            assert raised.value.data["executed"] == executed
            assert ("not made" in raised.value.message) is (executed is False)
        assert len(session.given_s) == sent

    asyncio.run(call())


@pytest.mark.parametrize(
    ("waited", "given"),
    [
        pytest.param(None, 60.0, id="no call"),
        pytest.param(0.0, 60.0, id="nothing waited"),
        pytest.param(20.0, 40.0, id="some waited"),
        pytest.param(60.0, None, id="all waited"),
    ],
)
def test_call_has_what_its_lists_have_left_of_its_time(waited: float | None, given: float | None) -> None:
    async def call() -> None:
        waited_s.set(None if waited is None else 0.0)
        add_wait(waited or 0.0)
        host, session = _host([]), Backend([DONE])
        host.session = session  # type: ignore[assignment]
        if given is None:
            with pytest.raises(Refusal, match="The call was not made") as raised:
                await host.request("tools/call", "{}", repeatable=False)
            assert raised.value.data["executed"] is False
        else:
            await host.request("tools/call", "{}", repeatable=False)
            assert session.given_s[0] <= given < session.given_s[0] + 20.0
        assert bool(session.given_s) is (given is not None)

    asyncio.run(call())


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param({"command": "~nosuchuser/x"}, "~nosuchuser/x", id="command"),
        pytest.param(
            {"command": sys.executable, "env": {"A": {"file": "~nosuchuser/s"}}}, "there is no ~nosuchuser", id="secret"
        ),
        pytest.param({"url": "http://a..b/mcp"}, "cannot be reached", id="host"),
    ],
)
def test_map_that_does_not_fit_this_machine_is_told_at_once(world: World, entry: dict[str, Any], expected: str) -> None:
    world.waits["backend.WAIT_FOR_RESTART_S"] = 0.5  # but for the bad one, each is waited for in the lists
    client = world.client({"id": "bad", **entry}, world.backend("two"))
    assert "two__echo" in client.tools()
    said = client.until(lambda: [line for line in client.errors if "backend bad:" in line])
    assert expected in said[0]
    assert expected in client.call("bad__x")["error"]["message"]
