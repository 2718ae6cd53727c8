"""Unexpected exceptions: an id for the caller, one line for the log, no value in either."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from sqlalchemy import event

from axonflow_hooks.agent.access import access_of
from axonflow_hooks.agent.app import build_app
from axonflow_hooks.agent.faults import FaultBarrier
from axonflow_hooks.agent.mcp.sessions import Sessions
from axonflow_hooks.agent.runtime import Agent
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.policy import load_engine

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from starlette.types import Receive, Scope, Send

STATEMENT = "echo swordfish"


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path)
    event.listen(database.engine, "connect", lambda connection, _: connection.execute("PRAGMA max_page_count = 40"))
    database.engine.dispose()
    writing = Writer(database.engine)
    access = access_of("http://127.0.0.1:8080", "local", "s3cret")
    yield Agent(load_engine(), database, writing, access, Sessions(), frozenset())
    writing.close()
    database.close()


def call(agent: Agent, name: str, arguments: dict[str, Any]) -> httpx.Response:
    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(build_app(agent))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            params = {"name": name, "arguments": arguments}
            message = {"jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params}
            return await client.post("/api/v1/mcp-server", json=message, auth=("local", "s3cret"))

    return asyncio.run(send())


def logged(caplog: pytest.LogCaptureFixture) -> str:
    assert len(caplog.records) == 1
    return caplog.records[0].getMessage()


def test_an_unexpected_exception_is_an_internal_error_with_an_id(
    agent: Agent, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_arguments: object, **_options: object) -> None:
        raise RuntimeError(f"cannot evaluate {STATEMENT}")

    monkeypatch.setattr("axonflow_hooks.agent.verdicts.Scan.redact", broken)
    with caplog.at_level(logging.WARNING):
        reply = call(agent, "check_policy", {"connector_type": "claude_code.Bash", "statement": STATEMENT})
    assert reply.status_code == 500
    error = reply.json()["error"]
    assert (error["code"], reply.json()["id"]) == (-32603, 9)
    error_id = error["message"].rpartition(" ")[2].rstrip(")")
    assert error_id in logged(caplog)
    assert "RuntimeError" in logged(caplog)
    assert "swordfish" not in reply.text + logged(caplog)


def test_a_record_that_cannot_be_kept_gives_no_verdict(agent: Agent, caplog: pytest.LogCaptureFixture) -> None:
    rows = {f"k{number}": f"value {number}" for number in range(4_000)}
    with caplog.at_level(logging.WARNING):
        reply = call(agent, "audit_tool_call", {"tool_name": "Bash", "input": rows})
    assert (reply.status_code, reply.json()["error"]["code"]) == (503, -32603)
    assert reply.headers["retry-after"] == "1"
    assert not agent.writer.healthy
    assert "cannot be written" in logged(caplog)
    assert call(agent, "check_policy", {"connector_type": "x", "statement": "y"}).status_code == 200
    assert agent.writer.healthy


def test_the_barrier_keeps_exceptions_from_the_server(caplog: pytest.LogCaptureFixture) -> None:
    async def broken(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise RuntimeError(STATEMENT)

    async def send() -> httpx.Response:
        transport = httpx.ASGITransport(FaultBarrier(broken))
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8080") as client:
            return await client.get("/health")

    with caplog.at_level(logging.WARNING):
        reply = asyncio.run(send())
    assert reply.status_code == 500
    assert reply.json()["success"] is False
    assert "swordfish" not in reply.text + logged(caplog)
