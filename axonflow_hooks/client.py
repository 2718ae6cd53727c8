"""AgentClient: the one way to ask an AxonFlow agent, over HTTP, with the errors of the failure table.

Every method raises AgentUnavailable (RateLimited for 429), AgentRefused or MalformedVerdict; see `errors`.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import time
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from axonflow_hooks import __version__
from axonflow_hooks.errors import AgentError, AgentRefused, AgentUnavailable, MalformedVerdict, RateLimited
from axonflow_hooks.recognition import proving_key, recognising
from axonflow_hooks.settings import is_loopback_url
from axonflow_hooks.wire import jsonrpc
from axonflow_hooks.wire.health import Health
from axonflow_hooks.wire.mcp_tools import (
    AuditReceipt,
    AuditToolCallArguments,
    CheckOutputArguments,
    CheckPolicyArguments,
    OutputVerdict,
    PolicyVerdict,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping

CLIENT_ID: Final = f"claude-code-plugin/{__version__}"
MCP_PATH: Final = "/api/v1/mcp-server"
MAX_RETRY_AFTER_S: Final = 300.0
MAX_REPLY_BYTES: Final = 32_000_000
MAX_MESSAGE_CHARS: Final = 400

_CREDENTIAL_REMEDY: Final = "Check AXONFLOW_ENDPOINT and AXONFLOW_AUTH; /axonflow-status shows what is in use."
_SIZE_REMEDY: Final = "What stands before the agent has to let requests of 1 MB through."
_MAY_PASS: Final = frozenset({httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_EARLY})
_CREDENTIAL_REFUSALS: Final = frozenset({httpx.codes.UNAUTHORIZED, httpx.codes.FORBIDDEN})

ModelT = TypeVar("ModelT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Connection:
    """Where and as whom to call: `basic` is the base64 of Basic authentication, "" for none; secrets never print."""

    endpoint: str
    basic: str = field(default="", repr=False)
    license_token: str = field(default="", repr=False)
    user_email: str = ""
    client: str = CLIENT_ID

    def headers(self, session_id: str = "") -> dict[str, str]:
        """Give the request headers of wire 1.1 for a call of the host session `session_id`."""
        headers = {"X-Axonflow-Client": self.client, "Accept": "application/json"}
        if self.basic:
            headers["Authorization"] = f"Basic {self.basic}"
        if self.license_token:
            headers["X-License-Token"] = self.license_token
        if self.user_email:
            headers["X-User-Email"] = self.user_email
        if session_id and session_id.isascii() and session_id.isprintable():
            headers["X-Session-Id"] = session_id[:200]
        return headers


def new_http_client(endpoint: str, *, keep_alive_s: float = 5.0, max_connections: int = 32) -> httpx.AsyncClient:
    """Give an HTTP client for one endpoint: TLS verified, no redirects, no proxy between us and this machine.

    An agent of this machine has to prove that it is one before it gets its credential (see `recognition`).
    An unused connection is kept for `keep_alive_s` seconds. Raises AgentUnavailable when the environment names a
    proxy or certificates that cannot be used.
    """
    near = is_loopback_url(endpoint)
    limits = httpx.Limits(max_connections=max_connections, max_keepalive_connections=32, keepalive_expiry=keep_alive_s)
    plain = endpoint.startswith("http://")
    try:
        return httpx.AsyncClient(
            transport=_NearTransport(endpoint, limits) if near and plain else None,
            # An agent of this machine has a certificate of its own, which SSL_CERT_FILE names.
            verify=httpx.create_ssl_context() if near and not plain else True,
            trust_env=not near,
            follow_redirects=False,
            timeout=None,  # noqa: S113 - every call carries its own deadline
            limits=limits,
        )
    except (ImportError, ValueError, OSError, httpx.InvalidURL) as error:
        raise AgentUnavailable(
            f"The proxy or the certificates of this environment cannot be used ({type(error).__name__}).",
            remedy=f"Correct HTTPS_PROXY, ALL_PROXY and SSL_CERT_FILE, or add {endpoint} to NO_PROXY.",
        ) from None


class _NearTransport(httpx.AsyncBaseTransport):
    """Plain http to this machine. Requests whose credential wants proof have connections that no others have used."""

    def __init__(self, endpoint: str, limits: httpx.Limits) -> None:
        # Without TLS and proxies nobody needs certificates, and reading them takes longer than all of a call; what is
        # here instead trusts none.
        trusting_none = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._endpoint = endpoint
        self.proven, self.others = (
            httpx.AsyncHTTPTransport(verify=trusting_none, trust_env=False, limits=limits) for _ in range(2)
        )

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        key = proving_key(request.headers.get("Authorization", ""))
        if not key:
            return await self.others.handle_async_request(request)
        request.extensions["trace"] = recognising(self._endpoint, key, request.extensions.get("trace"))
        return await self.proven.handle_async_request(request)

    async def aclose(self) -> None:
        await self.proven.aclose()
        await self.others.aclose()


class AgentClient:
    """Calls of one connection over a given `httpx.AsyncClient`, which the caller opens and closes."""

    def __init__(self, connection: Connection, http: httpx.AsyncClient) -> None:
        self.connection = connection
        self._http = http

    async def check_policy(
        self, arguments: CheckPolicyArguments, *, session_id: str, timeout_s: float
    ) -> PolicyVerdict:
        """Ask whether a statement may be executed (wire 1.3.1)."""
        values = arguments.model_dump(exclude_none=True)
        reply = await self.call_tool("check_policy", values, session_id, timeout_s, repeatable=True)
        return _parse(PolicyVerdict, reply)

    async def check_output(
        self, arguments: CheckOutputArguments, *, session_id: str, timeout_s: float
    ) -> OutputVerdict:
        """Ask what in an output must be masked or withheld (wire 1.3.1)."""
        values = arguments.model_dump(exclude_none=True)
        reply = await self.call_tool("check_output", values, session_id, timeout_s, repeatable=True)
        return _parse(OutputVerdict, reply)

    async def audit_tool_call(
        self, arguments: AuditToolCallArguments, *, session_id: str, timeout_s: float, idempotency_key: str = ""
    ) -> AuditReceipt:
        """Record a tool call (wire 1.3.1); with a key (wire 1.1) it may be sent again and is recorded once."""
        values = arguments.model_dump(exclude_none=True)
        headers = {"Idempotency-Key": idempotency_key} if idempotency_key else {}
        reply = await self.call_tool(
            "audit_tool_call", values, session_id, timeout_s, headers=headers, repeatable=bool(headers)
        )
        return _parse(AuditReceipt, reply)

    async def call_tool(
        self,
        name: str,
        arguments: dict[str, Any],
        session_id: str,
        timeout_s: float,
        *,
        headers: Mapping[str, str] | None = None,
        repeatable: bool = False,
    ) -> Any:
        """Call any MCP tool of the agent and give the decoded JSON of its result.

        A `repeatable` call is sent again when the kept connection it took had been closed by the server.
        """
        body = jsonrpc.tool_call(name, arguments)
        sent = {**self.connection.headers(session_id), **(headers or {})}
        reply = await self.post_jsonrpc(body, sent, timeout_s, repeatable=repeatable)
        return _tool_result(_jsonrpc_result(reply))

    async def post_jsonrpc(
        self, body: bytes, headers: Mapping[str, str], timeout_s: float, *, repeatable: bool = False
    ) -> httpx.Response:
        """Send one JSON-RPC message and give the reply as it came, whatever its status."""
        sent = {**headers, "Content-Type": "application/json"}
        send = self._exchange_on_kept if repeatable else self._exchange
        return await self._send("POST", MCP_PATH, timeout_s, send, content=body, headers=sent)

    async def health(self, *, timeout_s: float) -> Health:
        """Ask for the agent's health and version (wire 1.10)."""
        # No credential: /health needs none, and a wrong one must not hide that the agent is up.
        headers = {"X-Axonflow-Client": self.connection.client, "Accept": "application/json"}
        reply = await self._send("GET", "/health", timeout_s, self._exchange_on_kept, headers=headers)
        if reply.status_code != httpx.codes.OK:
            raise AgentUnavailable(f"{self.connection.endpoint}/health answered HTTP {reply.status_code}.")
        return _parse(Health, _json_or_none(reply))

    async def post_json(self, path: str, body: Mapping[str, Any], *, timeout_s: float) -> httpx.Response:
        """POST a JSON object to an account route (wire 1.13) and give the reply as it came, without credentials."""
        headers = {"X-Axonflow-Client": self.connection.client, "Accept": "application/json"}
        return await self._send("POST", path, timeout_s, self._exchange, json=dict(body), headers=headers)

    async def get_json(self, path: str, *, timeout_s: float) -> httpx.Response:
        """GET a REST route of the agent as this connection's client and give the reply as it came."""
        headers = {**self.connection.headers(), "Accept": "application/json"}
        return await self._send("GET", path, timeout_s, self._exchange_on_kept, headers=headers)

    async def _send(
        self,
        method: str,
        path: str,
        timeout_s: float,
        exchange: Callable[[str, str, Mapping[str, Any]], Coroutine[Any, Any, httpx.Response]],
        **options: Any,
    ) -> httpx.Response:
        url = self.connection.endpoint + path
        try:
            return await asyncio.wait_for(exchange(method, url, options), timeout_s)
        except (asyncio.TimeoutError, httpx.TimeoutException):
            raise AgentUnavailable(f"{self.connection.endpoint} gave no answer within {timeout_s:g} s.") from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError) as error:
            # The exception's own text may quote the request; its class says what happened.
            raise AgentUnavailable(f"{self.connection.endpoint} cannot be reached ({type(error).__name__}).") from None

    async def _exchange_on_kept(self, method: str, url: str, options: Mapping[str, Any]) -> httpx.Response:
        """Send a request that may be repeated: again while it takes kept connections that the server has closed."""
        opened = False

        async def watch(step: str, _info: Mapping[str, Any]) -> None:
            nonlocal opened
            opened = opened or step == "connection.connect_tcp.started"

        while True:  # each turn takes a connection out of the pool, or opens one
            try:
                return await self._exchange(method, url, {**options, "extensions": {"trace": watch}})
            except (httpx.ReadError, httpx.WriteError, httpx.RemoteProtocolError):
                if opened:
                    raise

    async def _exchange(self, method: str, url: str, options: Mapping[str, Any]) -> httpx.Response:
        """Send a request and read its reply, but no more of it than any verdict needs."""
        content = bytearray()
        async with self._http.stream(method, url, **options) as reply:
            async for chunk in reply.aiter_bytes():
                content += chunk
                if len(content) > MAX_REPLY_BYTES:
                    raise MalformedVerdict(f"The agent's answer is larger than {MAX_REPLY_BYTES} bytes.")
        # The content is decoded by now: with its encoding the new reply would decode it again.
        headers = [(name, value) for name, value in reply.headers.multi_items() if name.lower() != "content-encoding"]
        return httpx.Response(reply.status_code, headers=headers, content=bytes(content))


