"""Whether the passphrase by which an embedded agent recognises a person is the one that its user was last told of.

Who knows the passphrase can grant exceptions. Enrolment itself cannot tell whose it is, so each change of it is told to
the user once, at the start of the next session. Only that counts as told: what a command prints, a model may have run.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final

import httpx
from pydantic import ValidationError

from axonflow_hooks.account.local_agent import normalised_endpoint
from axonflow_hooks.errors import AxonFlowError, CredentialError
from axonflow_hooks.private_files import make_private_dir, read_private_json, write_private_json
from axonflow_hooks.wire.presence import PresenceStatus

if TYPE_CHECKING:
    from axonflow_hooks.client import AgentClient
    from axonflow_hooks.paths import Paths

PRESENCE_PATH: Final = "/api/v1/presence"
MAX_TEXT_CHARS: Final = 40

_WAY_OUT: Final = (
    "If that was not you, stop the agent, delete presence.json in the folder of its keys, and set a passphrase of your "
    "own: axonflow-hooks presence set"
)


async def ask_presence(client: AgentClient, *, timeout_s: float) -> PresenceStatus | None:
    """Ask an agent for its passphrase's fingerprint, None where it cannot tell. Raises AgentUnavailable."""
    reply = await client.get_json(PRESENCE_PATH, timeout_s=timeout_s)
    if reply.status_code != httpx.codes.OK:
        return None
    try:
        return PresenceStatus.model_validate_json(reply.content)
    except ValidationError:
        return None


def presence_news(paths: Paths, endpoint: str, found: PresenceStatus, *, first: bool) -> str:
    """Say what has changed since the user was last told, "" for nothing.

    `first` tells whether a passphrase counts as news where the user was never told anything of this agent.
    """
    told, fingerprint = _told(paths).get(normalised_endpoint(endpoint)), _fingerprint(found)
    if told == fingerprint or (told is None and not (first and fingerprint)):
        return ""
    if not fingerprint:
        return f"The agent at {endpoint} no longer knows a passphrase: nobody can grant overrides or approvals."
    done = "changed" if told else "set"
    at = f" at {_plain(found.enrolled_at)}" if found.enrolled_at else ""
    return f"The passphrase for overrides and approvals was {done}{at} (fingerprint {fingerprint}). {_WAY_OUT}"


def remember_told(paths: Paths, endpoint: str, found: PresenceStatus) -> None:
    """Note that the user has been told of an agent's passphrase. Raises OSError."""
    known = _told(paths)
    name, fingerprint = normalised_endpoint(endpoint), _fingerprint(found)
    if known.get(name) != fingerprint:
        make_private_dir(paths.presence_seen_file.parent)
        write_private_json(paths.presence_seen_file, {"endpoints": {**known, name: fingerprint}})


async def take_presence_news(client: AgentClient, paths: Paths, *, timeout_s: float) -> str:
    """Give what the user should be told at the start of a session, once, "" for nothing; never raises."""
    endpoint = client.connection.endpoint
    try:
        found = await ask_presence(client, timeout_s=timeout_s)
    except AxonFlowError:
        found = None  # the first tool call tells what is wrong with the agent
    if found is None:
        return ""
    news = presence_news(paths, endpoint, found, first=True)
    with contextlib.suppress(AxonFlowError, OSError):  # better told at every start than never
        remember_told(paths, endpoint, found)
    return news


def _told(paths: Paths) -> dict[str, str]:
    """Give the fingerprints that the user knows, by endpoint; "" stands for no passphrase."""
    try:
        value = read_private_json(paths.presence_seen_file) or {}
    except CredentialError:
        return {}
    kept: Any = value.get("endpoints")
    return {name: text for name, text in kept.items() if isinstance(text, str)} if isinstance(kept, dict) else {}


def _fingerprint(found: PresenceStatus) -> str:
    return _plain(found.fingerprint or "set") if found.enrolled else ""


def _plain(text: str | None) -> str:
    return "".join(char for char in text or "" if char.isprintable())[:MAX_TEXT_CHARS]
