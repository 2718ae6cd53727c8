"""The agent's MCP server for Claude Code: stdio on the host's side, the agent's HTTP endpoint on the other.

A bridge and not a URL in `.mcp.json`, because only code can find the endpoint and the credential as the hooks do:
settings in a file, AXONFLOW_AUTH alone, no network where none is configured, and a Community SaaS credential that
never goes to any other host. It adds nothing and takes nothing away: new tools of an agent are there at once.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.account.credentials import resolve_connection
from axonflow_hooks.claude_code.replies import one_line
from axonflow_hooks.client import AgentClient, new_http_client
from axonflow_hooks.errors import AgentUnavailable, AxonFlowError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import load_settings
from axonflow_hooks.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from axonflow_hooks.settings import Settings

CALL_TIMEOUT_S: Final = 60.0
"""Longer than an agent lets create_override wait for a person."""

OPENING_WAIT_S: Final = 3.0
PROTOCOL_VERSION: Final = "2025-06-18"
HTTP_NOT_FOUND: Final = 404


def main(*, answered: bool = False) -> int:
    """Serve until standard input ends; give the exit status, always 0.

    `answered` says that the host has its answer to `initialize` (from hooks/mcp_start.py).
    """
    asyncio.run(serve(os.environ, _read_line, _write_line, answered=answered))
    return 0


async def serve(
    environ: Mapping[str, str],
    read_line: Callable[[], bytes],
    write_line: Callable[[bytes], None],
    *,
    answered: bool = False,
) -> None:
    """Forward each JSON-RPC line to the agent and each answer back, many at a time, until `read_line` gives b""."""
    bridge = _Bridge(environ)
    calls: set[asyncio.Task[None]] = set()

    async def handle(line: bytes) -> None:
        reply = await bridge.forward(line)
        if reply:
            await asyncio.to_thread(write_line, reply)

    try:
        if answered:  # the first line is `initialize`: what it gives is kept, and nobody waits for it
            opening = asyncio.create_task(bridge.forward(await asyncio.to_thread(read_line)))
            await asyncio.wait([opening], timeout=OPENING_WAIT_S)
        while line := await asyncio.to_thread(read_line):
            if line.strip():
                call = asyncio.create_task(handle(line))
                calls.add(call)
                call.add_done_callback(calls.discard)
        await asyncio.gather(*calls)
    finally:
        await bridge.close()


class _Bridge:
    """One MCP session: the host's on this side, the agent's on the other."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._http: dict[str, httpx.AsyncClient] = {}
        self._session: dict[str, str] = {}

    async def close(self) -> None:
        for http in self._http.values():
            await http.aclose()

    async def forward(self, line: bytes) -> bytes:
        """Give the answer to one line, b"" for a notification."""
        message = _message(line)
        if message is None:
            return _error(None, jsonrpc.PARSE_ERROR, "Parse error: not a JSON-RPC message.")
        request_id = message.get("id")
        try:
            reply = await self._post(line)
        except AgentUnavailable as error:
            if message.get("method") == "initialize":
                return _initialized(request_id)  # the host asks once: the tools work when the agent is back
            return _failed(request_id, error)
        except AxonFlowError as error:
            return _failed(request_id, error)
        except Exception as error:  # noqa: BLE001 - without an answer the host would wait for ever
            return _failed(request_id, AxonFlowError(f"Internal error: {type(error).__name__}."))
        if "id" not in message:
            return b""
        return _reply_line(request_id, reply)

    async def _post(self, line: bytes) -> httpx.Response:
        # Resolved for each message: a new endpoint or credential takes effect at the next call.
        paths = resolve_paths(self._environ)
        settings = load_settings(self._environ, paths)
        http = self._http_for(settings)
        connection = await resolve_connection(settings, paths, http=http, timeout_s=CALL_TIMEOUT_S)
        headers = connection.headers(self._environ.get("CLAUDE_CODE_SESSION_ID", ""))
        client = AgentClient(connection, http)
        known = self._session.get(settings.endpoint)
        reply = await client.post_jsonrpc(
            line, {**headers, "Mcp-Session-Id": known} if known else headers, CALL_TIMEOUT_S
        )
        if known and reply.status_code == HTTP_NOT_FOUND:
            # The agent has been started anew. Sessions are optional (wire 1.3): go on without.
            self._session.pop(settings.endpoint, None)
            reply = await client.post_jsonrpc(line, headers, CALL_TIMEOUT_S)
        if session := reply.headers.get("Mcp-Session-Id"):
            self._session[settings.endpoint] = session
        return reply

    def _http_for(self, settings: Settings) -> httpx.AsyncClient:
        if settings.endpoint not in self._http:
            self._http[settings.endpoint] = new_http_client(settings.endpoint)
        return self._http[settings.endpoint]


def _message(line: bytes) -> dict[str, Any] | None:
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return message if isinstance(message, dict) and isinstance(message.get("method"), str) else None


def _reply_line(request_id: object, reply: httpx.Response) -> bytes:
    """Give the agent's answer as one line; what is no JSON-RPC becomes an error that says so."""
    try:
        message = json.loads(reply.content)
    except (ValueError, RecursionError):
        message = None
    if isinstance(message, dict) and "jsonrpc" in message and ("result" in message or "error" in message):
        return jsonrpc.encode({**message, "id": request_id}) + b"\n"
    return _error(request_id, jsonrpc.INTERNAL_ERROR, f"The agent answered HTTP {reply.status_code}.")


def _initialized(request_id: object) -> bytes:
    result = {
        "protocolVersion": PROTOCOL_VERSION,
        "capabilities": {"tools": {}},
        "serverInfo": {"name": "axonflow", "version": "1.0.0"},
    }
    return jsonrpc.encode({"jsonrpc": "2.0", "id": request_id, "result": result}) + b"\n"


def _failed(request_id: object, error: AxonFlowError) -> bytes:
    if request_id is None:
        return b""
    return _error(request_id, jsonrpc.INTERNAL_ERROR, one_line(str(error)))


def _error(request_id: object, code: int, message: str) -> bytes:
    body = {"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}}
    return jsonrpc.encode(body) + b"\n"


def _read_line() -> bytes:
    return sys.stdin.buffer.readline()


def _write_line(line: bytes) -> None:
    sys.stdout.buffer.write(line)
    sys.stdout.buffer.flush()
