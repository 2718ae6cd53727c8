"""create_override, list_overrides and delete_override (wire 1.3.1): a model asks, a person answers elsewhere."""

from __future__ import annotations

import asyncio
import json
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from axonflow_hooks.agent.access import access_of
from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.grants.presence import waiting_questions
from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.agent.mcp import overrides
from axonflow_hooks.agent.mcp.calls import ToolCall
from axonflow_hooks.agent.mcp.sessions import Sessions
from axonflow_hooks.agent.runtime import WAITING_CALLS, Agent
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import Caller
from axonflow_hooks.policy import load_engine, parse_pack
from tests.agent.conftest import MCP_PATH
from tests.agent.grants.conftest import PACK, PASSPHRASE, Governed, override_of
from tests.conftest import NO_TLS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.agent.conftest import AgentProcess

DEADLINE_S = 120


def question_about(governed: Governed, reason: str) -> dict[str, Any]:
    """Give the question with this reason, as soon as it waits."""
    end = time.monotonic() + DEADLINE_S
    while time.monotonic() < end:
        for question in governed.questions():
            if question["request"]["override_reason"] == reason:
                return question
        time.sleep(0.01)
    raise AssertionError("no question came")


def http_client(process: AgentProcess) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=process.endpoint, auth=process.credential, timeout=DEADLINE_S, verify=NO_TLS)


async def asked(governed: Governed, reason: str, answer: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    """Call create_override, answer its question while it waits, and give its result."""
    arguments = override_of("halt", override_reason=reason)
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    process = governed.process
    async with http_client(process) as client:
        body = {**message, "params": {"name": "create_override", "arguments": arguments}}
        call = asyncio.create_task(client.post(MCP_PATH, json=body))
        question = await asyncio.to_thread(question_about, governed, reason)
        await asyncio.to_thread(answer, question)
        reply = await call
    result: dict[str, Any] = reply.json()["result"]
    return result


def test_the_call_waits_for_the_person(governed: Governed) -> None:
    result = asyncio.run(asked(governed, "a yes", governed.confirm))
    made = json.loads(result["content"][0]["text"])
    assert (made["policy_id"], made["ttl_seconds"]) == ("halt", 3600)
    assert governed.check("halt")["override_existing_id"] == made["id"]
    listed = governed.process.tool("list_overrides", {"policy_id": "halt"})
    assert [row["id"] for row in listed["overrides"]] == [made["id"]]
    gone = governed.process.tool("delete_override", {"override_id": made["id"]})
    assert gone["id"] == made["id"]
    assert governed.check("halt")["allowed"] is False
    assert governed.process.tool("list_overrides", {})["overrides"] == []
    assert governed.process.tool("list_overrides", {"include_revoked": True})["count"] == 1
    assert governed.process.tool_failure("delete_override", {"override_id": made["id"]}) == (
        "Override not found or already revoked"
    )


def test_the_call_ends_with_a_no(governed: Governed) -> None:
    def refuse(question: dict[str, Any]) -> None:
        assert governed.send("DELETE", f"/api/v1/presence/challenges/{question['code']}").status_code == 204

    result = asyncio.run(asked(governed, "a no", refuse))
    assert result["isError"] is True
    assert "refused" in result["content"][0]["text"]
    assert governed.process.tool("list_overrides", {})["overrides"] == []


def test_a_wrong_passphrase_grants_nothing(governed: Governed) -> None:
    def answer(question: dict[str, Any]) -> None:
        assert governed.confirm(question, "wrong horse battery staple").status_code == 403
        assert governed.process.tool("list_overrides", {})["overrides"] == []
        governed.send("DELETE", f"/api/v1/presence/challenges/{question['code']}")

    assert asyncio.run(asked(governed, "a guess", answer))["isError"] is True


def test_nobody_waits_for_a_client_that_has_gone(governed: Governed) -> None:
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "create_override", "arguments": override_of("cease", override_reason="gone")},
    }
    process = governed.process

    async def ask_and_leave() -> dict[str, Any]:
        async with http_client(process) as client:
            call = asyncio.create_task(client.post(MCP_PATH, json=body))
            question = await asyncio.to_thread(question_about, governed, "gone")
            call.cancel()
        return question

    question = asyncio.run(ask_and_leave())
    # The person may still say yes: the question is not the call's.
    assert governed.confirm(question).status_code == 201
    assert governed.check("cease")["allowed"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({}, "policy_id, policy_type and override_reason are required"),
        (override_of("never"), "never is of critical risk: no override lifts it"),
        (override_of("nothing"), "Policy not found"),
        (override_of("halt", override_reason=" "), "override_reason must have 1 to 500 characters"),
    ],
)
def test_what_is_refused_at_once(governed: Governed, arguments: dict[str, Any], said: str) -> None:
    assert governed.process.tool_failure("create_override", arguments) == said


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    """An agent in this process, with a passphrase, so that its patience can be cut short."""
    tmp_path.chmod(0o700)
    database = open_database(tmp_path)
    writer = Writer(database.engine)
    access = access_of("http://127.0.0.1:8080", "local", "s3cret")
    engine = load_engine(packs=[parse_pack(PACK, name="test.toml")])
    yield Agent(engine, database, writer, access, Sessions(), frozenset(), presence=enrol(tmp_path, PASSPHRASE))
    writer.close()
    database.close()


def test_what_the_model_is_told_when_nobody_answers(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overrides, "WAIT_S", 0.05)
    caller = Caller("local")

    async def ask_twice() -> tuple[str, str]:
        call = ToolCall(override_of("halt"), caller, 100)
        with pytest.raises(ToolFailure) as failure:
            await overrides.create_override(agent, call)
        (question,) = await waiting_questions(agent, caller)
        return failure.value.message, question.code

    text, code = asyncio.run(ask_twice())
    assert f"axonflow-hooks override confirm {code}" in text
    assert "You cannot run it for them" in text


def test_only_so_many_calls_wait(agent: Agent) -> None:
    async def ask_when_full() -> str:
        for _ in range(WAITING_CALLS):
            await agent.waiting.acquire_on_behalf_of(object())
        with pytest.raises(ToolFailure) as failure:
            await overrides.create_override(agent, ToolCall(override_of("halt"), Caller("local"), 100))
        return failure.value.message

    # With a wait it would take longer than the deadline of a call.
    assert "only a person can grant it" in asyncio.run(asyncio.wait_for(ask_when_full(), 30))
