"""What the routes answer while nothing can be recorded: no verdict without its record, and never an allow."""

from __future__ import annotations

import contextlib
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.decide import CHECK_INPUT_PATH, CHECK_OUTPUT_PATH, DECIDE_PATH
from tests.agent.conftest import AgentStarter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.agent.conftest import AgentProcess

SECRET = "the-statement-itself"


@pytest.fixture(scope="module")
def broken_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """An agent whose table of decisions is gone."""
    starter = AgentStarter(tmp_path_factory.mktemp("agent"))
    agent = starter()
    with contextlib.closing(sqlite3.connect(agent.data_dir / "agent.db", timeout=30)) as connection, connection:
        connection.execute("DROP TABLE decisions")
    yield agent
    starter.stop_all()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (DECIDE_PATH, {"stage": "llm", "query": SECRET}),
        (CHECK_INPUT_PATH, {"connector_type": "x", "statement": SECRET}),
        (CHECK_OUTPUT_PATH, {"connector_type": "x", "message": SECRET}),
        ("/api/policy/pre-check", {"query": SECRET}),
    ],
    ids=["decide", "check-input", "check-output", "pre-check"],
)
def test_no_verdict_without_its_record(broken_agent: AgentProcess, path: str, body: dict[str, Any]) -> None:
    with broken_agent.client() as client:
        reply = client.post(path, json=body, headers={"Idempotency-Key": uuid.uuid4().hex})
        health = client.get("/health").json()
    refused = reply.json()
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "1")
    assert "error id" in refused["error"]
    assert ("verdict" in refused) == (path == DECIDE_PATH)
    assert refused.get("verdict", "deny") == "deny"
    assert "allowed" not in refused
    assert health["status"] == "degraded"
    assert SECRET not in reply.text
    assert not any(SECRET in line for line in broken_agent.stderr)


def test_a_fault_is_not_replayed(broken_agent: AgentProcess) -> None:
    body, key = {"connector_type": "x", "statement": SECRET}, {"Idempotency-Key": "again"}
    with broken_agent.client() as client:
        replies = [client.post(CHECK_INPUT_PATH, json=body, headers=key) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [503, 503]
    assert replies[0].json()["error"] != replies[1].json()["error"]
    assert "idempotent-replayed" not in replies[1].headers


@pytest.mark.parametrize("path", ["/api/v1/decisions", f"/api/v1/decisions/{uuid.UUID(int=7)}/explain"])
def test_what_cannot_be_read_says_so(broken_agent: AgentProcess, path: str) -> None:
    with broken_agent.client() as client:
        reply = client.get(path)
    assert (reply.status_code, reply.json()["success"]) == (503, False)
