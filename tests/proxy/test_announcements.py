"""Changes of lists on their way to the client: the first at once, a burst as one, the last never lost."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from axonflow_hooks.proxy import router
from axonflow_hooks.proxy.router import Router

TOOLS = "notifications/tools/list_changed"
PROMPTS = "notifications/prompts/list_changed"


@pytest.mark.parametrize(
    ("announced", "at_once", "in_all"),
    [
        pytest.param([TOOLS], 1, 1, id="one"),
        pytest.param([TOOLS] * 2, 1, 2, id="two"),
        pytest.param([TOOLS] * 5_000, 1, 2, id="burst"),
        pytest.param([TOOLS, PROMPTS], 2, 2, id="two lists"),
        pytest.param([TOOLS, PROMPTS] * 1_000, 2, 4, id="bursts of two lists"),
    ],
)
def test_bursts_are_gathered(monkeypatch: pytest.MonkeyPatch, announced: list[str], at_once: int, in_all: int) -> None:
    monkeypatch.setattr(router, "ANNOUNCE_S", 0.01)
    heard: list[str] = []

    async def announce() -> None:
        unused: Any = None
        link: Any = SimpleNamespace(send=heard.append)
        made = Router(unused, unused, link=link, shaken=True)
        for method in announced:
            made.announce(method)
        assert len(heard) == at_once
        while made._announced:
            await asyncio.sleep(0.001)
        assert len(heard) == in_all

    asyncio.run(asyncio.wait_for(announce(), 60))
