"""How a command calls the REST routes of the agent, as the user whose settings it finds."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

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
_CHECK: Final = "Check AXONFLOW_ENDPOINT: axonflow-hooks doctor"


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
        return _printable(str(text or f"HTTP {self.status}"))[:MAX_MESSAGE_CHARS]


async def call_route(
    method: str,
    path: str,
    *,
    json: Mapping[str, Any] | None = None,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    environ: Mapping[str, str] = os.environ,
) -> RouteReply:
    """Call a route as the user of an environment and give its answer, whatever its status.

    Raises AgentUnavailable when there is none, AgentRefused (401) for a wrong credential, and what
    `resolve_connection` raises.
    """
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


def expect(
    reply: RouteReply, *statuses: int, needs: Mapping[str, type] | None = None, thing: str = "", see: str = ""
) -> Mapping[str, Any]:
    """Give the body of a reply that has one of these statuses, and in it what `needs` names, of these types.

    Raises AgentError otherwise, with what the agent says; of a 404, `thing` is what was asked about and `see` the
    command that lists what there is.
    """
    if reply.status in statuses:
        for name, kind in (needs or {}).items():
            if not isinstance(reply.body.get(name), kind):
                raise _strange(name)
        return reply.body
    if reply.status == httpx.codes.NOT_FOUND and reply.body.get("error") == "This agent does not serve that route":
        raise AgentError(
            "The agent does not serve this.", remedy="Use an embedded agent of this release, or update the agent."
        )
    if "error" not in reply.body:
        raise AgentError(f"The answer was HTTP {reply.status}, and not an AxonFlow agent's.", remedy=_CHECK)
    if reply.status == httpx.codes.NOT_FOUND and thing:
        raise AgentError(f"{reply.message}: {_printable(thing)[:60]}.", remedy=f"See: {see}" if see else "")
    raise AgentError(reply.message)


def rows_of(body: Mapping[str, Any], name: str, *fields: str) -> list[Mapping[str, Any]]:
    """Give a list of a reply, each row of which has these fields. Raises AgentError for another agent's."""
    rows = body.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) and row.keys() >= {*fields} for row in rows):
        raise _strange(name)
    return rows


def segment(text: str) -> str:
    """Give what a person has typed as one segment of a path: it must not name another route."""
    if text in {"", ".", ".."} or "/" in text:
        raise AgentError(f"{text[:60]!r} is no id.")
    return quote(text, safe="")


def _strange(name: str) -> AgentError:
    return AgentError(f"The answer is not one of an AxonFlow agent of this release (no {name!r}).", remedy=_CHECK)


def _printable(text: str) -> str:
    return "".join(char for char in " ".join(text.split()) if char.isprintable())


def _object(reply: httpx.Response) -> Mapping[str, Any]:
    try:
        value = reply.json()
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
