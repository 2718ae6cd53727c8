"""Busy polling ends with the answer, after a bounded time, and where others want the processor."""

from __future__ import annotations

import asyncio
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.proxy.busy_polling import LOST_S, MAX_KNOWN, MAX_POLL_S, REST_S, BusyPolling, busy_polling

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TURN_S = 0.000_01


def in_a_loop(scene: Callable[[], Awaitable[None]]) -> Callable[[], None]:
    """Run a test in an event loop."""

    @functools.wraps(scene)
    def test() -> None:
        async def bounded() -> None:
            await asyncio.wait_for(scene(), 30)

        asyncio.run(bounded())

    return test


@dataclass
class Clock:
    """Time that passes with each turn in which the processor is offered to others; `turns` counts those."""

    now: float = 100.0
    turns: int = 0
    turn_s: float = TURN_S

    def read(self) -> float:
        return self.now

    def give_way(self) -> None:
        self.turns += 1
        self.now += self.turn_s


async def turned(clock: Clock, turns: int) -> int:
    """Let the loop turn that many times and give how often it was polled."""
    before = clock.turns
    for _ in range(turns):
        await asyncio.sleep(0)
    return clock.turns - before


def poller(clock: Clock) -> BusyPolling:
    return BusyPolling(clock.give_way, clock.read)


@in_a_loop
async def test_polls_in_each_turn_until_the_answer_is_there() -> None:
    clock = Clock()
    polling = poller(clock)
    polling.begin("agent")
    assert await turned(clock, 5) == 5
    polling.end()
    assert await turned(clock, 5) == 0


@in_a_loop
async def test_polls_on_for_the_next_answer_in_one_chain_of_turns() -> None:
    clock = Clock()
    polling = poller(clock)
    for _ in range(3):
        polling.begin("agent")
        polling.end()
    polling.begin("agent")
    assert await turned(clock, 4) == 4


@in_a_loop
async def test_polls_for_a_bounded_time() -> None:
    clock = Clock()
    polling = poller(clock)
    polling.begin("agent")
    polls = await turned(clock, 1_000)
    assert polls == pytest.approx(MAX_POLL_S / TURN_S, abs=1)


@in_a_loop
async def test_does_not_poll_again_for_who_was_slow_until_it_is_quick() -> None:
    clock = Clock()
    polling = poller(clock)
    polling.begin("slow")
    clock.now += 2 * MAX_POLL_S
    polling.end()
    polling.begin("slow")
    assert await turned(clock, 3) == 0
    polling.end()  # this time it was quick
    polling.begin("slow")
    assert await turned(clock, 3) == 3


@in_a_loop
async def test_polls_for_one_peer_while_another_is_slow() -> None:
    clock = Clock()
    polling = poller(clock)
    polling.begin("slow")
    clock.now += 2 * MAX_POLL_S
    polling.end()
    polling.begin("quick")
    assert await turned(clock, 3) == 3


@in_a_loop
async def test_rests_when_somebody_else_wants_the_processor() -> None:
    clock = Clock(turn_s=LOST_S * 1.1)
    polling = poller(clock)
    polling.begin("agent")
    assert await turned(clock, 5) == 1
    polling.end()
    clock.turn_s = TURN_S
    polling.begin("agent")
    assert await turned(clock, 3) == 0
    polling.end()
    clock.now += REST_S
    polling.begin("agent")
    assert await turned(clock, 3) == 3


@in_a_loop
async def test_stops_where_there_is_other_work_and_learns_nothing_from_that() -> None:
    clock = Clock()
    polling = poller(clock)
    polling.begin("agent")
    polling.stop()
    clock.now += 2 * MAX_POLL_S
    polling.end()
    assert await turned(clock, 3) == 0
    polling.begin("agent")
    assert await turned(clock, 3) == 3


@in_a_loop
async def test_knows_a_bounded_number_of_slow_ones() -> None:
    clock = Clock()
    polling = poller(clock)
    for number in range(MAX_KNOWN + 1):
        polling.begin(number)
        clock.now += 2 * MAX_POLL_S
        polling.end()
    polling.begin(MAX_KNOWN)
    assert await turned(clock, 3) == 3
    polling.end()
    polling.begin(0)
    assert await turned(clock, 3) == 0


@in_a_loop
async def test_never_polls_where_no_process_can_give_way() -> None:
    clock = Clock()
    polling = BusyPolling(None, clock.read)
    polling.begin("agent")
    assert await turned(clock, 3) == 0
    polling.end()


@pytest.mark.parametrize(
    ("platform", "processors", "polls"),
    [
        pytest.param("linux", {0, 1}, True, id="two processors"),
        pytest.param("linux", {3}, False, id="one of many processors"),
        pytest.param("win32", {0, 1}, False, id="Windows has no way to give way"),
    ],
)
def test_polls_on_machines_where_it_hinders_nobody(
    monkeypatch: pytest.MonkeyPatch, platform: str, processors: set[int], polls: bool
) -> None:
    monkeypatch.setattr("axonflow_hooks.proxy.busy_polling.sys.platform", platform)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: processors, raising=False)
    assert (busy_polling().give_way is not None) is polls