def _jsonrpc_result(reply: httpx.Response) -> dict[str, Any]:
    """Give the `result` of a JSON-RPC reply, or raise what the failure table says of it."""
    if reply.status_code == httpx.codes.TOO_MANY_REQUESTS:
        raise RateLimited(
            "The agent's rate limit is reached (HTTP 429).", retry_after=retry_after_s(reply, default=60.0)
        )
    message = _json_or_none(reply)
    error = message.get("error") if isinstance(message, dict) else None
    if reply.status_code in _CREDENTIAL_REFUSALS:
        raise _refusal(reply.status_code, error)
    described = isinstance(error, dict) and "jsonrpc" in message
    if httpx.codes.is_client_error(reply.status_code) and reply.status_code not in _MAY_PASS and not described:
        # Another server than the agent, or one before it that lets less through: a fault of the configuration.
        too_large = reply.status_code == httpx.codes.REQUEST_ENTITY_TOO_LARGE
        remedy = _SIZE_REMEDY if too_large else _CREDENTIAL_REMEDY
        text = f"The endpoint refuses the call (HTTP {reply.status_code})"
        raise AgentRefused(text, code=reply.status_code, remedy=remedy)
    if isinstance(error, dict):
        code = error.get("code")
        if isinstance(code, (int, float)) and code in jsonrpc.REFUSALS | _CREDENTIAL_REFUSALS:
            raise _refusal(int(code), error)
        raise AgentUnavailable(f"The agent reports an error (code {one_line(code)}): {one_line(error.get('message'))}")
    if reply.status_code != httpx.codes.OK:
        raise AgentUnavailable(f"The agent answered HTTP {reply.status_code}.")
    if not isinstance(message, dict) or not isinstance(message.get("result"), dict):
        raise MalformedVerdict("The agent's answer holds no result.", remedy=_CREDENTIAL_REMEDY)
    result: dict[str, Any] = message["result"]
    return result


