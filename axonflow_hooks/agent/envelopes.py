"""Error bodies: JSON-RPC on the MCP route, the middleware's envelope everywhere else (wire 1.2, 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse, Response

from axonflow_hooks.wire import jsonrpc

if TYPE_CHECKING:
    from collections.abc import Mapping

MCP_PATH: Final = "/api/v1/mcp-server"
MCP_REALM: Final = 'Basic realm="AxonFlow MCP Server"'
REST_REALM: Final = 'Basic realm="AxonFlow"'

_JSON: Final = "application/json"


def rpc_result(request_id: Any, result: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Give the HTTP response of a JSON-RPC result."""
    body = jsonrpc.encode({"jsonrpc": "2.0", "id": request_id, "result": result})
    return Response(body, media_type=_JSON, headers=dict(headers or {}))


def rpc_error(
    code: int,
    message: str,
    *,
    status: int = 200,
    request_id: Any = None,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """Give the HTTP response of a JSON-RPC error."""
    body = jsonrpc.encode({"jsonrpc": "2.0", "id": request_id, "error": {"code": code, "message": message}})
    return Response(body, status, media_type=_JSON, headers=dict(headers or {}))


def refusal(path: str, status: int, message: str) -> Response:
    """Give the response that refuses a request to `path` before it is looked at."""
    if path == MCP_PATH:
        code = jsonrpc.AUTHENTICATION_REQUIRED if status == 401 else jsonrpc.INVALID_REQUEST
        return rpc_error(code, message, status=status, headers=_challenge(status, MCP_REALM))
    body = {"error": {"code": status, "message": message}}
    return JSONResponse(body, status, headers=_challenge(status, REST_REALM))


def unserved(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Give the response for a route or method that this agent does not serve (wire 1.17)."""
    return JSONResponse({"success": False, "error": message}, status, headers=dict(headers or {}))


def _challenge(status: int, realm: str) -> dict[str, str]:
    return {"WWW-Authenticate": realm} if status == 401 else {}
