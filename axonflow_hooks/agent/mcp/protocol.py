"""The methods of the MCP server: initialize, ping, tools/list and tools/call (wire 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from axonflow_hooks.agent.errors import InvalidArguments, ToolFailure
from axonflow_hooks.agent.integrations import integration_of_client
from axonflow_hooks.agent.mcp.calls import ToolCall, is_there, result_text, tool_result
from axonflow_hooks.agent.mcp.registry import TOOLS
from axonflow_hooks.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.tables.records import Caller

CURRENT_VERSION: Final = "2025-06-18"
LEGACY_VERSION: Final = "2024-11-05"
VERSIONS: Final = frozenset({CURRENT_VERSION, LEGACY_VERSION})
SERVER_INFO: Final = {"name": "axonflow", "version": "1.0.0"}


class RpcError(Exception):
    """An error that the caller gets as a JSON-RPC error with this code."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Request(NamedTuple):
    """One JSON-RPC request and what its HTTP headers say (`version`: MCP-Protocol-Version)."""

    method: str
    params: Any
    caller: Caller
    size: int
    version: str | None = None
    mcp_session_id: str | None = None
    integrations: frozenset[str] = frozenset()
    idempotency_key: str | None = None
    approval_id: str | None = None
    is_gone: Callable[[], Awaitable[bool]] = is_there


class Result(NamedTuple):
    """The result of a request, and headers for the HTTP response."""

    value: Any
    headers: Mapping[str, str] = {}


async def handle(agent: Agent, request: Request) -> Result:
    """Carry out a request.

    Raises RpcError for what the caller did wrong; everything else that escapes is an internal error.
    """
    # Methods of newer protocol versions (server/discover) are unknown here: their clients then fall back.
    if request.method not in {"initialize", "ping", "tools/list", "tools/call"}:
        raise RpcError(jsonrpc.METHOD_NOT_FOUND, "Method not found")
    params = {} if request.params is None else request.params
    if not isinstance(params, dict):
        raise RpcError(jsonrpc.INVALID_PARAMS, "Invalid params: must be an object")
    if request.method == "initialize":
        return _initialize(agent, request, params)
    if request.method == "tools/call":
        return await _call_tool(agent, request, params)
    if request.method == "tools/list":
        return Result({"tools": [tool.listing() for tool in TOOLS.values()]})
    return Result({})


def _initialize(agent: Agent, request: Request, params: Mapping[str, Any]) -> Result:
    legacy = LEGACY_VERSION in {request.version, params.get("protocolVersion")}
    client = params.get("clientInfo")
    name = client.get("name") if isinstance(client, dict) else None
    session_id = agent.sessions.start(request.caller.client_id, integration_of_client(name))
    value: dict[str, Any] = {
        "protocolVersion": LEGACY_VERSION if legacy else CURRENT_VERSION,
        "capabilities": {"tools": {}},
        "serverInfo": SERVER_INFO,
    }
    return Result(value, {"Mcp-Session-Id": session_id})


async def _call_tool(agent: Agent, request: Request, params: Mapping[str, Any]) -> Result:
    name = params.get("name")
    if not isinstance(name, str) or not name:
        raise RpcError(jsonrpc.INVALID_PARAMS, "Invalid params: missing tool name")
    tool = TOOLS.get(name)
    if tool is None:
        raise RpcError(jsonrpc.INVALID_PARAMS, "Unknown tool")
    arguments = params.get("arguments")
    if arguments is None:
        arguments = {}
    if not isinstance(arguments, dict):
        raise RpcError(jsonrpc.INVALID_PARAMS, "Invalid params: arguments must be an object")
    call = ToolCall(
        arguments=arguments,
        caller=request.caller,
        size=request.size,
        mcp_session_id=request.mcp_session_id,
        integrations=request.integrations,
        idempotency_key=request.idempotency_key,
        approval_id=request.approval_id,
        is_gone=request.is_gone,
    )
    try:
        reply = await tool.run(agent, call)
    except ToolFailure as failure:
        return Result(tool_result(failure.message, failed=True))
    except InvalidArguments as fault:
        raise RpcError(jsonrpc.INVALID_PARAMS, fault.message) from None
    return Result(tool_result(result_text(reply.value)), reply.headers)
