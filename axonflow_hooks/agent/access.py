"""Who may talk to the agent: the clients it knows, under the names it goes by, and no web page.

A page in the user's browser can reach a loopback port. It cannot name it as host once DNS rebinding is refused
(RFC 9110, 7.2: the Host header), cannot hide its own origin (the Origin header), and does not have the credential.
Each of the three is checked; a refusal is 403, not 421, because clients take a 403 for what it is: a wrong
configuration, never a reason to run ungoverned.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import MutableHeaders

from axonflow_hooks.agent.envelopes import MCP_PATH, refusal
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, Caller
from axonflow_hooks.recognition import credential_key
from axonflow_hooks.wire.decide import APPROVAL_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from axonflow_hooks.agent.clients import Clients

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
HEALTH_PATH: Final = "/health"
WELL_KNOWN: Final = "/.well-known/"
MAX_HEADER_CHARS: Final = 200

_EXPOSED: Final = ", ".join(
    (
        "Mcp-Session-Id",
        "Idempotent-Replayed",
        "Retry-After",
        "X-Axonflow-Read-Scope",
        "X-Axonflow-Tier-Limit",
        "X-Audit-Export-Truncated",
    )
)
"""Headers of answers that a page of an allowed origin may read (Fetch standard, CORS)."""
_OWN: Final = ("host", "origin", "authorization", "x-user-token", "x-session-id", "x-user-email", "x-axonflow-client")
_MCP: Final = ("content-type", "content-length", "mcp-protocol-version", "mcp-session-id", "idempotency-key")
_WANTED: Final = {name.encode(): name for name in (*_OWN, *_MCP, APPROVAL_HEADER.lower())}
"""The headers that are looked at here, and those of the MCP route, which finds them in the request's state."""


@dataclass(frozen=True, slots=True)
class Access:
    """The names under which the agent may be called, and by whom.

    `client_id` and `key` are those of the local user's clients; `clients` knows the others. With `any_address` the
    agent listens on every address of the machine, and may be called by the one that was connected to. `public` paths
    need no credential.
    """

    hosts: frozenset[str]
    origins: frozenset[str]
    client_id: str
    key: bytes = field(repr=False)
    clients: Clients | None = None
    any_address: bool = False
    public: frozenset[str] = frozenset()


def access_of(
    endpoint: str,
    client_id: str,
    client_secret: str,
    *,
    names: tuple[str, ...] = (),
    clients: Clients | None = None,
    public: frozenset[str] = frozenset(),
) -> Access:
    """Take the endpoint that is served and the local credential, and give who may call.

    `names` are further hosts by which clients may call: `agent.example` at this port, or `agent.example:443` at the
    port of something in front of it.
    """
    scheme, _, authority = endpoint.partition("://")
    bound, _, port = authority.rpartition(":")
    default = {"http": "80", "https": "443"}[scheme]
    hosts: set[str] = set()
    for name in (*LOOPBACK_NAMES, bound.lower(), *(name.lower() for name in names)):
        given = name.rpartition(":")[2].isdigit() and not name.endswith("]") and name.count(":") == 1
        hosts.add(name if given else f"{name}:{port}")
        if port == default and not given:
            hosts.add(name)
    return Access(
        hosts=frozenset(hosts),
        # What stands in front of the agent may speak TLS for it.
        origins=frozenset(f"{scheme}://{host}" for host in hosts)
        | frozenset(f"https://{name.lower()}" for name in names),
        client_id=client_id,
        key=credential_key(f"{client_id}:{client_secret}".encode()),
        clients=clients,
        any_address=bound in {"0.0.0.0", "[::]"},  # noqa: S104 - compared, not bound
        public=public,
    )


async def authenticate(access: Access, headers: Mapping[str, str]) -> Caller | None:
    """Give the caller whose Basic credential (wire 1.1) is right, None for everybody else. Raises StoreUnavailable."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        sent = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    client_id = sent.partition(b":")[0].decode("utf-8", "replace")
    key = credential_key(sent)
    tenant_id = LOCAL_TENANT
    # Digests have one length, so that the time to compare tells nothing of the secret.
    if not hmac.compare_digest(key, access.key):
        known = None if access.clients is None else await access.clients.find(client_id)
        if known is None or not hmac.compare_digest(key, known.digest):
            return None
        tenant_id = known.tenant_id
    return Caller(
        client_id,
        tenant_id,
        session_id=_clean(headers.get("x-session-id")),
        user_email=_clean(headers.get("x-user-email")),
        client_software=_clean(headers.get("x-axonflow-client")),
    )


class AccessGuard:
    """ASGI middleware: refuses foreign hosts and origins, authenticates, and answers allowed origins with CORS."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self.app = app
        self.access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        headers = _headers(scope)
        path: str = scope["path"]
        fault = self._fault(headers, scope)
        if fault:
            await refusal(path, 403, fault)(scope, receive, send)
            return
        origin = headers.get("origin")
        answer = send if origin is None else _with_cors(send, origin)
        if self._needs_credential(scope["method"], path):
            caller = await authenticate(self.access, headers)
            if caller is None or headers.get("x-user-token"):
                # A user token that nobody can verify must not count as one (wire 1.1: presented but invalid).
                message = "Authentication required" if caller is None else "X-User-Token cannot be verified here"
                await refusal(path, 401, message)(scope, receive, answer)
                return
            scope.setdefault("state", {}).update(caller=caller, headers=headers)
        await self.app(scope, receive, answer)

    def _fault(self, headers: Mapping[str, str], scope: Scope) -> str | None:
        access = self.access
        host = headers.get("host", "").lower()
        # An address cannot be rebound: a page that was loaded from it is the agent's own.
        if host not in access.hosts and not (access.any_address and host == _connected_to(scope)):
            return "The Host header does not name this agent."
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in access.origins:
            return "Requests from this origin are refused."
        return None

    def _needs_credential(self, method: str, path: str) -> bool:
        if path == MCP_PATH:
            return method in {"POST", "DELETE"}  # the others carry nothing: OPTIONS is a preflight, the rest is 405
        return path != HEALTH_PATH and not path.startswith(WELL_KNOWN) and path not in self.access.public


def _headers(scope: Scope) -> dict[str, str]:
    """Give the wanted headers by their names, the first of each; a second Host is no host at all."""
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        wanted = _WANTED.get(name)
        if wanted is None:
            continue
        if wanted not in found:
            found[wanted] = value.decode("latin-1")
        elif wanted == "host":
            found[wanted] = ""
    return found


def _connected_to(scope: Scope) -> str:
    address, port = scope.get("server") or ("", 0)
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def _with_cors(send: Send, origin: str) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED
            headers.add_vary_header("Origin")
        await send(message)

    return answer


def _clean(value: str | None) -> str | None:
    """Give an attribution header as it is stored: printable and bounded, None when nothing is left."""
    if not value:
        return None
    if not value.isprintable():
        value = "".join(char for char in value if char.isprintable())
    return value[:MAX_HEADER_CHARS].strip() or None
