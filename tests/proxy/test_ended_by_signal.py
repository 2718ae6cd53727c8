"""A proxy that is told to end leaves no call without its outcome, wherever that is on its way, and on either way."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Reply
from tests.proxy.conftest import DEADLINE_S

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, World

CHECK_OUTPUT = "/api/v1/mcp/check-output"
DECIDE = "/api/v1/decide"
LONG = "x" * 30_000
"""Arguments that are too long for the straight way."""


@pytest.mark.parametrize("text", ["x", LONG], ids=["straight", "in a task"])
@pytest.mark.parametrize(
    ("held", "tool", "intents", "executed"),
    [
        pytest.param(DECIDE, "echo", 0, False, id="before the decision"),
        pytest.param("", "wait", 1, True, id="at the backend"),
        pytest.param(CHECK_OUTPUT, "echo", 1, True, id="before the check"),
    ],
)
def test_calls_under_way_end_as_cancelled(
    world: World, agent: Agent, held: str, tool: str, intents: int, executed: bool, text: str
) -> None:
    client = world.client()
    client.tools()
    assert "result" in client.call("echo", {"text": "warm"})
    asked = len(agent.server.to(held))
    agent.before = lambda request: Reply(act="hang") if request.path == held else None
    client.ask("tools/call", {"name": tool, "arguments": {"text": text}})
    if held:
        agent.server.wait_for(held, asked + 1)
    else:
        client.until(lambda: world.lines("one", "waiting.txt"))
    client.process.send_signal(signal.SIGTERM)
    assert client.process.wait(DEADLINE_S) == 0
    _, *ended = world.rows("outcome")
    assert [(row["error"], row["executed"]) for row in ended] == [("cancelled", executed)]
    assert [row["call_id"] for row in world.rows("intent")[1:]] == [row["call_id"] for row in ended][:intents]
    client.until(lambda: world.cancelled("one") == world.lines("one", "waiting.txt"))
