"""Protocol version 2026-07-28 towards the client: no handshake, each request says which version it speaks.

Backends are spoken to with the handshake of older versions. So what a stateless client cannot be asked (sampling,
elicitation, roots) is not declared to them, and what the proxy does not serve statelessly not to the client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.exact_json import Member, read_object, write_object, write_value
from axonflow_hooks.proxy.refusals import Refusal
from axonflow_hooks.proxy.start import INSTRUCTIONS, SERVER_NAME

if TYPE_CHECKING:
    from collections.abc import Mapping

VERSION: Final = "2026-07-28"
DISCOVER: Final = "server/discover"
UNSUPPORTED_VERSION: Final = -32022

METHODS: Final = frozenset(
    "tools/list tools/call resources/list resources/templates/list resources/read prompts/list prompts/get "
    "completion/complete".split()
)
_CACHEABLE: Final = METHODS - {"tools/call", "prompts/get", "completion/complete"}
_LISTED: Final = {"listChanged": True}
_PREFIX: Final = "io.modelcontextprotocol/"
_VERSION_KEY: Final = f"{_PREFIX}protocolVersion"
_HOP_BY_HOP: Final = frozenset(
    f"{_PREFIX}{name}" for name in ("protocolVersion", "clientCapabilities", "clientInfo", "logLevel")
)


def requested_version(params: Member | None) -> str | None:
    """Give the version that a request says it speaks, None for a request of a client that has shaken hands."""
    meta = params.value.get("_meta") if params is not None and isinstance(params.value, dict) else None
    return version_in(meta if isinstance(meta, dict) else None)


def version_in(meta: Mapping[str, Any] | None) -> str | None:
    """Give the version that the `_meta` of a request says it speaks, None where it says nothing."""
    version = meta.get(_VERSION_KEY) if meta is not None else None
    return version if isinstance(version, str) else None


def check_version(version: str) -> None:
    """Raise Refusal (-32022) for a version that is not spoken without a handshake."""
    if version != VERSION:
        raise Refusal(
            UNSUPPORTED_VERSION,
            "Unsupported protocol version",
            verdict="error",
            data={"supported": [VERSION], "requested": version[:40]},
        )


def discovery(server_version: str) -> str:
    """Give the text of the `server/discover` result."""
    return write_value(
        {
            "supportedVersions": [VERSION],
            "capabilities": {"completions": {}, "prompts": _LISTED, "resources": _LISTED, "tools": _LISTED},
            "instructions": INSTRUCTIONS,
            "resultType": "complete",
            "ttlMs": 0,
            "cacheScope": "private",
            "_meta": {f"{_PREFIX}serverInfo": {"name": SERVER_NAME, "version": server_version}},
        }
    )


def without_envelope(params: Member) -> Member:
    """Give params without what is between the client and the proxy alone: a backend has its own version agreed."""
    members = read_object(params.raw)
    meta = read_object(members["_meta"].raw)
    kept = {name: member for name, member in meta.items() if name not in _HOP_BY_HOP}
    members["_meta"] = Member(_values(kept), write_object(_texts(kept)))
    if not kept:
        del members["_meta"]
    return Member(_values(members), write_object(_texts(members)))


def completed(method: str, result: str) -> str:
    """Give the text of a result with what this version asks of every result, and of one that may be cached."""
    members = _texts(read_object(result))
    members.setdefault("resultType", '"complete"')
    if method in _CACHEABLE:
        members |= {"ttlMs": "0", "cacheScope": '"private"'}
    return write_object(members)


def _values(members: Mapping[str, Member]) -> dict[str, Any]:
    return {name: member.value for name, member in members.items()}


def _texts(members: Mapping[str, Member]) -> dict[str, str]:
    return {name: member.raw for name, member in members.items()}
