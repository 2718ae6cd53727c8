"""`subscriptions/listen` (MCP 2026-07-28): what a client without a handshake is told when a list has changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.exact_json import write_value

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.proxy.exact_json import Member

    Notify = Callable[[str, str], None]

LISTEN: Final = "subscriptions/listen"
MAX_OPEN: Final = 64

_ACKNOWLEDGED: Final = "notifications/subscriptions/acknowledged"
_ID: Final = "io.modelcontextprotocol/subscriptionId"
_KINDS: Final = {
    "toolsListChanged": "notifications/tools/list_changed",
    "promptsListChanged": "notifications/prompts/list_changed",
    "resourcesListChanged": "notifications/resources/list_changed",
}


@dataclass(slots=True)
class Subscriptions:
    """The open subscriptions of one client: the id of each request that opened one, and what it wants to hear of."""

    _open: dict[str | int, frozenset[str]] = field(default_factory=dict)

    def open(self, identifier: Member, params: Member, notify: Notify) -> bool:
        """Open a subscription and acknowledge what of it is served; False when it cannot be opened."""
        wanted = params.value.get("notifications")
        if not isinstance(wanted, dict) or identifier.value in self._open or len(self._open) >= MAX_OPEN:
            return False
        served = [kind for kind in _KINDS if wanted.get(kind) is True]
        self._open[identifier.value] = frozenset(_KINDS[kind] for kind in served)
        granted = dict.fromkeys(served, True)
        notify(_ACKNOWLEDGED, write_value({"notifications": granted, "_meta": {_ID: identifier.value}}))
        return True

    def cancel(self, identifier: Any) -> None:
        """Close a subscription, if there is one of this id."""
        self._open.pop(identifier, None)

    def tell(self, method: str, notify: Notify) -> None:
        """Tell those who want to hear of it."""
        for identifier, methods in self._open.items():
            if method in methods:
                notify(method, write_value({"_meta": {_ID: identifier}}))

    def close(self, answer: Callable[[str, str], None]) -> None:
        """End all subscriptions in good order: each request is answered at last."""
        for identifier in self._open:
            answer(write_value(identifier), write_value({"resultType": "complete", "_meta": {_ID: identifier}}))
        self._open.clear()
