"""Answers to come reach who takes them: once, at once, whoever that is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.proxy.nonces import DRAWN_BYTES, Nonces
from axonflow_hooks.proxy.pending import Pending

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


def _run(test: Callable[[], Awaitable[None]]) -> None:
    async def bounded() -> None:
        await asyncio.wait_for(test(), 30)

    asyncio.run(bounded())


def test_a_function_takes_it_at_once_and_only_the_first() -> None:
    taken: list[int] = []
    pending: Pending[int] = Pending()
    pending.then(lambda answer: taken.append(answer.result()))
    assert not pending.done()
    pending.set_result(1)
    pending.set_result(2)
    pending.set_exception(ValueError())
    assert (taken, pending.done(), pending.result()) == ([1], True, 1)


def test_what_is_there_already_is_taken_in_a_turn() -> None:
    async def test() -> None:
        taken: list[int] = []
        pending: Pending[int] = Pending()
        pending.set_result(1)
        pending.then(lambda answer: taken.append(answer.result()))
        assert taken == []
        await asyncio.sleep(0)
        assert taken == [1]
        assert await pending == 1

    _run(test)


def test_who_waits_takes_it_from_the_function() -> None:
    async def test() -> None:
        taken: list[Pending[int]] = []
        pending: Pending[int] = Pending()
        pending.then(taken.append)
        waiting = asyncio.ensure_future(_value(pending))
        await asyncio.sleep(0)
        pending.set_exception(ValueError("no"))
        with pytest.raises(ValueError, match="no"):
            await waiting
        assert taken == []

    _run(test)


def test_nobody_waits_any_more() -> None:
    async def test() -> None:
        pending: Pending[int] = Pending()
        with pytest.raises(asyncio.InvalidStateError):
            pending.result()
        waiting = asyncio.ensure_future(_value(pending))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert pending.done()
        pending.set_result(1)

    _run(test)


async def _value(pending: Pending[int]) -> int:
    return await pending


def test_no_digit_is_given_out_twice() -> None:
    nonces = Nonces()
    taken = [nonces.take(48) for _ in range(2 * DRAWN_BYTES // 48 + 1)]
    assert {len(nonce) for nonce in taken} == {48}
    assert len(set(taken)) == len(taken)
    assert all(set(nonce) <= set("0123456789abcdef") for nonce in taken)
