"""Names that callers give (sessions, software, tools, keys): stored as they are, unless they hold what must not be.

A name tells things apart, so it is not redacted in part: two names with different secrets in them must stay two. A
name that holds a secret or personal data is replaced by a keyed hash of it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.privacy import StorageRedactor, statement_hash
from axonflow_hooks.policy import Placeholders

if TYPE_CHECKING:
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.tables.records import Caller
    from axonflow_hooks.policy import Engine

MAX_KNOWN: Final = 2_048
"""Names that are remembered as looked at; clients send the same few with every request."""

HASH_CHARS: Final = 16

# One address and nothing else (RFC 5321, 4.1.2, without quoted local parts and address literals).
_ADDRESS: Final = re.compile(r"([A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64})@([A-Za-z0-9.-]{1,190})", re.ASCII)


@dataclass(slots=True)
class KnownNames:
    """Whether names are plain, for the policies by which they were looked at."""

    _known: tuple[Engine | None, dict[str, bool]] = field(default_factory=lambda: (None, {}))

    def is_plain(self, engine: Engine, name: str) -> bool:
        """Tell whether a name holds neither secrets nor personal data."""
        seen_by, known = self._known
        if seen_by is not engine or len(known) >= MAX_KNOWN:
            known = {}
            self._known = (engine, known)
        if name not in known:
            known[name] = StorageRedactor(engine, "gateway", Placeholders(), statements=True).text(name) == name
        return known[name]


def kept_name(agent: Agent, name: str, limit: int | None = None) -> str:
    """Give a name as it may be stored: itself, or `masked-` with a hash where it holds a secret or personal data.

    One of more than `limit` characters is cut, and ends in a hash of the whole.
    """
    if not agent.names.is_plain(agent.engine, name):
        return _masked(agent, name)
    if limit is None or len(name) <= limit:
        return name
    return f"{name[: limit - HASH_CHARS - 1]}-{_hash(agent, name)}"


def kept_user(agent: Agent, user: str) -> str:
    """Give the name of a developer as it may be stored: an e-mail address is how the contract names one (wire 1.1)."""
    address = _ADDRESS.fullmatch(user)
    parts = address.groups() if address else (user,)
    return user if all(agent.names.is_plain(agent.engine, part) for part in parts) else _masked(agent, user)


def attributed(agent: Agent, caller: Caller) -> Caller:
    """Give a caller as it may be stored; two that differ stay different."""
    session_id, user, software = caller.session_id, caller.user_email, caller.client_software
    kept = (
        None if session_id is None else kept_name(agent, session_id),
        None if user is None else kept_user(agent, user),
        None if software is None else kept_name(agent, software),
    )
    if kept == (session_id, user, software):
        return caller
    return caller._replace(session_id=kept[0], user_email=kept[1], client_software=kept[2])


def _masked(agent: Agent, name: str) -> str:
    return f"masked-{_hash(agent, name)}"


def _hash(agent: Agent, name: str) -> str:
    return statement_hash(agent.database, name)[-HASH_CHARS:]
