"""What becomes of a call whose kept connection the server has closed: sent again where that can do no harm."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.client import AgentClient, Connection, new_http_client
from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.wire.mcp_tools import AuditToolCallArguments, CheckPolicyArguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TEXT = json.dumps({"allowed": True, "recorded": True})
BODY = json.dumps({"jsonrpc": "2.0", "id": 1, "result": {"content": [{"type": "text", "text": TEXT}]}}).encode()
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY
NOTHING = b""
HALF = ANSWER[: len(ANSWER) // 2]


@dataclass
class Line:
    """A server that gives each request of a connection what its plan says, then closes; `heard` is what came to it."""

    plans: list[list[bytes]]
    heard: list[tuple[int, bytes]] = field(default_factory=list)
    url: str = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number, plan = len(self.plans), self.plans.pop(0)
        try:
            for reply in plan:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
                )
                await reader.readexactly(length)
                self.heard.append((number, head))
                writer.write(reply)
                await writer.drain()
        finally:
            writer.close()


def run(plans: list[list[bytes]], *calls: Callable[[AgentClient], Awaitable[Any]]) -> tuple[Line, list[bool]]:
    """Make calls one after the other with one client; tell which of them got an answer."""
    line = Line(plans)
    answered = []

    async def scenario() -> None:
        server = await asyncio.start_server(line.serve, "127.0.0.1", 0)
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with new_http_client(url, keep_alive_s=60) as http:
            client = AgentClient(Connection(url), http)
            for call in calls:
                try:
                    await call(client)
                    answered.append(True)
                except AgentUnavailable:
                    answered.append(False)
        server.close()
        await asyncio.sleep(0)

    asyncio.run(scenario())
    return line, answered


def check(client: AgentClient) -> Awaitable[Any]:
    arguments = CheckPolicyArguments(connector_type="claude_code.Bash", statement="git status")
    return client.check_policy(arguments, session_id="s", timeout_s=60)


def audit(client: AgentClient) -> Awaitable[Any]:
    return client.audit_tool_call(AuditToolCallArguments(tool_name="Bash"), session_id="s", timeout_s=60)


def audit_with_key(client: AgentClient) -> Awaitable[Any]:
    record = AuditToolCallArguments(tool_name="Bash")
    return client.audit_tool_call(record, session_id="s", timeout_s=60, idempotency_key="the-key")


def several_at_once(client: AgentClient) -> Awaitable[Any]:
    return asyncio.gather(check(client), check(client), check(client))


@pytest.mark.parametrize("last", [NOTHING, HALF], ids=["without-an-answer", "in-the-middle-of-its-answer"])
@pytest.mark.parametrize(
    ("again", "answered"),
    [
        pytest.param(check, True, id="a-question"),
        pytest.param(audit_with_key, True, id="a-record-with-a-key"),
        pytest.param(audit, False, id="a-record-without-a-key"),
    ],
)
def test_a_kept_connection_that_closes(
    last: bytes, again: Callable[[AgentClient], Awaitable[Any]], answered: bool
) -> None:
    line, outcome = run([[ANSWER, last], [ANSWER]], check, again)
    assert outcome == [True, answered]
    assert len(line.heard) == (3 if answered else 2)
    keys = [head.lower().partition(b"idempotency-key: ")[2].split(b"\r\n")[0] for _, head in line.heard[1:]]
    assert set(keys) == ({b"the-key"} if again is audit_with_key else {b""})


def test_every_kept_connection_that_has_closed_is_passed_over() -> None:
    line, outcome = run([[ANSWER, NOTHING]] * 3 + [[ANSWER]], several_at_once, check)
    assert outcome == [True, True]
    assert len(line.heard) == 3 + 3 + 1


@pytest.mark.parametrize("first", [NOTHING, HALF], ids=["without-an-answer", "in-the-middle-of-its-answer"])
def test_a_new_connection_that_closes_is_a_failure_and_no_reason_to_insist(first: bytes) -> None:
    line, outcome = run([[first], [ANSWER]], check)
    assert outcome == [False]
    assert len(line.heard) == 1


def test_after_a_kept_connection_only_one_new_one_is_tried() -> None:
    line, outcome = run([[ANSWER, NOTHING], [NOTHING], [ANSWER]], check, check)
    assert outcome == [True, False]
    assert len(line.heard) == 3
