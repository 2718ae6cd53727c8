"""Arguments that must be masked: each as it was decided on, and the call is made when nothing is left to be masked."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Reply
from tests.proxy.conftest import MASK, REDACT, SSN

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, World

CHECK_INPUT = "/api/v1/mcp/check-input"
BARE = SSN.replace("-", "")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({"text": f"it is {SSN}"}, {"text": f"it is {MASK}"}, id="text"),
        pytest.param(
            {"deep": [{"x": [SSN, 5, 12345678901234567890]}]},
            {"deep": [{"x": [MASK, 5, 12345678901234567890]}]},
            id="deep",
        ),
        pytest.param({"ssn": BARE}, {"ssn": MASK}, id="by its key"),
        pytest.param({"person": {"ssn": int(BARE)}, "n": 1}, {"person": {"ssn": MASK}, "n": 1}, id="number by its key"),
        pytest.param({"text": f"ssn {BARE}", "ssn": [BARE]}, {"text": f"ssn {MASK}", "ssn": [MASK]}, id="both"),
        pytest.param({"field": "ssn", "value": BARE}, {"field": "ssn", "value": MASK}, id="by its neighbour"),
        pytest.param({"ssn": {"value": BARE}}, {"ssn": {"value": MASK}}, id="by the key above"),
        pytest.param({"text": "nothing"}, {"text": "nothing"}, id="no obligation"),
        pytest.param({"text": "confidential"}, {"text": "confidential"}, id="obligation, and nothing to mask"),
        pytest.param({"ssn": BARE, "text": "confidential"}, {"ssn": MASK, "text": "confidential"}, id="one of two"),
    ],
)
def test_obligation_masks_arguments(world: World, agent: Agent, arguments: Any, expected: Any) -> None:
    agent.obligations = [REDACT]
    client = world.client(AXONFLOW_REDACT_RESPONSES="off")
    assert client.call("echo", arguments)["result"]["structuredContent"] == expected


@pytest.mark.parametrize(
    ("obligation", "check_input"),
    [
        pytest.param(REDACT, Reply(500, {}), id="engine fails"),
        pytest.param(REDACT, Reply(200, {"allowed": True}), id="redaction not evaluated"),
        pytest.param(
            REDACT, Reply(200, {"allowed": True, "redaction_evaluated": True, "redacted": True}), id="no masked text"
        ),
        pytest.param(REDACT, Reply(403, {"allowed": False, "block_reason": "b"}), id="blocked"),
        pytest.param(REDACT, Reply(403, {"success": False, "error": "Tenant mismatch"}), id="refused"),
        pytest.param({"type": "encrypt"}, None, id="unknown obligation"),
        pytest.param({**REDACT, "fulfillment": {"endpoint": "/elsewhere"}}, None, id="elsewhere"),
    ],
)
def test_obligation_that_cannot_be_fulfilled_refuses(
    world: World, agent: Agent, obligation: Any, check_input: Reply | None
) -> None:
    agent.obligations = [obligation]
    client = world.client(AXONFLOW_FAIL_MODE="open")
    client.tools()
    agent.before = lambda request: check_input if request.path.endswith("check-input") else None
    assert client.call("count", {"text": SSN})["error"]["code"] in {-32001, -32003}
    assert world.lines("one", "count.txt") == []


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        pytest.param({SSN: 1}, "The name of an argument would have to be masked", id="masked key"),
        pytest.param({"ssn": {BARE: True}}, "The name of a field in it would have to be masked", id="by the key above"),
    ],
)
def test_unmet_obligation_refuses(world: World, agent: Agent, arguments: Any, reason: str) -> None:
    agent.obligations = [REDACT]
    client = world.client(AXONFLOW_FAIL_MODE="open")
    error = client.call("count", arguments)["error"]
    assert (error["code"], error["data"]["executed"], error["data"]["retryable"]) == (-32003, False, False)
    assert reason in error["message"]
    assert BARE not in json.dumps(error)
    assert world.lines("one", "count.txt") == []
    assert world.rows("outcome")[-1]["redaction_count"] == 0


@pytest.mark.parametrize(
    ("second", "code"),
    [
        pytest.param(Reply(403, {"allowed": False, "block_reason": "no"}), -32001, id="blocked"),
        pytest.param(
            Reply(200, {"allowed": True, "redaction_evaluated": True, "redacted": True, "redacted_statement": "x"}),
            -32003,
            id="more to mask",
        ),
        pytest.param(Reply(200, {"allowed": True}), -32003, id="not evaluated"),
        pytest.param(Reply(503, {"error": "away"}), -32003, id="unavailable"),
        pytest.param(Reply(200, {"verdict": "allow"}), -32003, id="no verdict"),
    ],
)
def test_masked_arguments_are_checked_once_more_together(world: World, agent: Agent, second: Reply, code: int) -> None:
    agent.obligations = [REDACT]
    client = world.client(AXONFLOW_FAIL_MODE="open")
    client.tools()
    agent.before = lambda request: second if "[REDACTED]" in str(request.json().get("statement")) else None
    assert client.call("count", {"text": f"it is {SSN}"})["error"]["code"] == code
    assert world.lines("one", "count.txt") == []
    agent.before = lambda _: None
    assert "result" in client.call("count", {"text": f"it is {SSN}"})
    assert [question["statement"] for question in agent.asked(CHECK_INPUT)][-2:] == [
        f"text: it is {SSN}",
        "tool_call: count\ntext: it is [REDACTED]",
    ]


def test_nothing_more_is_asked_where_nothing_is_obliged(world: World, agent: Agent) -> None:
    agent.obligations = [REDACT]
    client = world.client()
    client.call("echo", {"text": "x"})
    assert (len(agent.asked()), agent.asked(CHECK_INPUT)) == (1, [])
