"""How a client recognises its agent before it sends the credential: a port of this machine has no owner.

While the agent is not running, another user of the machine can listen in its place. So on each new connection to an
agent of this machine the client first asks /health with a random challenge, and the agent answers with an HMAC
(RFC 2104) under a key that only the two of them can make, over the challenge and over both ends of that very
connection: an answer that was fetched from the true agent elsewhere names other ends. The credential and the statement
follow on the same connection, or not at all; a connection that was opened for anything else never carries them.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import os
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.errors import AgentUnavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

CHALLENGE_HEADER: Final = "X-Axonflow-Challenge"
PROOF_HEADER: Final = "X-Axonflow-Proof"
CHALLENGE_BYTES: Final = 32
WAIT_S: Final = 5.0
MAX_ANSWER_BYTES: Final = 65_536

PROVING_PREFIX: Final = "axl1_"
"""How secrets begin that are only sent to an agent which has proved that it knows them."""

_CHALLENGE: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PURPOSE: Final = b"axonflow agent recognition 1"


def credential_key(credential: bytes) -> bytes:
    """Take `client_id:secret` and give the key by which both sides know it: its SHA-256, 32 bytes."""
    return hashlib.sha256(credential).digest()


def wants_proof(credential: bytes) -> bool:
    """Tell whether `client_id:secret` is one that is only sent to an agent which proves that it knows it."""
    return credential.partition(b":")[2].startswith(PROVING_PREFIX.encode())


def proving_key(authorization: str) -> bytes:
    """Take the value of an Authorization header and give the key of a credential that wants proof, b"" for others."""
    credential = _basic(authorization)
    return credential_key(credential) if wants_proof(credential) else b""


def is_challenge(text: str) -> bool:
    """Tell whether a header's value is a challenge."""
    return _CHALLENGE.fullmatch(text) is not None


def proof(key: bytes, challenge: str, client: Any, server: Any) -> str:
    """Give the answer to a challenge on the connection between two ends (address, port, …), 64 hexadecimal digits.

    Raises ValueError for an end that is none.
    """
    ends = b"\n".join((_end(client), _end(server)))
    return hmac.new(key, b"\n".join((_PURPOSE, challenge.encode("ascii"), ends)), hashlib.sha256).hexdigest()


def _end(address: Any) -> bytes:
    if not isinstance(address, (tuple, list)) or len(address) < 2:
        raise ValueError("not an address and a port")
    host = ipaddress.ip_address(str(address[0]).partition("%")[0])
    mapped = getattr(host, "ipv4_mapped", None)
    return f"{mapped or host} {int(address[1])}".encode("ascii")


def recognising(endpoint: str, key: bytes, before: Callable[[str, Any], Awaitable[None]] | None = None) -> Any:
    """Give the trace of an httpx request whose credential wants proof: `before` is the one that it had.

    A connection that is opened for it is tried first: the request fails with AgentUnavailable, before anything of it is
    sent, when what listens there is not the agent.
    """

    async def trace(step: str, info: Mapping[str, Any]) -> None:
        if before is not None:
            await before(step, info)
        if step == "connection.connect_tcp.complete":
            await _recognise(info["return_value"], endpoint, key)

    return trace


@dataclass(frozen=True, slots=True)
class Challenge:
    """One question to what listens at an endpoint, for one new connection. `key` is what both sides know."""

    endpoint: str
    key: bytes = field(repr=False)
    text: str = field(default_factory=lambda: os.urandom(CHALLENGE_BYTES).hex())

    def request(self) -> bytes:
        """Give the request that asks it."""
        host = self.endpoint.partition("://")[2].partition("/")[0]
        return f"GET /health HTTP/1.1\r\nHost: {host}\r\n{CHALLENGE_HEADER}: {self.text}\r\n\r\n".encode("ascii")

    def check(self, answer: str, client: Any, server: Any) -> None:
        """Take the proof that was answered, and both ends of the connection. Raises AgentUnavailable for any other."""
        try:
            expected = proof(self.key, self.text, client, server)
        except ValueError:
            expected = ""
        if expected and hmac.compare_digest(answer.encode(), expected.encode()):
            return
        raise AgentUnavailable(
            f"What listens at {self.endpoint} has not proved to be your agent, so nothing was sent to it.",
            remedy="Start your agent there, or restart it if it is of an older release: axonflow-hooks agent start",
        )


async def _recognise(stream: Any, endpoint: str, key: bytes) -> None:
    """Raise AgentUnavailable, the connection closed, unless the other end proves to be the agent."""
    challenge = Challenge(endpoint, key)
    try:
        await stream.write(challenge.request(), timeout=WAIT_S)
        answer = await _answer(stream)
        challenge.check(answer, stream.get_extra_info("client_addr"), stream.get_extra_info("server_addr"))
    except BaseException:
        await stream.aclose()  # nobody else has the connection yet
        raise


async def _answer(stream: Any) -> str:
    """Read one whole response and give its proof, "" for a response that has none or is not one."""
    received = b""
    while b"\r\n\r\n" not in received:
        chunk = await stream.read(MAX_ANSWER_BYTES, timeout=WAIT_S)
        received += chunk
        if not chunk or len(received) > MAX_ANSWER_BYTES:
            return ""
    head, _, body = received.partition(b"\r\n\r\n")
    status, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = headers.get("content-length", "")
    if not status.startswith("HTTP/1.1 200") or not length.isdecimal() or int(length) > MAX_ANSWER_BYTES:
        return ""
    while len(body) < int(length):
        chunk = await stream.read(int(length) - len(body), timeout=WAIT_S)
        body += chunk
        if not chunk:
            return ""
    return headers.get(PROOF_HEADER.lower(), "") if len(body) == int(length) else ""


def _basic(authorization: str) -> bytes:
    scheme, _, encoded = authorization.partition(" ")
    try:
        return base64.b64decode(encoded, validate=True) if scheme.lower() == "basic" else b""
    except ValueError:
        return b""
