"""The HTTP layer of the MCP server (wire 1.3). The access guard has authenticated POST and DELETE already."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import PlainTextResponse, Response

from axonflow_hooks.agent.envelopes import rpc_error, rpc_result
from axonflow_hooks.agent.faults import internal_error
from axonflow_hooks.agent.mcp.protocol import VERSIONS, Request, RpcError, handle
from axonflow_hooks.agent.names import attributed
from axonflow_hooks.agent.requests import BodyRefused, parse_json, read_body
from axonflow_hooks.wire import jsonrpc
from axonflow_hooks.wire.decide import APPROVAL_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request as HttpRequest

    from axonflow_hooks.agent.mcp.sessions import Session
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.tables.records import Caller

METHODS: Final = "POST, DELETE, OPTIONS"

_PREFLIGHT: Final = {
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": "Content-Type, Authorization, Accept, Mcp-Session-Id, MCP-Protocol-Version",
    "Access-Control-Max-Age": "600",
}
_APPROVAL: Final = APPROVAL_HEADER.lower()
_IDEMPOTENCY_KEY: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,256}", re.ASCII)


async def mcp_endpoint(request: HttpRequest) -> Response:
    """Answer a request of any method on the MCP route."""
    if request.method == "POST":
        return await _post(request)
    if request.method == "DELETE":
        return _delete(request)
    if request.method == "OPTIONS":
        return Response(status_code=204, headers=_PREFLIGHT)
    # There is no stream of server messages to GET.
    return PlainTextResponse("Method Not Allowed", 405, headers={"Allow": METHODS})


async def _post(http: HttpRequest) -> Response:
    headers: Mapping[str, str] = http.scope["state"]["headers"]  # the access guard has read them
    content_type = headers.get("content-type")
    if (
        content_type is not None
        and content_type != "application/json"
        and content_type.partition(";")[0].strip().lower() != "application/json"
    ):
        return rpc_error(jsonrpc.INVALID_REQUEST, "Content-Type must be application/json", status=415)
    try:
        message = parse_json(await read_body(http, jsonrpc.MAX_BODY_BYTES, headers.get("content-length")))
    except BodyRefused:
        return rpc_error(jsonrpc.PARSE_ERROR, "Parse error: invalid JSON", status=400)
    fault = _message_fault(message)
    if fault:
        return rpc_error(jsonrpc.INVALID_REQUEST, fault, status=400, request_id=_id_of(message))
    version = headers.get("mcp-protocol-version")
    # A newer client asks with its own version whether the server knows it: that has its answer in `handle`.
    if version is not None and version not in VERSIONS and message.get("method") != "server/discover":
        return _invalid(message, "Unsupported MCP-Protocol-Version")
    if "method" not in message or "id" not in message:
        return Response(status_code=202)  # a response, or a notification: nothing is executed for it
    return await _dispatch(http, message, version, headers)


async def _dispatch(
    http: HttpRequest, message: dict[str, Any], version: str | None, headers: Mapping[str, str]
) -> Response:
    agent: Agent = http.app.state.agent
    caller: Caller = attributed(agent, http.scope["state"]["caller"])
    session_id = headers.get("mcp-session-id") if message["method"] != "initialize" else None
    session: Session | None = None
    if session_id is not None:
        session = agent.sessions.use(session_id)
        if session is None:  # MCP: the client then starts a new session
            return _invalid(message, "Session not found", status=404)
        if session.client_id != caller.client_id:
            return _invalid(message, "Session belongs to another client", status=403)
    key = headers.get("idempotency-key")
    if key is not None and not _IDEMPOTENCY_KEY.fullmatch(key):
        return _invalid(message, "Invalid Idempotency-Key")
    request = Request(
        method=message["method"],
        params=message.get("params"),
        caller=caller,
        size=int(headers.get("content-length") or jsonrpc.MAX_BODY_BYTES),
        version=version,
        mcp_session_id=session_id,
        integrations=session.integrations if session else frozenset(),
        idempotency_key=key,
        approval_id=headers.get(_APPROVAL),
        is_gone=http.is_disconnected,
    )
    try:
        result = await handle(agent, request)
    except RpcError as error:
        return rpc_error(error.code, error.message, request_id=message["id"])
    except Exception as error:  # noqa: BLE001 - told with an id, and the request's id echoed
        return internal_error(http.url.path, error, message["id"])
    return rpc_result(message["id"], result.value, result.headers)


def _delete(http: HttpRequest) -> Response:
    agent: Agent = http.app.state.agent
    caller: Caller = http.state.caller
    session_id = http.headers.get("mcp-session-id")
    if not session_id:
        return PlainTextResponse("Mcp-Session-Id is required", 400)
    session = agent.sessions.use(session_id)
    if session is None:
        return PlainTextResponse("Session not found", 404)
    if session.client_id != caller.client_id:
        return PlainTextResponse("Session belongs to another client", 403)
    agent.sessions.end(session_id)
    return Response(status_code=200)


def _message_fault(message: Any) -> str | None:
    """Give what makes a JSON value no JSON-RPC 2.0 message, None for a good one."""
    if isinstance(message, list):
        return "Invalid request: batches are not supported"
    if not isinstance(message, dict) or message.get("jsonrpc") != "2.0":
        return 'Invalid request: jsonrpc must be "2.0"'
    if "method" not in message:
        answers = "id" in message and ("result" in message or "error" in message)
        return None if answers else "Invalid request: method is missing"
    if not isinstance(message["method"], str):
        return "Invalid request: method must be a string"
    if "id" in message and _id_of(message) is None:
        return "Invalid request: id must be a string or a number"
    return None


def _id_of(message: Any) -> str | int | float | None:
    found = message.get("id") if isinstance(message, dict) else None
    return found if isinstance(found, (str, int, float)) and not isinstance(found, bool) else None


def _invalid(message: dict[str, Any], text: str, *, status: int = 400) -> Response:
    return rpc_error(jsonrpc.INVALID_REQUEST, text, status=status, request_id=_id_of(message))
