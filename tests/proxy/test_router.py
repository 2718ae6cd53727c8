"""What becomes of requests that are cancelled before anything was done for them."""

from __future__ import annotations

import asyncio
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from axonflow_hooks.proxy.diagnostics import Diagnostics
from axonflow_hooks.proxy.router import MAX_RUNNING, Router

if TYPE_CHECKING:
    from axonflow_hooks.proxy.exact_json import Member


@dataclass
class Link:
    """A client that keeps what it is sent, and counts how often its own messages were held back and let on."""

    sent: list[Any] = field(default_factory=list)
    paused: int = 0
    resumed: int = 0

    def send(self, message: str) -> None:
        self.sent.append(json.loads(message))

    def pause(self) -> None:
        self.paused += 1

    def resume(self) -> None:
        self.resumed += 1


def line(method: str, params: Any, identifier: int | None = None) -> bytes:
    message = {"jsonrpc": "2.0", "method": method, "params": params}
    return json.dumps(message if identifier is None else {**message, "id": identifier}).encode()


def test_a_request_that_is_cancelled_before_it_began_leaves_nothing_behind() -> None:
    begun: list[int] = []

    async def answer(params: Member | None) -> str:
        begun.append(1)
        return "{}" if params else "[]"

    async def scene() -> None:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        diagnostics, link = Diagnostics(descriptor), Link()
        router = Router(diagnostics, starting=lambda _: None, routes={"tools/list": answer}, shaken=True)
        router.link = link  # type: ignore[assignment]
        for number in range(MAX_RUNNING):
            router.take(line("tools/list", {}, number))
            router.take(line("notifications/cancelled", {"requestId": number}))
        assert (link.paused, link.resumed) == (1, 0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert (link.resumed, begun) == (1, [])
        router.take(line("tools/list", {}, 0))  # the id is free again
        while not link.sent:
            await asyncio.sleep(0)
        assert link.sent == [{"jsonrpc": "2.0", "id": 0, "result": {}}]
        diagnostics.close()
        os.close(descriptor)

    asyncio.run(asyncio.wait_for(scene(), 30))
