"""Errors of backends, kept apart from the proxy's own: no backend can say that a policy refused, or a person is needed.

The codes that the proxy refuses with are free for any server to use (JSON-RPC 2.0, 5.1: -32000 to -32099).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.exact_json import read_object, write_object, write_value
from axonflow_hooks.proxy.refusals import BACKEND_FAILED, DENIED, NEEDS_APPROVAL, UNAVAILABLE, WAITS

if TYPE_CHECKING:
    from axonflow_hooks.proxy.pdp import Target

SERVER_ERROR: Final = -32000
RESOURCE_NOT_FOUND: Final = -32002
"""MCP 2025-06-18, server/resources: the number that the proxy uses for a call that waits for a person."""

_OWN_CODES: Final = frozenset((DENIED, NEEDS_APPROVAL, UNAVAILABLE, BACKEND_FAILED))
_RESOURCES: Final = "resources/"
_FOUND_WITH: Final = frozenset(("uri",))
"""What the specification has in the data of an error about a resource; the proxy's refusals have none of it."""


def told_apart(raw: str, target: Target, method: str) -> str:
    """Take the text of a backend's error on a request of this method, give it so that it is not one of the proxy's.

    The method counts, not the name that the backend has given a tool. A code of the proxy's own becomes -32000, with
    the code that was sent in the message. Raises UnreadableMessage.
    """
    members = read_object(raw)
    code = members["code"].value
    if code not in _OWN_CODES or (code == RESOURCE_NOT_FOUND and _of_resource(members, method)):
        return raw
    said = members["message"].value if "message" in members else ""
    texts = {key: member.raw for key, member in members.items()}
    texts["code"] = write_value(SERVER_ERROR)
    texts["message"] = write_value(f"The server {target.server!r} answered with its error {code}: {said}")
    return write_object(texts)


def _of_resource(members: dict[str, Any], method: str) -> bool:
    """Tell whether an error is as the specification has it where a resource is not found, and no hold in disguise."""
    data = members["data"].value if "data" in members else None
    said = " ".join(str(members["message"].value).split()) if "message" in members else ""
    plain = data is None or (
        isinstance(data, dict) and data.keys() <= _FOUND_WITH and all(isinstance(item, str) for item in data.values())
    )
    return method.startswith(_RESOURCES) and plain and WAITS.casefold() not in said.casefold()
