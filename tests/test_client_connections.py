"""AgentClient where the agent ends a kept connection without a word: what may be sent again is, the rest is not."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from axonflow_hooks.client import AgentClient, Connection, new_http_client
from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.wire.mcp_tools import AuditToolCallArguments, CheckPolicyArguments

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

ALLOWED: Final = {"allowed": True, "decision_id": "d-1"}
RECORDED: Final = {"recorded": True}
CHECK: Final = CheckPolicyArguments(connector_type="claude_code.Bash", statement="git status")
AUDIT: Final = AuditToolCallArguments(tool_name="Bash", input={"command": "git status"})


async def check(agent: AgentClient) -> object:
    return await agent.check_policy(CHECK, session_id="", timeout_s=60)


async def audit(agent: AgentClient) -> object:
    return await agent.audit_tool_call(AUDIT, session_id="", timeout_s=60)


async def audit_once(agent: AgentClient) -> object:
    return await agent.audit_tool_call(AUDIT, session_id="", timeout_s=60, idempotency_key="k-1")


async def ended_at_the_second(calls: list[Callable[[AgentClient], Awaitable[object]]]) -> list[list[str]]:
    """Make calls to a server that ends its first connection when it has read a second request from it.

    Gives the tools that were called on each connection.
    """
    connections: list[list[str]] = []
    over = asyncio.Semaphore(0)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        called: list[str] = []
        connections.append(called)
        first = len(connections) == 1
        with contextlib.closing(writer), contextlib.suppress(asyncio.IncompleteReadError):
            while True:
                called.append(await _tool(reader))
                if first and len(called) == 2:
                    break
                writer.write(_reply(ALLOWED if called[-1] == "check_policy" else RECORDED))
        over.release()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    endpoint = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        async with new_http_client(endpoint) as http:
            agent = AgentClient(Connection(endpoint), http)
            for call in calls:
                await call(agent)
    finally:
        server.close()
        for _connection in connections:
            await over.acquire()
    return connections


async def _tool(reader: asyncio.StreamReader) -> str:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
    name: str = json.loads(await reader.readexactly(length))["params"]["name"]
    return name


def _reply(value: Any) -> bytes:
    result = {"content": [{"type": "text", "text": json.dumps(value)}]}
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "result": result}).encode()
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize(
    ("call", "tool"),
    [pytest.param(check, "check_policy", id="check"), pytest.param(audit_once, "audit_tool_call", id="audit-with-key")],
)
def test_what_may_be_repeated_is_sent_again_on_a_new_connection(
    call: Callable[[AgentClient], Awaitable[object]], tool: str
) -> None:
    assert asyncio.run(ended_at_the_second([check, call])) == [["check_policy", tool], [tool]]


def test_a_record_without_a_key_is_not_sent_twice() -> None:
    with pytest.raises(AgentUnavailable, match="cannot be reached"):
        asyncio.run(ended_at_the_second([check, audit]))
