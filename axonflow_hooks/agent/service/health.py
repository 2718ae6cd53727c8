"""Asks a running agent of this machine whether it answers, and how it is."""

from __future__ import annotations

import http.client
import ipaddress
import json
import ssl
from collections.abc import Mapping  # noqa: TC003 - the dataclass keeps it
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from axonflow_hooks.agent.service.instance import Instance

WAIT_S: Final = 5.0
MAX_BYTES: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Answer:
    """What the agent answered; `body` is {} where that is no JSON object."""

    status: int
    body: Mapping[str, Any]


def is_answering(instance: Instance) -> bool:
    """Tell whether /health is answered, be the agent well or not."""
    answer = ask(instance, "GET", "/health")
    return answer is not None and answer.status == http.client.OK


def ask(
    instance: Instance,
    method: str,
    path: str,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, Any] | None = None,
) -> Answer | None:
    """Send a request to a running agent and give its answer; None where there is none.

    With the standard library's client, because a start and a status wait for it, and httpx takes a quarter of a second
    to load. The record by which the agent was found is the agent's own, so that nobody else can be behind its port.
    """
    link = _link(instance)
    sent = {**(headers or {}), **({} if body is None else {"Content-Type": "application/json"})}
    try:
        link.request(method, path, body=None if body is None else json.dumps(body), headers=sent)
        reply = link.getresponse()
        content = reply.read(MAX_BYTES)
    except (OSError, http.client.HTTPException):
        return None
    finally:
        link.close()
    try:
        value = json.loads(content) if content else {}
    except ValueError:
        value = {}
    return Answer(reply.status, value if isinstance(value, dict) else {})


def _link(instance: Instance) -> http.client.HTTPConnection:
    parts = urlsplit(instance.endpoint)
    host, port = _reachable(parts.hostname or ""), parts.port or 0
    if parts.scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=WAIT_S)
    return http.client.HTTPSConnection(host, port, timeout=WAIT_S, context=_pinned(Path(instance.certificate)))


def _reachable(host: str) -> str:
    """Give where an agent can be asked that listens on every address."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not address.is_unspecified:
        return host
    return "127.0.0.1" if address.version == 4 else "::1"


def _pinned(certificate: Path) -> ssl.SSLContext:
    """Trust the agent's own certificate and no other: it is the file that the agent named, whoever signed it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.load_verify_locations(certificate)
    return context
