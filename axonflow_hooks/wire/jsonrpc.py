"""JSON-RPC 2.0 as the agent's MCP endpoint speaks it (wire 1.3)."""

from __future__ import annotations

import json
from typing import Any, Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
AUTHENTICATION_REQUIRED: Final = -32001

REFUSALS: Final = frozenset({AUTHENTICATION_REQUIRED, INVALID_REQUEST, METHOD_NOT_FOUND, INVALID_PARAMS})
"""Codes that say the call or the caller is wrong: asking again, or running ungoverned, would not help."""

MAX_BODY_BYTES: Final = 1_000_000
"""The agent answers a larger body with HTTP 400 and -32700 (wire 1.3)."""


def encode(message: dict[str, Any]) -> bytes:
    """Take a JSON-RPC message and give its UTF-8 bytes; text without a UTF-8 form (lone surrogates) becomes `?`."""
    return json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")


def tool_call(name: str, arguments: dict[str, Any], request_id: int | str = 1) -> bytes:
    """Take a tool's name and arguments and give the bytes of a `tools/call` request."""
    params = {"name": name, "arguments": arguments}
    return encode({"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params})


def encoded_text_size(text: str) -> int:
    """Give the bytes that `text` takes as a JSON string inside a request body."""
    return len(json.dumps(text, ensure_ascii=False).encode("utf-8", "replace"))
