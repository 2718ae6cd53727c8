"""Clients besides the local user: found by their id in the database, and remembered for a second.

So a revocation, by whichever replica, is in force a second later, and a flood of requests asks the database once. A
row that was written or changed past the agent (see `store.sealed`) gives no access, and the agent's log says so.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import anyio
from anyio import to_thread

from axonflow_hooks.agent.store.registrations import access_fault, agent_clients, find_client, find_tenant, tenants
from axonflow_hooks.agent.store.rows import of_one_moment
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, now

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Connection

    from axonflow_hooks.agent.store.database import Database

REMEMBERED_S: Final = 1.0
MAX_REMEMBERED: Final = 1_024
MAX_ID_CHARS: Final = 128
TENANT_PREFIX: Final = "cs_"
"""The ids of tenants begin like this (wire 1.13), those of added clients never do."""

_THREADS: Final = 2

logger: Final = logging.getLogger("axonflow.agent")


@dataclass(frozen=True, slots=True)
class Known:
    """A client that has access: what its secret is checked by, and its tenant."""

    digest: bytes = field(repr=False)
    tenant_id: str = LOCAL_TENANT


class _Found(NamedTuple):
    """What a look into the database has found: a client, or why there is none by the row of that id."""

    known: Known | None = None
    fault: str = ""


class Clients:
    """Looks clients up. For use from one event loop."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[float, _Found]] = OrderedDict()
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def find(self, client_id: str) -> Known | None:
        """Give a client that has access, None for every other id. Raises StoreUnavailable."""
        if not client_id or len(client_id) > MAX_ID_CHARS or not client_id.isprintable():
            return None
        remembered = self._remembered.get(client_id)
        if remembered is not None and self._clock() < remembered[0]:
            return remembered[1].known
        found = await to_thread.run_sync(
            self._database.read, lambda connection: _look_up(connection, client_id), limiter=self._threads
        )
        if found.fault and (remembered is None or remembered[1].fault != found.fault):
            logger.warning("The client %s is refused: %s. See: axonflow-hooks audit verify", client_id, found.fault)
        self._remembered[client_id] = (self._clock() + REMEMBERED_S, found)
        self._remembered.move_to_end(client_id)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return found.known

    def forget(self, client_id: str) -> None:
        """Look a client up anew the next time: something has changed."""
        self._remembered.pop(client_id, None)


def _look_up(connection: Connection, client_id: str) -> _Found:
    is_tenant = client_id.startswith(TENANT_PREFIX)
    table, find = (tenants, find_tenant) if is_tenant else (agent_clients, find_client)
    # The row and the entry about it: no change may be committed in between.
    row = find(of_one_moment(connection), client_id)
    fault = "" if row is None else access_fault(connection, table, row)
    if row is None or fault:
        return _Found(fault=fault)
    return _Found(_tenant(row) if is_tenant else _client(row))


def _tenant(row: Mapping[str, Any]) -> Known | None:
    return None if row["expires_at"] <= now() else Known(bytes.fromhex(row["secret_hash"]), row["tenant_id"])


def _client(row: Mapping[str, Any]) -> Known | None:
    return None if row["revoked_at"] is not None else Known(bytes.fromhex(row["secret_hash"]))
