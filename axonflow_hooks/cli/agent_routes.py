"""How a command calls the REST routes of the agent, as the user whose settings it finds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import httpx

from axonflow_hooks.account.credentials import known_credential, resolve_connection
from axonflow_hooks.client import new_http_client
from axonflow_hooks.errors import AgentError, AgentRefused, AgentUnavailable
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Mapping

TIMEOUT_S: Final = 20.0
MAX_MESSAGE_CHARS: Final = 600


@dataclass(frozen=True, slots=True)
class RouteReply:
    """What a route answered; `body` is {} where it answered nothing that is a JSON object."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        """What the agent says of a refusal, as one printable line."""
        error = self.body.get("error")
        text = error.get("message") if isinstance(error, dict) else error
        line = " ".join(str(text or f"HTTP {self.status}").split())
        return "".join(char for char in line if char.isprintable())[:MAX_MESSAGE_CHARS]


async def call_route(
    method: str,
    path: str,
    *,
    json: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
) -> RouteReply:
    """Call a route and give its answer, whatever its status.

    Raises AgentUnavailable when there is none, AgentRefused (401) for a wrong credential, and what
    `resolve_connection` raises.
    """
    environ = os.environ
    paths = resolve_paths(environ)
    settings = load_settings(environ, paths)
    if settings.mode == "community-saas" and known_credential(settings, paths) is None:
        # Nobody wants to be registered anywhere by asking for a list.
        raise AgentUnavailable("No AxonFlow agent is configured.", remedy="Set AXONFLOW_ENDPOINT to yours.")
    async with new_http_client(settings.endpoint) as http:
        connection = await resolve_connection(settings, paths, http=http, timeout_s=TIMEOUT_S)
        sent = {**connection.headers(), **(headers or {})}
        try:
            reply = await http.request(
                method, connection.endpoint + path, json=json, params=query, headers=sent, timeout=TIMEOUT_S
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise AgentUnavailable(
                f"{connection.endpoint} cannot be reached ({type(error).__name__}).",
                remedy="Start it: axonflow-hooks agent",
            ) from None
    found = RouteReply(reply.status_code, _object(reply))
    if reply.status_code == httpx.codes.UNAUTHORIZED:
        raise AgentRefused(found.message, code=401, remedy="See: axonflow-hooks status")
    return found


def expect(reply: RouteReply, *statuses: int) -> Mapping[str, Any]:
    """Give the body of a reply that has one of these statuses. Raises AgentError with what the agent says else."""
    if reply.status in statuses:
        return reply.body
    if reply.status == httpx.codes.NOT_FOUND and reply.body.get("error") == "This agent does not serve that route":
        raise AgentError(
            "The agent does not serve this.", remedy="Use an embedded agent of this release, or update the agent."
        )
    raise AgentError(reply.message)


def _object(reply: httpx.Response) -> Mapping[str, Any]:
    try:
        value = reply.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
