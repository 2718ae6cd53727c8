"""What the body of a Streamable HTTP answer is: the answer to a request, an error of no request, or a lost session.

Once a session has ended, a server answers 404 (MCP 2025-06-18, transports: session management). Some answer 400, as
for a missing id. The status alone does not tell: a tool that has done its work may answer with the same.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urljoin, urlsplit

from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_object

if TYPE_CHECKING:
    from urllib.parse import SplitResult

    from axonflow_hooks.proxy.exact_json import Member

MAX_WORDING_CHARS: Final = 200
SESSION_ID: Final = re.compile(r"[\x21-\x7e]+")
"""Visible ASCII (MCP 2025-06-18, transports: session management)."""

# The SDKs' own words (TypeScript, Python, Go, Java, Kotlin, C#), as whole texts: a tool's may hold them.
_EXPIRED: Final = re.compile(
    r"(?:(?:bad request|not found): ?)?(?:"
    r"(?:mcp-session-id|session[ -]id)(?: header)? (?:is )?(?:required|missing|invalid|unknown|expired)"
    r"|session[ -]id required in mcp-session-id header"
    r"|(?:no valid|missing|invalid|unknown|expired|(?:invalid or (?:missing|expired)|missing or invalid)) session[ -]id"
    r"(?: provided(?: for non-initialize request)?)?"
    r"|session (?:not found|expired|terminated|has expired|has been terminated)(?:: ?[\x21-\x7e]+)?"
    r"|server not initialized"
    r")[.!]?",
    re.IGNORECASE,
)

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_TOLD_PATH: Final = re.compile(r"(?:/[A-Za-z0-9._~-]{0,20}){1,5}", re.ASCII)
"""A path that may stand in a message: anything else is the server's own text, and longer parts may be secrets."""

_NOBODY: Final = frozenset({None, "", "server-error"})
"""Ids of an error that was met before the request was read; the last is the Python SDK's."""


class Body(NamedTuple):
    """A body: the text of the answer to the request, or the error of an answer to none, and what an error says."""

    answer: str | None = None
    error: Member | None = None
    said: str = ""


def read_body(text: str, request_id: int) -> Body:
    """Take the text of a body and the id of the request that it came for."""
    try:
        message = read_object(text)
    except UnreadableMessage:
        return Body(said=text[: MAX_WORDING_CHARS + 1].strip())
    error, identifier = message.get("error"), message.get("id")
    said = error.value.get("message") if error is not None and isinstance(error.value, dict) else None
    wording = said if isinstance(said, str) else ""
    if "method" in message or (error is None and "result" not in message):
        return Body()
    if identifier is not None and type(identifier.value) is int and identifier.value == request_id:
        return Body(answer=text, said=wording)
    nobody = identifier is None or (not isinstance(identifier.value, (dict, list)) and identifier.value in _NOBODY)
    # An error that is no object is no JSON-RPC error (JSON-RPC 2.0, 5.1).
    return Body(error=error, said=wording) if nobody and error is not None and isinstance(error.value, dict) else Body()


def told_redirect(url: str, status: int, location: str) -> str:
    """Give what to say of a redirect from `url` behind its status, "" for what is none (RFC 9110, 15.4).

    None is followed: it would take the call, and the headers of the configuration, to where the server likes.
    """
    if status not in _REDIRECTS:
        return ""
    try:
        here, there = urlsplit(url), urlsplit(urljoin(url, location))
        near = bool(location) and _origin(here) == _origin(there)
    except ValueError:
        near = False
    if near and there.path == f"{here.path}/":
        where = "end its url's path with a slash"
    elif near and here.path == f"{there.path}/":
        where = "leave the slash at the end of its url's path out"
    elif near and there.path != here.path and _TOLD_PATH.fullmatch(there.path):
        where = f"set the path of its url to {there.path}"
    else:
        where = "set its url to where the server is"
    return f", a redirect, which is not followed: {where}"


def _origin(parts: SplitResult) -> tuple[str, str, int | None]:
    return parts.scheme, parts.hostname or "", parts.port or _PORTS.get(parts.scheme)


def says_expired(said: str) -> bool:
    """Tell whether a text is what an SDK says of the id of a session that it does not know, or misses."""
    return len(said) <= MAX_WORDING_CHARS and _EXPIRED.fullmatch(said.strip()) is not None
