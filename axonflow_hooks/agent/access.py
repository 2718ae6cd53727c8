"""Who may talk to the agent: this user's clients on this machine, and no web page.

A page in the user's browser can reach a loopback port. It cannot name it as host once DNS rebinding is refused
(RFC 9110, 7.2: the Host header), cannot hide its own origin (the Origin header), and does not have the credential.
Each of the three is checked; a refusal is 403, not 421, because clients take a 403 for what it is: a wrong
configuration, never a reason to run ungoverned.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from starlette.datastructures import Headers, MutableHeaders

from axonflow_hooks.agent.envelopes import MCP_PATH, refusal
from axonflow_hooks.agent.store.records import Caller

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK_NAMES: Final = ("localhost", "127.0.0.1", "[::1]")
HEALTH_PATH: Final = "/health"
WELL_KNOWN: Final = "/.well-known/"
MAX_HEADER_CHARS: Final = 200

_EXPOSED: Final = "Mcp-Session-Id, Idempotent-Replayed, Retry-After"


@dataclass(frozen=True, slots=True)
class Access:
    """The names under which the agent may be called and the digest of its credential."""

    hosts: frozenset[str]
    origins: frozenset[str]
    credential: bytes = field(repr=False)


def loopback_access(host: str, port: int, client_id: str, client_secret: str) -> Access:
    """Take the bound address (an IPv6 one in brackets) and the credential, and give who may call."""
    names = {*LOOPBACK_NAMES, host}
    hosts = {f"{name}:{port}" for name in names} | (names if port == 80 else set())
    return Access(
        hosts=frozenset(hosts),
        origins=frozenset(f"http://{host}" for host in hosts),
        credential=_digest(f"{client_id}:{client_secret}".encode()),
    )


def authenticate(access: Access, headers: Headers) -> Caller | None:
    """Give the caller whose Basic credential (wire 1.1) is right, None for everybody else."""
    scheme, _, encoded = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        sent = base64.b64decode(encoded.strip(), validate=True)
    except (binascii.Error, ValueError):
        return None
    # Digests have one length, so that the time to compare tells nothing of the secret.
    if not hmac.compare_digest(_digest(sent), access.credential):
        return None
    return Caller(
        client_id=sent.partition(b":")[0].decode("utf-8", "replace"),
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
        headers = Headers(scope=scope)
        path: str = scope["path"]
        fault = self._fault(headers)
        if fault:
            await refusal(path, 403, fault)(scope, receive, send)
            return
        origin = headers.get("origin")
        answer = send if origin is None else _with_cors(send, origin)
        if _needs_credential(scope["method"], path):
            caller = authenticate(self.access, headers)
            if caller is None or headers.get("x-user-token"):
                # A user token that nobody can verify must not count as one (wire 1.1: presented but invalid).
                message = "Authentication required" if caller is None else "X-User-Token cannot be verified here"
                await refusal(path, 401, message)(scope, receive, answer)
                return
            scope.setdefault("state", {})["caller"] = caller
        await self.app(scope, receive, answer)

    def _fault(self, headers: Headers) -> str | None:
        if headers.get("host", "").lower() not in self.access.hosts:
            return "The Host header does not name this agent."
        origin = headers.get("origin")
        if origin is not None and origin.lower() not in self.access.origins:
            return "Requests from this origin are refused."
        return None


def _needs_credential(method: str, path: str) -> bool:
    if path == MCP_PATH:
        return method in {"POST", "DELETE"}  # the others carry nothing: OPTIONS is a preflight, the rest is 405
    return path != HEALTH_PATH and not path.startswith(WELL_KNOWN)


def _with_cors(send: Send, origin: str) -> Send:
    async def answer(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["Access-Control-Allow-Origin"] = origin
            headers["Access-Control-Expose-Headers"] = _EXPOSED
            headers.add_vary_header("Origin")
        await send(message)

    return answer


def _digest(credential: bytes) -> bytes:
    return hashlib.sha256(credential).digest()


def _clean(value: str | None) -> str | None:
    """Give an attribution header as it is stored: printable and bounded, None when nothing is left."""
    if not value:
        return None
    return "".join(char for char in value if char.isprintable())[:MAX_HEADER_CHARS].strip() or None
