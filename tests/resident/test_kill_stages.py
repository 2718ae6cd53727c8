"""kill -9 of the resident and of the agent at each stage of a call: no wrong answer, no lost or doubled record.

A gate between the two holds the call at the stage, so that every kill meets it there; what comes before and after the
agent's part is held by the hook's input, by SIGSTOP and by a lock on the spool. AXONFLOW_TEST_KILLS sets how often
each is killed at each stage (default: 1); the kinds of calls to the agent take turns.
"""

from __future__ import annotations

import contextlib
import os
import signal
import sqlite3
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.resident.spool import backlog
from tests.resident.conftest import RealAgent, answer_of, decision, expect_each_once, give_input, wait_until
from tests.resident.gate import STAGES, Gate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.resident.conftest import Machine
    from tests.resident.gate import Hold

KILLS = int(os.environ.get("AXONFLOW_TEST_KILLS", "1"))
TOOLS = ("check_policy", "check_output", "audit_tool_call")
UNANSWERED = STAGES[:3] + STAGES[5:6]
"""An agent killed at these stages has not answered: the fail mode does."""
ANSWERED = ("answer here", "answer there")

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")


@pytest.fixture
def gate(machine: Machine, agent: RealAgent) -> Iterator[Gate]:
    made = Gate(agent.port)
    machine.environ["AXONFLOW_AUTH"] = agent.auth()
    machine.environ["AXONFLOW_ENDPOINT"] = made.url
    yield made
    made.close()


def kinds(stage: str) -> list[str]:
    """Give the kind of call for each kill at a stage."""
    first = STAGES.index(stage)
    return [TOOLS[(first + n) % len(TOOLS)] for n in range(KILLS)]


def kill_resident(machine: Machine) -> None:
    (resident,) = machine.residents()
    os.kill(resident, signal.SIGKILL)
    wait_until(lambda: resident not in machine.residents(), "the resident to be gone")


def held_call(machine: Machine, gate: Gate, tool: str, stage: str) -> tuple[Any, str, Hold]:
    """Begin a hook call and give it with its tool_use_id when its call of `tool` has come to the stage."""
    if tool == "audit_tool_call" or stage == "connecting":  # no earlier record may be what is held
        wait_until(lambda: not backlog(machine.paths).records, "the records so far at the agent")
    gate.drop_connections()
    before = gate.hold("check_policy", "answer there") if (tool, stage) == ("audit_tool_call", "connecting") else None
    hold = None if before else gate.hold(tool, stage)
    finished = tool == "check_output"
    event, word = ("PostToolUse", "post-tool-use") if finished else ("PreToolUse", "pre-tool-use")
    command = "" if finished else "rm -rf /"  # a command would be scanned for the record in a call of its own
    # A session is told once of what was not scanned: each call is of its own.
    payload = machine.payload(event, command, session_id=f"session {machine.serial}")
    running = machine.start(word, payload)
    if before:  # the record would be sent on the connection of the question before it
        before.wait()
        before.cut = True
        hold = gate.hold(tool, stage)
        before.release()
    assert hold
    hold.wait()
    return running, f"toolu_{machine.serial:06}", hold


def answered_call(machine: Machine, gate: Gate, tool: str) -> tuple[Any, str, Hold]:
    """Kill a resident that has the agent's answer, before it can write to disk what follows from it."""
    running, call, before = held_call(machine, gate, tool, "answer here")
    with spool_locked(machine):
        hold = gate.hold(tool, "answer there")
        before.release()
        hold.wait()
        kill_resident(machine)
    return running, call, hold


@contextlib.contextmanager
def spool_locked(machine: Machine) -> Iterator[None]:
    """Keep every process from writing to the spool."""
    file = machine.paths.spool_dir / "records.db"
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        yield
        connection.execute("ROLLBACK")


def is_closed_fail_mode(answer: dict[str, Any]) -> bool:
    return "AXONFLOW_FAIL_MODE is closed" in str(answer)


@pytest.mark.parametrize("stage", STAGES)
def test_a_resident_killed_at_a_stage(machine: Machine, agent: RealAgent, gate: Gate, stage: str) -> None:
    expected = [first_record(machine)]
    for tool in kinds(stage):
        machine.hook()  # a resident is there to be killed
        if stage == "answer there":
            running, call, hold = answered_call(machine, gate, tool)
        else:
            running, call, hold = held_call(machine, gate, tool, stage)
            kill_resident(machine)
        hold.release()
        answer = answer_of(running)
        assert answer == {} if tool == "check_output" else is_policy_deny(answer)
        expected.append(call)
    expect_each_once(machine, agent, expected)


