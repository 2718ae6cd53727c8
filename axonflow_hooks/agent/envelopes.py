"""Error bodies: JSON-RPC on the MCP route, on each REST route the envelope of the contract (wire 1.2, 1.3)."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final, Literal

from starlette.responses import Response

from axonflow_hooks.agent.tracing import trace_id_of
from axonflow_hooks.wire import jsonrpc
from axonflow_hooks.wire.decide import CHECK_INPUT_PATH, CHECK_OUTPUT_PATH, DECIDE_PATH

if TYPE_CHECKING:
    from collections.abc import Mapping

MCP_PATH: Final = "/api/v1/mcp-server"
MCP_REALM: Final = 'Basic realm="AxonFlow MCP Server"'
REST_REALM: Final = 'Basic realm="AxonFlow"'

Envelope = Literal["success", "status", "coded", "decide"]
"""How a refusal looks (wire 1.2): {"success", "error"}, {"error": {"code": <status>, "message"}},
{"error": {"code": "NOT_FOUND", "message"}}, or the deny of the decision route."""

_JSON: Final = "application/json"
_COMPACT: Final = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_CODES: Final = {
    400: "BAD_REQUEST",
    401: "UNAUTHORIZED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    405: "METHOD_NOT_ALLOWED",
    409: "CONFLICT",
    413: "BAD_REQUEST",
    415: "BAD_REQUEST",
    422: "VALIDATION_ERROR",
    429: "RATE_LIMITED",
    500: "INTERNAL_ERROR",
    503: "INTERNAL_ERROR",
}


def rpc_result(request_id: Any, result: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Give the HTTP response of a JSON-RPC result."""
    body = _COMPACT.encode({"jsonrpc": "2.0", "id": request_id, "result": result}).encode("utf-8", "replace")
    return Response(body, media_type=_JSON, headers=headers)


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


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Give the HTTP response of a JSON value."""
    try:
        body = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # a lone surrogate only survives as an escape
        body = json.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    return Response(body, status, media_type=_JSON, headers=dict(headers or {}))


def refusal(path: str, status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Give the response that refuses a request to `path` before it is looked at."""
    more = dict(headers or {})
    if path == MCP_PATH:
        code = jsonrpc.AUTHENTICATION_REQUIRED if status == 401 else jsonrpc.INVALID_REQUEST
        return rpc_error(code, message, status=status, headers={**_challenge(status, MCP_REALM), **more})
    more = {**_challenge(status, REST_REALM), **more}
    if path == DECIDE_PATH:
        return json_response(error_body("decide", status, message, ids=decision_ids(None)), status, more)
    envelope: Envelope = "success" if path in {CHECK_INPUT_PATH, CHECK_OUTPUT_PATH} else "status"
    return json_response(error_body(envelope, status, message), status, more)


def error_body(
    envelope: Envelope, status: int, message: str, *, code: str | None = None, ids: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Give the body of a refusal in the envelope of its route (wire 1.2).

    `code` replaces the code that goes with the status; `ids` are those of a decision that was not made.
    """
    if envelope == "decide":
        body: dict[str, Any] = {"error": message, "verdict": "deny", **(ids or {})}
    elif envelope == "success":
        # Of a 403 the SDK reads `allowed` on the check routes (wire 1.2), and shows `message` on the others.
        body = {"success": False, "error": message, **({"allowed": False, "message": message} if status == 403 else {})}
    elif envelope == "status":
        body = {"error": {"code": status, "message": message}}
    else:
        body = {"error": {"code": code or _CODES.get(status, "BAD_REQUEST"), "message": message}}
    if code and envelope != "coded":
        body["code"] = code
    return body


def decision_ids(traceparent: str | None) -> dict[str, str]:
    """Give the ids of a decision before there is one (wire 1.2: minted before the body is read)."""
    return {"decision_id": str(uuid.uuid4()), "trace_id": trace_id_of(traceparent)}


def unserved(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """Give the response for a route or method that this agent does not serve (wire 1.17)."""
    return json_response({"success": False, "error": message}, status, headers)


def _challenge(status: int, realm: str) -> dict[str, str]:
    return {"WWW-Authenticate": realm} if status == 401 else {}
