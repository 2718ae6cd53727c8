"""What has been answered in time counts, whoever else hangs and however late this process is."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.claude_code import context
from axonflow_hooks.claude_code.context import Deadline
from axonflow_hooks.claude_code.hook import answer
from tests.claude_code.conftest import BASH, SSN, masked_in, updated

if TYPE_CHECKING:
    from tests.claude_code.conftest import Hooks, StubAgent

DENIED = {"allowed": False, "decision_id": "dec-42", "block_reason": "no", "policies_evaluated": 3}
COMMAND = "rm -rf --no-preserve-root /"


@pytest.mark.parametrize("late_s", [0.0, 0.3])
def test_a_denied_piece_outlives_one_that_hangs(
    hooks: Hooks, agent: StubAgent, monkeypatch: pytest.MonkeyPatch, late_s: float
) -> None:
    agent.on["check_policy"] = lambda given: DENIED if COMMAND in given["statement"] else {"act": "hang"}
    event = hooks.event("PreToolUse", "Write", {"file_path": "/x", "content": COMMAND + "a" * 2_500_000})
    at_most = Deadline.at_most

    def busy_near_its_end(self: Deadline, seconds: float) -> float:
        left_s = at_most(self, seconds)
        asyncio.get_running_loop().call_later(left_s - 0.05, time.sleep, late_s)
        return left_s

    monkeypatch.setattr(context.Deadline, "at_most", busy_near_its_end)
    said: Any = json.loads(asyncio.run(answer("pre-tool-use", json.dumps(event).encode(), hooks.environ, 8.0)).stdout)
    assert said["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert "dec-42" in said["hookSpecificOutput"]["permissionDecisionReason"]


def test_a_deny_of_one_piece_is_not_lost_to_another_that_hangs(hooks: Hooks, agent: StubAgent, late: float) -> None:
    started = threading.Event()

    def decide(given: dict[str, Any]) -> Any:
        if COMMAND in given["statement"]:
            started.wait(60)
            return DENIED
        started.set()
        return {"act": "hang"}

    agent.on["check_policy"] = decide
    content = "a" * 2_000_000 + COMMAND + "b" * 500_000
    reply = hooks.pre("Write", {"file_path": "/x", "content": COMMAND + content}, deadline_s=late)
    assert reply["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert "dec-42" in reply["hookSpecificOutput"]["permissionDecisionReason"]


def test_what_was_masked_in_time_is_kept_when_the_rest_hangs(hooks: Hooks, agent: StubAgent, late: float) -> None:
    agent.on["check_output"] = lambda asked: {"act": "hang"} if "SLOW" in asked["message"] else agent.mask_output(asked)
    response = {"stdout": SSN, **BASH, "stderr": "SLOW"}
    reply = hooks.post("Bash", {"command": "x"}, response, deadline_s=late)
    assert updated(reply) == masked_in(response)
    assert "not scanned" in reply["systemMessage"]
