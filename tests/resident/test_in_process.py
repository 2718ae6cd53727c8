from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.claude_code.context import DEADLINE_S
from axonflow_hooks.resident.in_process import WRITE_RESERVE_S, remaining_s
from axonflow_hooks.resident.spool import backlog
from tests.conftest import Reply
from tests.resident.conftest import WAIT_S, Machine, decision

if TYPE_CHECKING:
    from tests.conftest import StandIn

MCP = "/api/v1/mcp-server"
FULL_S = DEADLINE_S - WRITE_RESERVE_S


def run(machine: Machine, word: str, payload: bytes, **environ: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-I", str(machine.root / "hooks" / "dispatch.py"), "--in-process", word],
        input=payload,
        env={**machine.environ, **environ},
        capture_output=True,
        check=True,
        timeout=WAIT_S,
    )
    loaded: dict[str, object] = json.loads(done.stdout) if done.stdout else {}
    return loaded


def test_its_record_is_kept_while_the_agent_is_away_and_delivered_by_the_next(
    machine: Machine, stand_in: StandIn
) -> None:
    run(machine, "post-tool-use", machine.payload("PostToolUse"))
    assert backlog(machine.paths).records == 1
    assert machine.residents() == []
    machine.environ["AXONFLOW_ENDPOINT"] = stand_in.url
    run(machine, "post-tool-use", machine.payload("PostToolUse"), AXONFLOW_ENDPOINT="http://127.0.0.1:9")
    assert backlog(machine.paths).records == 2
    assert stand_in.requests == []  # the records are for another endpoint


def test_a_handed_on_call_keeps_its_id(machine: Machine, stand_in: StandIn) -> None:
    text = json.dumps({"recorded": True, "allowed": True, "redaction_evaluated": True})
    stand_in.replies[MCP] = Reply(
        body={"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": text}]}}
    )
    machine.environ["AXONFLOW_ENDPOINT"] = stand_in.url
    payload = machine.payload("PostToolUse")
    for _ in range(2):
        run(machine, "post-tool-use", payload, AXONFLOW_HOOK_CALL="a" * 32)
    keys = [r.headers["idempotency-key"] for r in stand_in.to(MCP) if "idempotency-key" in r.headers]
    assert keys == ["axonflow-hooks:" + "a" * 32 + ":1"]


@pytest.mark.parametrize("fail_mode", ["closed", "local"])
def test_when_the_time_is_over_the_fail_mode_answers(machine: Machine, fail_mode: str) -> None:
    over = repr(time.monotonic() - 5)
    # Which part of the product answers depends on how fast the machine is; that it is denied does not.
    payload = machine.payload(command="rm -rf /")
    answer = run(machine, "pre-tool-use", payload, AXONFLOW_FAIL_MODE=fail_mode, AXONFLOW_HOOK_DEADLINE=over)
    assert decision(answer) == "deny"


@pytest.mark.parametrize(
    ("deadline", "left_s"),
    [
        ("", FULL_S),
        ("nonsense", FULL_S),
        ("nan", FULL_S),
        ("inf", FULL_S),
        ("-inf", FULL_S),
        ("0", 0.0),
        ("-1e30", 0.0),
        ("1e30", FULL_S),
    ],
)
def test_a_deadline_is_never_trusted_beyond_its_bounds(deadline: str, left_s: float) -> None:
    assert remaining_s(deadline) == left_s


def test_a_near_deadline_leaves_what_is_left() -> None:
    before = time.monotonic()
    deadline = before + 5
    left_s = remaining_s(repr(deadline))
    after = time.monotonic()
    assert deadline - after - WRITE_RESERVE_S <= left_s <= deadline - before - WRITE_RESERVE_S


def test_a_deadline_that_is_over_leaves_nothing() -> None:
    assert remaining_s(repr(time.monotonic())) == 0.0