def _refusal(code: int, error: object) -> AgentError:
    described = error.get("message") if isinstance(error, dict) else error
    message = one_line(described) if isinstance(described, str) and described else "The agent refuses this client"
    # A JSON-RPC code inside a 401 says more than the status.
    inner = error.get("code") if isinstance(error, dict) else None
    shown = inner if isinstance(inner, int) and not isinstance(inner, bool) else code
    return AgentRefused(message, code=shown, remedy=_CREDENTIAL_REMEDY)


def _tool_result(result: Mapping[str, Any]) -> Any:
    content = result.get("content")
    first = content[0] if isinstance(content, list) and content else None
    text = first.get("text") if isinstance(first, dict) else None
    if result.get("isError"):
        raise MalformedVerdict(f"The agent could not evaluate the call: {one_line(text)}")
    try:
        return json.loads(text) if isinstance(text, str) else result.get("structuredContent")
    except (ValueError, RecursionError):
        raise MalformedVerdict(f"The agent's result is not JSON: {one_line(text)}") from None


def _parse(model: type[ModelT], value: Any) -> ModelT:
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fields = ", ".join(sorted({".".join(map(str, item["loc"])) or "all of it" for item in error.errors()}))
        raise MalformedVerdict(f"The agent's answer is not a {model.__name__} (wrong or missing: {fields}).") from None


def _json_or_none(reply: httpx.Response) -> Any:
    try:
        return json.loads(reply.content)
    except (ValueError, RecursionError):
        return None


def retry_after_s(reply: httpx.Response, *, default: float, maximum: float = MAX_RETRY_AFTER_S) -> float:
    """Give the seconds that a reply's Retry-After asks for (RFC 9110, 10.2.3: seconds or a date), 1 to `maximum`."""
    text = reply.headers.get("Retry-After", "").strip()
    seconds = default
    if text.isascii() and text.isdigit():
        seconds = float(text)
    elif text:
        try:
            seconds = parsedate_to_datetime(text).timestamp() - time.time()
        except (ValueError, OverflowError):
            seconds = default
    return max(1.0, min(seconds, maximum))


def one_line(text: object) -> str:
    """Give untrusted text as one short printable line."""
    line = " ".join(str(text if text is not None else "no details").split())
    return "".join(char for char in line if char.isprintable())[:MAX_MESSAGE_CHARS]
