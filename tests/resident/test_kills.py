"""kill -9 of the resident and of the agent, at random moments of a call: no wrong answer, no lost or doubled record.

At named stages: test_kill_stages.py. AXONFLOW_TEST_KILLS sets how often each is killed (default: 3).
"""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from typing import TYPE_CHECKING

from tests.resident.conftest import answer_of, decision, expect_each_once

if TYPE_CHECKING:
    from tests.resident.conftest import Machine, RealAgent

KILLS = int(os.environ.get("AXONFLOW_TEST_KILLS", "3"))
CALL_S = 0.08
"""A call with all that follows it takes about this long: the kills are spread over it."""


def moments() -> list[float]:
    """Give a moment in each of as many equal parts of a call as there are kills, in random order."""
    source = random.Random(20_261_122)
    parts = [CALL_S * (n + source.random()) / KILLS for n in range(KILLS)]
    source.shuffle(parts)
    return parts


def kill_residents_now(machine: Machine) -> None:
    for pid in machine.residents():
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def test_a_killed_resident_costs_no_answer_and_no_record(machine: Machine, agent: RealAgent) -> None:
    expected: list[str] = []
    for moment in moments():
        machine.hook()  # a resident is there to be killed
        denied = machine.payload(command="rm -rf /")
        expected.append(f"toolu_{machine.serial:06}")
        running = machine.start(payload=denied)
        time.sleep(moment)
        kill_residents_now(machine)
        assert decision(answer_of(running)) == "deny"
        finished = machine.payload("PostToolUse", command="cat notes.txt")
        expected.append(f"toolu_{machine.serial:06}")
        machine.hook()
        running = machine.start("post-tool-use", finished)
        time.sleep(moment)
        kill_residents_now(machine)
        assert answer_of(running) == {}
    expect_each_once(machine, agent, expected)


def test_a_killed_agent_costs_no_wrong_answer_and_no_record(machine: Machine, agent: RealAgent) -> None:
    machine.hook()
    expected: list[str] = []
    for moment in moments():
        denied = machine.payload(command="rm -rf /")
        expected.append(f"toolu_{machine.serial:06}")
        first = machine.start(payload=denied)
        time.sleep(moment / 2)
        agent.kill()
        # Denied by its policy, or because nobody could decide: never allowed.
        answer = answer_of(first)
        assert decision(answer) == "deny"
        if "AXONFLOW_FAIL_MODE is closed" in str(answer):
            expected.pop()  # not a policy's decision: nothing to record
        finished = machine.payload("PostToolUse", command="cat notes.txt")
        expected.append(f"toolu_{machine.serial:06}")
        assert set(machine.hook("post-tool-use", finished)) <= {"systemMessage"}
        agent.start()
    expect_each_once(machine, agent, expected)
