from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.resident.in_process import remaining_s
from axonflow_hooks.resident.spool import backlog
from tests.conftest import Reply
from tests.resident.conftest import ROOT, Machine, decision

if TYPE_CHECKING:
    from tests.conftest import StandIn

MCP = "/api/v1/mcp-server"


def run(machine: Machine, word: str, payload: bytes, **environ: str) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-I", str(ROOT / "hooks" / "dispatch.py"), "--in-process", word],
        input=payload,
        env={**machine.environ, **environ},
        capture_output=True,
        check=True,
        timeout=60,
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
    answer = run(machine, "pre-tool-use", machine.payload(), AXONFLOW_FAIL_MODE=fail_mode, AXONFLOW_HOOK_DEADLINE=over)
    if fail_mode == "closed":
        assert decision(answer) == "deny"
    else:
        assert decision(answer) in {"", "deny"}  # the built-in policies, or the deny of a time that is over


@pytest.mark.parametrize(
    ("deadline", "least", "most"),
    [
        ("", 12, 13),
        ("nonsense", 12, 13),
        ("nan", 12, 13),
        ("inf", 12, 13),
        ("-inf", 12, 13),
        ("0", 0, 0),
        ("1e30", 12, 13),
    ],
)
def test_a_deadline_is_never_trusted_beyond_its_bounds(deadline: str, least: float, most: float) -> None:
    assert least <= remaining_s(deadline) <= most


def test_a_near_deadline_leaves_what_is_left() -> None:
    assert 4 < remaining_s(repr(time.monotonic() + 5)) < 5
    assert os.environ.get("AXONFLOW_HOOK_DEADLINE") is None
