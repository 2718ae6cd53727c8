"""What an agent that limits the rows of a result is told of their number, whatever stands beside them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import Reply
from tests.proxy.two_ways import Scenario, both_ways

if TYPE_CHECKING:
    from tests.conftest import Received
    from tests.proxy.conftest import Agent, World

CHECK_OUTPUT = "/api/v1/mcp/check-output"
LIMIT = 10
ROWS = [{"id": number, "name": "x"} for number in range(LIMIT + 1)]


@pytest.mark.parametrize(
    ("structured", "count"),
    [
        pytest.param({"rows": ROWS}, LIMIT + 1, id="one list"),
        pytest.param({"items": ROWS, "errors": []}, LIMIT + 1, id="an empty list beside it"),
        pytest.param({"columns": ["id", "name"], "rows": [list(row.values()) for row in ROWS]}, LIMIT + 1, id="table"),
        pytest.param({"data": {"page": {"rows": ROWS}}, "tags": ["x"]}, LIMIT + 1, id="deep"),
        pytest.param({"rows": [{"text": "x" * 20_000}] * (LIMIT + 1)}, LIMIT + 1, id="long"),
        pytest.param({"rows": ROWS[:LIMIT], "errors": ["x"]}, LIMIT, id="fewer"),
        pytest.param({"rows": [{"text": "x" * 20_000}] * LIMIT}, LIMIT, id="long and fewer"),
    ],
)
def test_longest_list_counts(
    world: World, agent: Agent, monkeypatch: pytest.MonkeyPatch, structured: Any, count: int
) -> None:
    check_output = agent.server.replies[CHECK_OUTPUT]
    assert callable(check_output)

    def limited(request: Received) -> Reply:
        if request.json().get("row_count", 0) > LIMIT:
            return Reply(403, {"allowed": False, "block_reason": "Response blocked: too many rows", "decision_id": "o"})
        return check_output(request)

    agent.server.replies[CHECK_OUTPUT] = limited
    call = Scenario("", "reply", {"result": {"content": [], "structuredContent": structured}})
    general, straight, _ = both_ways(world, agent, call, monkeypatch)
    assert straight == general
    assert ("result" in json.loads(straight.client[0])) == (count <= LIMIT)
    counted = [row["response_record_count"] for row in straight.rows if "response_record_count" in row]
    assert counted[0] == (count if count <= LIMIT else None)