@pytest.mark.parametrize("stage", STAGES)
def test_an_agent_killed_at_a_stage(machine: Machine, agent: RealAgent, gate: Gate, stage: str) -> None:
    expected = [first_record(machine)]
    for tool in kinds(stage):
        assert machine.hook() == {}
        running, call, hold = held_call(machine, gate, tool, stage)
        agent.kill()
        hold.cut = stage == "half an answer"  # the other half does not come any more
        hold.release()
        answer = answer_of(running)
        if tool == "check_policy":
            assert decision(answer) == "deny"
            assert not (is_closed_fail_mode(answer) and stage in ANSWERED)
            assert is_closed_fail_mode(answer) or stage not in UNANSWERED
        elif tool == "check_output":
            assert set(answer) == ({"systemMessage"} if stage in UNANSWERED else set(answer) & {"systemMessage"})
        else:
            assert is_policy_deny(answer)
        if not is_closed_fail_mode(answer):  # nobody decided: nothing to record
            expected.append(call)
        agent.start()
    expect_each_once(machine, agent, expected)


def test_a_resident_killed_before_it_has_heard_the_call(machine: Machine, agent: RealAgent, gate: Gate) -> None:
    expected = [first_record(machine)]
    for _ in range(KILLS):
        machine.hook()
        (resident,) = machine.residents()
        before = sockets_of(resident)
        running = machine.begin()
        wait_until(lambda: sockets_of(resident) - before, "the resident to accept the relay")  # noqa: B023
        kill_resident(machine)
        give_input(running, machine.payload(command="rm -rf /"))
        expected.append(f"toolu_{machine.serial:06}")
        assert is_policy_deny(answer_of(running))
    expect_each_once(machine, agent, expected)


def test_a_resident_killed_with_half_of_the_call(machine: Machine, agent: RealAgent, gate: Gate) -> None:
    expected = [first_record(machine)]
    for _ in range(KILLS):
        machine.hook()
        (resident,) = machine.residents()
        os.kill(resident, signal.SIGSTOP)
        # More than the system takes for a process that does not read, so the relay is stopped in the middle.
        running = machine.start(payload=machine.payload(command="rm -rf / # " + "x" * 800_000))
        expected.append(f"toolu_{machine.serial:06}")
        wait_until(lambda: is_waiting(running.pid), "the relay to wait for the resident")  # noqa: B023
        kill_resident(machine)
        assert is_policy_deny(answer_of(running))
    expect_each_once(machine, agent, expected)


def test_a_resident_killed_before_its_answer_is_read(machine: Machine, agent: RealAgent, gate: Gate) -> None:
    expected = [first_record(machine)]
    for _ in range(KILLS):
        machine.hook()
        delivery = gate.hold("audit_tool_call", "request here")
        running, call, hold = held_call(machine, gate, "check_policy", "request here")
        expected.append(call)
        os.kill(running.pid, signal.SIGSTOP)
        hold.release()
        delivery.wait()  # the record is on disk, and the answer was sent before this
        kill_resident(machine)
        os.kill(running.pid, signal.SIGCONT)
        assert is_policy_deny(answer_of(running))
        delivery.release()
    expect_each_once(machine, agent, expected)


def first_record(machine: Machine) -> str:
    """Make one whole call, which creates the spool, and give its tool_use_id."""
    assert machine.hook("post-tool-use", machine.payload("PostToolUse", "ls")) == {}
    return f"toolu_{machine.serial:06}"


def is_policy_deny(answer: dict[str, Any]) -> bool:
    return decision(answer) == "deny" and not is_closed_fail_mode(answer)


def sockets_of(process: int) -> set[str]:
    """Give the sockets that a process has open."""
    found = set()
    for entry in Path(f"/proc/{process}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(entry.readlink()))
    return {target for target in found if target.startswith("socket:")}


def is_waiting(process: int) -> bool:
    """Tell whether a relay that has all of its input waits: then only for somebody to read what it sends."""
    states = []
    for _ in range(5):
        states.append(Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0])
        time.sleep(0.01)
    return set(states) == {"S"}
