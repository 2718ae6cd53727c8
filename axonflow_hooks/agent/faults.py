"""Unexpected exceptions: one line on stderr with an id, and that id, nothing else, to the caller."""

from __future__ import annotations

import logging
import secrets
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.envelopes import MCP_PATH, rpc_error, unserved
from axonflow_hooks.agent.errors import StoreUnavailable
from axonflow_hooks.wire import jsonrpc

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

logger: Final = logging.getLogger("axonflow.agent")

_PACKAGE: Final = Path(__file__).parent.parent


def log_to_stderr() -> None:
    """Send the log of this agent, uvicorn and asyncio to stderr: warnings, one line each, without tracebacks."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_OneLine())
    for name in ("axonflow.agent", "uvicorn.error", "asyncio"):
        target = logging.getLogger(name)
        target.handlers = [handler]
        target.propagate = False
        target.setLevel(logging.WARNING)


class _OneLine(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        # Exceptions quote values, and values here are statements and outputs: only where and what kind is told.
        fault = f" ({_describe(record.exc_info[1])})" if record.exc_info and record.exc_info[1] else ""
        message = " ".join(record.getMessage().split())
        return f"{self.formatTime(record)} [AxonFlow] {record.levelname.lower()}: {message}{fault}"


def report(where: str, error: BaseException) -> str:
    """Log an exception that nobody expected and give the id under which it was logged."""
    error_id = secrets.token_hex(4)
    detail = str(error) if isinstance(error, StoreUnavailable) else _describe(error)
    logger.error("%s failed, error id %s: %s", where, error_id, detail)
    return error_id


def internal_fault(where: str, error: BaseException) -> tuple[int, str, dict[str, str]]:
    """Log an exception that nobody expected, and give the status, message and headers that answer it."""
    error_id = report(where, error)
    busy = isinstance(error, StoreUnavailable)
    what = "The record could not be kept" if busy else "Internal error"
    return 503 if busy else 500, f"{what} (error id {error_id})", {"Retry-After": "1"} if busy else {}


def internal_error(path: str, error: BaseException, request_id: object = None) -> Response:
    """Give the response for an exception that nobody expected: -32603 on the MCP route (wire 1.3.2)."""
    status, message, headers = internal_fault(path, error)
    if path == MCP_PATH:
        return rpc_error(jsonrpc.INTERNAL_ERROR, message, status=status, request_id=request_id, headers=headers)
    return unserved(status, message, headers)


class FaultBarrier:
    """ASGI middleware: whatever escapes the application ends here, not in the server's log with its values."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:  # noqa: BLE001 - the last barrier
            response = internal_error(scope.get("path", ""), error)
            if not started:
                await response(scope, receive, send)


def _describe(error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if _PACKAGE in Path(frame.filename).parents] or frames
    place = f" at {Path(own[-1].filename).name}:{own[-1].lineno}" if own else ""
    return f"{type(error).__name__}{place}"
