"""Clients besides the local user: found by their id in the database, and remembered for a second.

So a revocation, by whichever replica, is in force a second later, and a flood of requests asks the database once.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from axonflow_hooks.agent.store.registrations import find_client, find_tenant
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, now

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from axonflow_hooks.agent.store.database import Database

REMEMBERED_S: Final = 1.0
MAX_REMEMBERED: Final = 1_024
MAX_ID_CHARS: Final = 128
TENANT_PREFIX: Final = "cs_"
"""The ids of tenants begin like this (wire 1.13), those of added clients never do."""

_THREADS: Final = 2


@dataclass(frozen=True, slots=True)
class Known:
    """A client that has access: what its secret is checked by, and its tenant."""

    digest: bytes = field(repr=False)
    tenant_id: str = LOCAL_TENANT


class Clients:
    """Looks clients up. For use from one event loop."""

    def __init__(self, database: Database, clock: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._clock = clock
        self._remembered: OrderedDict[str, tuple[float, Known | None]] = OrderedDict()
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def find(self, client_id: str) -> Known | None:
        """Give a client that has access, None for every other id. Raises StoreUnavailable."""
        if not client_id or len(client_id) > MAX_ID_CHARS or not client_id.isprintable():
            return None
        remembered = self._remembered.get(client_id)
        if remembered is not None and self._clock() < remembered[0]:
            return remembered[1]
        found = await to_thread.run_sync(
            self._database.read, lambda connection: _look_up(connection, client_id), limiter=self._threads
        )
        self._remembered[client_id] = (self._clock() + REMEMBERED_S, found)
        self._remembered.move_to_end(client_id)
        if len(self._remembered) > MAX_REMEMBERED:
            self._remembered.popitem(last=False)
        return found

    def forget(self, client_id: str) -> None:
        """Look a client up anew the next time: something has changed."""
        self._remembered.pop(client_id, None)


def _look_up(connection: Connection, client_id: str) -> Known | None:
    if client_id.startswith(TENANT_PREFIX):
        row = find_tenant(connection, client_id)
        if row is None or row["expires_at"] <= now():
            return None
        return Known(bytes.fromhex(row["secret_hash"]), client_id)
    found = find_client(connection, client_id)
    return None if found is None else Known(bytes.fromhex(found))
