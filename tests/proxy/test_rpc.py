"""A session's one timer: each call has its own time, whatever the others have."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.rpc import Lost, Session, TimedOut

if TYPE_CHECKING:
    from axonflow_hooks.proxy.exact_json import Member

LONG_S = 600.0
SHORT_S = 0.01


@dataclass
class Wire:
    """Keeps what is sent, and drops what the backend says on its own account."""

    sent: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, message: str, request_id: int | None) -> None:
        self.sent.append(json.loads(message))

    def send_now(self, line: bytes) -> bool:
        self.sent.append(json.loads(line))
        return True

    def forget(self, request_id: int) -> None:
        """Nothing is kept."""

    async def aclose(self) -> None:
        """Nothing is open."""

    def on_request(self, session: Session, raw_id: str, method: str, params: Member | None) -> None:
        """Nothing is answered."""

    def on_notification(self, session: Session, method: str, params: Member | None) -> None:
        """Nothing is done."""


def _session() -> tuple[Session, Wire]:
    wire = Wire()
    return Session(wire, lambda _: None, wire), wire


def test_each_call_has_its_own_time() -> None:
    async def calls() -> None:
        session, wire = _session()
        first = asyncio.ensure_future(session.request("tools/call", "{}", timeout_s=LONG_S))
        await asyncio.sleep(0)
        for _ in range(2):
            with pytest.raises(TimedOut):
                await session.request("tools/call", "{}", timeout_s=SHORT_S)
        cancelled = [message["params"]["requestId"] for message in wire.sent if "id" not in message]
        assert cancelled == [2, 3]
        session.receive('{"jsonrpc":"2.0","id":1,"result":{"a":1}}')
        reply = await first
        assert reply.result is not None
        assert reply.result.value == {"a": 1}

    asyncio.run(calls())


def test_reported_progress_prolongs_the_time() -> None:
    async def calls() -> None:
        session, _ = _session()
        call = asyncio.ensure_future(session.request("tools/call", "{}", timeout_s=SHORT_S, token="t"))
        await asyncio.sleep(0)
        report = '{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":"t","progress":1}}'
        loop = asyncio.get_running_loop()
        over = loop.time() + 10 * SHORT_S
        while loop.time() < over:
            session.receive(report)
            await asyncio.sleep(0)
        assert not call.done()
        with pytest.raises(TimedOut):
            await call

    asyncio.run(calls())


def test_loss_reaches_every_call() -> None:
    async def calls() -> None:
        session, _ = _session()
        waiting = [asyncio.ensure_future(session.request("ping", None, timeout_s=LONG_S)) for _ in range(3)]
        await asyncio.sleep(0)
        session.lose("it is gone")
        ends = await asyncio.gather(*waiting, return_exceptions=True)
        assert [isinstance(end, Lost) and end.sent for end in ends] == [True] * 3

    asyncio.run(calls())
