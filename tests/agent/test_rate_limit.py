"""The limit per minute (wire 1.16): counted per client, told in the envelope of the route."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.rate_limit import MAX_CLIENTS, RateLimit

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import Receive, Scope, Send

    from tests.agent.conftest import AgentProcess


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application that does not answer."""


def test_a_minute_holds_so_many() -> None:
    present = [100.0]
    limit = RateLimit(nothing, 2, lambda: present[0])
    assert [limit.take("a"), limit.take("a")] == [0, 0]
    present[0] += 20
    assert limit.take("a") == pytest.approx(40)
    assert limit.take("b") == 0
    present[0] += 40
    assert [limit.take("a"), limit.take("a")] == [0, 0]
    assert limit.take("a") > 0


def test_only_so_many_clients_are_remembered() -> None:
    limit = RateLimit(nothing, 1, lambda: 0.0)
    for number in range(MAX_CLIENTS + 1):
        assert limit.take(str(number)) == 0
    assert limit.take("1") > 0
    assert limit.take("0") == 0


def test_an_agent_with_a_limit(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent(environ={"AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE": "2"})
    with agent.client() as client:
        assert [client.get("/api/v1/decisions").status_code for _ in range(2)] == [200, 200]
        refused = client.get("/api/v1/decisions")
        decision = client.post("/api/v1/decide", json={"stage": "llm", "query": "x"})
        health = client.get("/health")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    body = refused.json()
    assert (body["limit_type"], body["limit"], body["remaining"], body["window"]) == ("per_minute", 2, 0, "minute")
    assert (decision.status_code, decision.json()["verdict"]) == (429, "deny")
    assert health.status_code == 200
    over_mcp = agent.rpc("tools/list")
    assert (over_mcp.status_code, over_mcp.json()["error"]["code"]) == (429, -32603)


@pytest.mark.parametrize("value", ["many", "-1", "1.5", "9999999"])
def test_a_limit_that_is_none(start_agent: Callable[..., AgentProcess], value: str) -> None:
    agent = start_agent(environ={"AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE": value})
    assert agent.wait() == 1
    assert "AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE" in agent.stderr[-1]
