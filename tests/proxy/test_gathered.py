"""Messages of one turn of the event loop leave in one write, in order."""

from __future__ import annotations

import asyncio

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
