"""What a client is told of a tool that does not exist, in the shape that its backend would use.

The specification wants the error -32602 (MCP 2025-11-25, tools: error handling); many servers answer a result with
isError, which the model reads. A call of an unknown tool is never passed on to find out: servers may be lenient with
names, and a hidden or denied tool would be within reach. A call of the proxy's own, with a name of nobody's and no
arguments, tells; it is made for a call that policy allows, and never for one that it stops.
"""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.proxy.exact_json import Member, write_value
from axonflow_hooks.proxy.refusals import INVALID_PARAMS
from axonflow_hooks.proxy.rpc import Lost, TimedOut

if TYPE_CHECKING:
    from axonflow_hooks.proxy.backend import BackendHost
    from axonflow_hooks.proxy.rpc import Session

ANSWER_S: Final = 1.0
"""Some servers never answer such a call; the client gets the error of the specification then."""


@dataclass(slots=True)
class UnknownTools:
    """How the backends answer calls of unknown tools; each is asked once in its life, when it first matters."""

    _known: dict[str, tuple[Session, bool]] = field(default_factory=dict)
    _asking: dict[str, asyncio.Lock] = field(default_factory=dict)

    async def come_as_results(self, host: BackendHost | None) -> bool:
        """Tell whether a backend answers a call of an unknown tool with a result, and not with an error."""
        session = host.session if host is not None else None
        if host is None or session is None:
            return False
        async with self._asking.setdefault(host.id, asyncio.Lock()):
            known = self._known.get(host.id)
            if known is None or known[0] is not session:
                known = self._known[host.id] = (session, await _asked(session))
        return known[1]


async def _asked(session: Session) -> bool:
    params = write_value({"name": f"axonflow-no-such-tool-{secrets.token_hex(8)}", "arguments": {}})
    try:
        reply = await session.request("tools/call", params, timeout_s=ANSWER_S)
    except (Lost, TimedOut):
        return False
    result = reply.result.value if reply.result is not None else None
    return isinstance(result, dict) and result.get("isError") is True


def unknown_tool_result(message: str) -> Member:
    """Give a result that says, in our own words, that there is no such tool."""
    text = f"MCP error {INVALID_PARAMS}: {message}"
    result = {"content": [{"type": "text", "text": text}], "isError": True}
    return Member(result, write_value(result))
