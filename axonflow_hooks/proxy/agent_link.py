"""The way to the agent: connections of our own where that is possible, httpx where it is not.

httpx knows the proxy servers that an environment may name, and runs where httptools does not; `direct_link` is faster.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from axonflow_hooks.client import new_http_client
from axonflow_hooks.errors import AgentUnavailable
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    import ssl
    from collections.abc import Mapping

    from axonflow_hooks.proxy.pending import Pending

    Headers = Mapping[str, str]

IDLE_S: Final = 30.0
"""An idle connection is not used again after this: servers and firewalls forget them."""


class Answer(NamedTuple):
    """A reply: `headers` in lower case, as far as they say more than how to read the body."""

    status: int
    headers: dict[str, str]
    body: bytes


class Exchange(NamedTuple):
    """A request that was sent without waiting: its answer, and when that is too late (loop time)."""

    answer: Pending[Answer]
    deadline: float
    connection: Any


class Link(Protocol):
    """One way to the agent."""

    async def post(
        self,
        path: str,
        headers: Headers,
        extra: Headers,
        body: bytes,
        timeout_s: float,
        begun: Exchange | None = None,
    ) -> Answer:
        """Send a request that may be repeated: `headers` are those of every request. Raises AgentUnavailable.

        Where that has `begun`, wait for what is missing of it.
        """

    def begin(self, path: str, headers: Headers, extra: Headers, body: bytes, timeout_s: float) -> Exchange | None:
        """Send a request where nothing has to be waited for, else None. Then `post`, `end` or `drop` must follow."""

    def end(self, exchange: Exchange) -> None:
        """Take it that an exchange has had its answer."""

    def drop(self, exchange: Exchange) -> None:
        """Take it that nobody waits for the answer of an exchange, unless `post` or `end` has followed."""

    async def aclose(self) -> None:
        """Close what is open."""


@dataclass(slots=True)
class HttpxLink:
    """Requests through httpx."""

    endpoint: str
    _http: httpx.AsyncClient | None = None

    async def post(
        self,
        path: str,
        headers: Headers,
        extra: Headers,
        body: bytes,
        timeout_s: float,
        begun: Exchange | None = None,
    ) -> Answer:
        """Send a request. Raises AgentUnavailable."""
        del begun  # nothing ever is, here
        if self._http is None:
            self._http = new_http_client(self.endpoint, keep_alive_s=IDLE_S)
        sending = self._http.post(self.endpoint + path, content=body, headers={**headers, **extra})
        try:
            reply = await asyncio.wait_for(sending, timeout_s)
        except (asyncio.TimeoutError, httpx.TimeoutException):
            raise AgentUnavailable(f"{self.endpoint} gave no answer within {timeout_s:g} s.") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            raise AgentUnavailable(f"{self.endpoint} cannot be reached ({type(error).__name__}).") from None
        return Answer(reply.status_code, {name.lower(): value for name, value in reply.headers.items()}, reply.content)

    def begin(self, path: str, headers: Headers, extra: Headers, body: bytes, timeout_s: float) -> Exchange | None:
        """Give None: httpx is always waited for."""

    def end(self, exchange: Exchange) -> None:
        """Do nothing: nothing was begun."""

    def drop(self, exchange: Exchange) -> None:
        """Do nothing: nothing was begun."""

    async def aclose(self) -> None:
        """Close what is open."""
        if self._http is not None:
            with contextlib.suppress(httpx.HTTPError, OSError):
                await self._http.aclose()


def link_to(endpoint: str, *, behind_proxy: bool) -> Link:
    """Give the way to an endpoint; `behind_proxy` tells that a proxy server stands between."""
    if behind_proxy:
        return HttpxLink(endpoint)
    try:
        from axonflow_hooks.proxy.direct_link import DirectLink
    except ModuleNotFoundError as error:
        if error.name != "httptools":
            raise
        return HttpxLink(endpoint)
    return DirectLink(endpoint)


def tls_context() -> ssl.SSLContext:
    """Trust the authorities of certifi and of the system, or those of SSL_CERT_FILE and SSL_CERT_DIR alone.

    An interpreter may know none, as that of python.org for macOS does at first; a company's own may be known to the
    system alone. Raises AgentUnavailable.
    """
    try:
        context = httpx.create_ssl_context()
        if not (os.environ.get("SSL_CERT_FILE") or os.environ.get("SSL_CERT_DIR")):
            context.load_default_certs()
    except (OSError, ValueError) as error:
        raise AgentUnavailable(
            f"The certificates of this environment cannot be used ({type(error).__name__}).",
            remedy="Correct SSL_CERT_FILE or SSL_CERT_DIR.",
        ) from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def needs_proxy(endpoint: str) -> bool:
    """Tell whether this environment wants requests to `endpoint` sent through a proxy server."""
    parts = urlsplit(endpoint)
    proxies = getproxies()
    if is_loopback_url(endpoint) or not (proxies.get(parts.scheme) or proxies.get("all")):
        return False
    return not proxy_bypass(parts.netloc)
