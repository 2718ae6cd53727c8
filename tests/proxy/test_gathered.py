"""Messages of one turn of the event loop leave in one write, in order."""

from __future__ import annotations

import asyncio

import pytest

from axonflow_hooks.proxy.gathered import GatheredLines


def test_one_turn_is_one_write() -> None:
    written: list[bytes] = []

    async def turns() -> None:
        lines = GatheredLines(written.append)
        for message in ('{"a":1}', '{"b":\n2}', '{"c":"\u00e9"}'):
            lines.add(message)
        assert written == []
        await asyncio.sleep(0)
        lines.add("{}")
        lines.flush()
        await asyncio.sleep(0)

    asyncio.run(turns())
    assert written == ['{"a":1}\n{"b": 2}\n{"c":"\u00e9"}\n'.encode(), b"{}\n"]


def test_uvloop_is_given_each_message_as_it_comes() -> None:
    uvloop = pytest.importorskip("uvloop")
    written: list[bytes] = []

    async def turn() -> None:
        lines = GatheredLines(written.append)
        lines.add('{"a":1}')
        lines.add('{"b":2}')
        assert written == [b'{"a":1}\n', b'{"b":2}\n']
        lines.flush()

    uvloop.run(turn())
    assert len(written) == 2
