"""Calls that are cancelled at every moment of their way: recorded, answered at most once, never executed twice."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from tests.proxy.conftest import SSN
from tests.proxy.test_hostile_backends import hostile

if TYPE_CHECKING:
    from tests.proxy.conftest import World

CALLS = 120


@pytest.mark.parametrize("lag", [0, 1, 4, 12])
def test_calls_cancelled_soon_after(world: World, lag: int) -> None:
    """Every third call is cancelled when `lag` more have been sent."""
    client = world.client()
    client.tools()
    sent: list[int] = []
    cancelled: set[int] = set()
    for number in range(CALLS):
        sent.append(client.ask("tools/call", {"name": "count", "arguments": {"n": number}}))
        if number >= lag and (number - lag) % 3 == 0:
            cancelled.add(sent[number - lag])
            client.send({"method": "notifications/cancelled", "params": {"requestId": sent[number - lag]}})
    for identifier in sent:
        if identifier not in cancelled:
            assert client.answer(identifier)["result"]["content"][0]["text"] == "done"
    client.request("ping")
    client.until(lambda: len(world.rows("outcome")) == CALLS - _never_begun(world, CALLS))
    executed = Counter(json.loads(line)["n"] for line in world.lines("one", "count.txt"))
    assert set(executed.values()) == {1}
    assert set(executed) >= {number for number, identifier in enumerate(sent) if identifier not in cancelled}
    intents = Counter(row["call_id"] for row in world.rows("intent"))
    outcomes = Counter(row["call_id"] for row in world.rows("outcome"))
    assert set(intents.values()) == {1}
    assert set(outcomes.values()) == {1}
    assert set(intents) <= set(outcomes), "each call that was begun has come to an end"
    assert len(executed) <= len(intents)
    assert not [message for message in client._kept if message.get("id") in cancelled and "error" in message]


def _never_begun(world: World, calls: int) -> int:
    """Give how many calls were cancelled before anything of them was: they leave no row."""
    return calls - len({row["call_id"] for row in world.rows()})


def test_nothing_of_a_cancelled_call_is_shown_any_more(world: World) -> None:
    gate = world.folder / "gate"
    client = world.client(hostile(world, "one", f"wait={gate}"))
    client.tools()
    report = {"method": "notifications/progress", "params": {"progressToken": "$TOKEN", "progress": 1, "message": SSN}}
    arguments: dict[str, Any] = {"wait": True, "send": [report], "result": {"content": [{"type": "text", "text": SSN}]}}
    asked = client.ask("tools/call", {"name": "say", "arguments": arguments, "_meta": {"progressToken": "t"}})
    client.until(lambda: world.lines("one", "calls.txt"))
    client.send({"method": "notifications/cancelled", "params": {"requestId": asked}})
    client.until(lambda: [row for row in world.rows("outcome") if row["error"] == "cancelled"])
    gate.touch()
    client.until(lambda: world.lines("one", "answered.txt"))
    assert "result" in client.call("say")
    assert not [message for message in client._kept if message.get("id") == asked or "progress" in str(message)]
    (row,) = [row for row in world.rows("outcome") if row["error"] == "cancelled"]
    assert row["executed"] is True
