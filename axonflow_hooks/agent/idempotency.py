"""Idempotency-Key: the same request again gets the first answer again, and has no effect of its own (wire 1.1).

Two ways, by what the route does. A verdict may be computed twice, as long as it is told once: the first answer that is
kept is everybody's (`first_reply`, `keep_reply`), and in one process they take turns. A record must be appended once:
there the key is claimed in the transaction of the record (`once`), so that no crash and no race can come between.

A verdict that rested on what a person has granted, an override or an approval, is replayed to the same user and while
the grant lasts. After its end or revocation the request is judged anew, and that answer takes the place of the first.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakValueDictionary

from axonflow_hooks.agent.grants.lasting import all_last
from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.names import kept_name
from axonflow_hooks.agent.privacy import statement_hash
from axonflow_hooks.agent.store.queries import find_replay, forget_reply, remember_reply
from axonflow_hooks.agent.store.reports import forget_replies_of
from axonflow_hooks.agent.tables.records import format_time, now, to_json
from axonflow_hooks.errors import AxonFlowError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller

KEY: Final = re.compile(r"[A-Za-z0-9_.:/-]{1,256}", re.ASCII)
REPLAY_HOURS: Final = 24
REPLAYED_HEADER: Final = "Idempotent-Replayed"
MAX_SCOPE_CHARS: Final = 64

_under_way: WeakValueDictionary[tuple[str, str, str], asyncio.Lock] = WeakValueDictionary()


class Reused(AxonFlowError):  # noqa: N818 - reads as what happened
    """The key came with another request before."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A key as one client uses it for one operation; `fingerprint` is a keyed hash of the request."""

    client_id: str
    scope: str
    key: str
    fingerprint: str
    hours: int = REPLAY_HOURS
    tenant_id: str = ""
    user: str = ""


@dataclass(frozen=True, slots=True)
class FirstReply:
    """The answer that was given first; `rests_on` are the ids of the grants without which it would be another.

    `headers` are those that every replay has too.
    """

    status: int
    body: Any
    rests_on: tuple[str, ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def claim(
    agent: Agent, caller: Caller, scope: str, key: str | None, request: Any, *, hours: int = REPLAY_HOURS
) -> Claim | None:
    """Give the claim that a request makes with its key, which is remembered for `hours`; None without a key."""
    if key is None:
        return None
    fingerprint = statement_hash(agent.database, request)
    scope, key = scope[:MAX_SCOPE_CHARS], kept_name(agent, key)
    return Claim(caller.client_id, scope, key, fingerprint, hours, caller.tenant_id, user_key(caller))


def turn(claimed: Claim) -> asyncio.Lock:
    """Give the lock that requests of one client with one key hold one after the other."""
    return _under_way.setdefault((claimed.client_id, claimed.scope, claimed.key), asyncio.Lock())


async def first_reply(agent: Agent, claimed: Claim) -> FirstReply | None:
    """Give the answer that the key got before; None when it is new, or when what the answer rested on has ended.

    Raises Reused, StoreUnavailable.
    """
    return await agent.read(lambda connection: _find(connection, claimed))


async def keep_reply(agent: Agent, claimed: Claim, reply: FirstReply) -> FirstReply | None:
    """Keep an answer, or give the one that another request with this key was quicker with. Raises as `first_reply`."""

    def keep(transaction: Transaction) -> FirstReply | None:
        _forget_old(transaction.connection, claimed)
        known = _find(transaction.connection, claimed)
        if known is None:
            # What rested on a grant that has ended is still there.
            forget_reply(transaction.connection, claimed.client_id, claimed.scope, claimed.key)
            _remember(transaction.connection, claimed, reply)
        return known

    return await agent.writer.submit(keep)


def once(connection: Connection, claimed: Claim | None, effect: Callable[[], Any]) -> tuple[Any, bool]:
    """In a transaction, give what `effect` gives and remember it, or give what it gave the first time.

    The flag tells whether it is a replay. Without a claim it is always the first time. Raises Reused.
    """
    if claimed is None:
        return effect(), False
    _forget_old(connection, claimed)
    known = _find(connection, claimed)
    if known is not None:
        return known.body, True
    body = effect()
    _remember(connection, claimed, FirstReply(200, body))
    return body, False


def _find(connection: Connection, claimed: Claim) -> FirstReply | None:
    known = find_replay(connection, claimed.client_id, claimed.scope, claimed.key)
    if known is None:
        return None
    if known.fingerprint != claimed.fingerprint:
        raise Reused("The Idempotency-Key was used before, for another request")
    if "body" not in known.response:  # as the release before this one wrote the receipt of a tool call
        return FirstReply(200, {"status": "recorded", **known.response})
    rests_on = known.response.get("rests_on", ())
    if rests_on and known.response["user"] != claimed.user:  # a grant is one user's
        raise Reused("The Idempotency-Key was used before, by another user")
    if rests_on and not all_last(connection, claimed.tenant_id, rests_on):
        return None
    return FirstReply(known.response["status"], known.response["body"], headers=known.response.get("headers", {}))


def _forget_old(connection: Connection, claimed: Claim) -> None:
    before = datetime.now(timezone.utc) - timedelta(hours=claimed.hours)
    forget_replies_of(connection, claimed.scope, format_time(before))


def _remember(connection: Connection, claimed: Claim, reply: FirstReply) -> None:
    response = {"status": reply.status, "body": reply.body}
    if reply.headers:
        response |= {"headers": dict(reply.headers)}
    if reply.rests_on:
        response |= {"rests_on": reply.rests_on, "user": claimed.user}
    row = {
        "client_id": claimed.client_id,
        "scope": claimed.scope,
        "key": claimed.key,
        "fingerprint": claimed.fingerprint,
        "timestamp": now(),
        "response": to_json(response),
    }
    remember_reply(connection, row)
