"""A limit on what one client may ask in a minute (wire 1.16): off unless it is set."""

from __future__ import annotations

import math
import time
from collections import deque
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.envelopes import MCP_PATH, decision_ids, json_response, rpc_error
from axonflow_hooks.agent.tables.records import format_time
from axonflow_hooks.wire import jsonrpc
from axonflow_hooks.wire.decide import DECIDE_PATH

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from axonflow_hooks.agent.tables.records import Caller

WINDOW_S: Final = 60.0
MAX_CLIENTS: Final = 1_024
"""Clients whose requests are remembered; beyond that the one that asked first is forgotten."""


class Window:
    """Counts what each of many asks for within the last `seconds`."""

    def __init__(self, allowed: int, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._clock = clock
        self._asked: dict[str, deque[float]] = {}

    def take(self, name: str) -> float:
        """Count one more: 0 where it may be, else the seconds until the next one may."""
        present = self._clock()
        asked = self._asked.setdefault(name, deque())
        while asked and asked[0] <= present - self._seconds:
            asked.popleft()
        if len(asked) >= self._allowed:
            return max(asked[0] + self._seconds - present, 0.001)
        asked.append(present)
        if len(self._asked) > MAX_CLIENTS:
            self._asked.pop(next(iter(self._asked)))
        return 0.0


class RateLimit:
    """ASGI middleware, inside the access guard: answers 429 to a client that has asked too often in the last minute."""

    def __init__(self, app: ASGIApp, per_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.app = app
        self.per_minute = per_minute
        self._window = Window(per_minute, WINDOW_S, clock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller: Caller | None = scope.get("state", {}).get("caller")
        wait_s = 0.0 if caller is None else self.take(caller.client_id)
        if wait_s:
            await too_many(scope["path"], self.per_minute, wait_s)(scope, receive, send)
        else:
            await self.app(scope, receive, send)

    def take(self, client_id: str) -> float:
        """Count a request of a client: 0 where it may be carried out, else the seconds until the next one may."""
        return self._window.take(client_id)


def too_many(path: str, limit: int, wait_s: float) -> Response:
    """Give the response to a request that is one too many, in the envelope of its route."""
    message = f"Too many requests: {limit} a minute are allowed"
    headers = {"Retry-After": str(math.ceil(wait_s)), "X-Axonflow-Tier-Limit": str(limit)}
    if path == MCP_PATH:
        return rpc_error(jsonrpc.INTERNAL_ERROR, message, status=429, headers=headers)
    body: dict[str, Any] = {
        "error": message,
        "limit_type": "per_minute",
        "tier": "Community",
        "limit": limit,
        "remaining": 0,
        "window": "minute",
        "resets_at": format_time(datetime.now(timezone.utc) + timedelta(seconds=wait_s)),
    }
    if path == DECIDE_PATH:
        body |= {"verdict": "deny", **decision_ids(None)}
    return json_response(body, 429, headers)
