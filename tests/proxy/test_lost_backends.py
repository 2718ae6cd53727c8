"""What is said of calls whose backend was killed is true: not executed means not executed, and nothing runs twice."""

from __future__ import annotations

import json
import os
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.proxy.conftest import World

CALLS = 48
ROUNDS = 3


@pytest.mark.parametrize("tool", ["count", "read"])
def test_many_calls_at_once_and_a_backend_that_is_killed_among_them(world: World, tool: str) -> None:
    client = world.client()
    client.tools()
    answers: dict[int, dict[str, Any]] = {}
    for start in range(0, ROUNDS * CALLS, CALLS):
        asked = {n: client.ask("tools/call", {"name": tool, "arguments": {"n": n}}) for n in range(start, start + 24)}
        os.kill(int(world.lines("one", "starts.txt")[-1]), signal.SIGKILL)
        more = range(start + 24, start + CALLS)
        asked |= {n: client.ask("tools/call", {"name": tool, "arguments": {"n": n}}) for n in more}
        answers |= {number: client.answer(identifier) for number, identifier in asked.items()}
        client.until(lambda: "result" in client.call("echo"))  # the next one is up
    executed = Counter(json.loads(line)["n"] for line in world.lines("one", f"{tool}.txt"))
    for number, answer in answers.items():
        if "result" in answer:
            assert executed[number] >= 1
        else:
            assert answer["error"]["code"] == -32004
            assert answer["error"]["data"]["executed"] in {False, "unknown"}
            assert not (answer["error"]["data"]["executed"] is False and executed[number])
    if tool == "count":
        assert max(executed.values(), default=0) <= 1
    else:  # it may be repeated, and is
        assert all("result" in answer for answer in answers.values())
    rows = Counter(row["call_id"] for row in world.rows("outcome") if row["tool_name"] == tool)
    assert (len(rows), set(rows.values())) == (CALLS * ROUNDS, {1})
