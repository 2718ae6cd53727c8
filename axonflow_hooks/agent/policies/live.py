"""The policies in use: built-in packs, the user's packs, what each tenant has written; followed as they change.

A change over REST is in use before its answer is sent. A change of a pack's file, or one that another replica wrote, is
seen within a second of the next request. New sets are compiled in a thread and swapped whole; where that fails, the
last good set stays in use and the fault is told.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections import OrderedDict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import anyio
from anyio import to_thread

from axonflow_hooks.agent.errors import StoreUnavailable
from axonflow_hooks.agent.policies.changes import fault_entry
from axonflow_hooks.agent.policies.compiling import PolicySet, compiled
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.store.policies import find_revision, tenant_rows
from axonflow_hooks.agent.tables.records import LOCAL_TENANT
from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import Placeholders

if TYPE_CHECKING:
    from axonflow_hooks.agent.store.database import Database
    from axonflow_hooks.agent.store.writer import Transaction, Writer
    from axonflow_hooks.policy import Engine, PolicySource

LOOK_EVERY_S: Final = 1.0
MAX_TENANTS: Final = 64
"""Sets that are kept compiled; the one unused for longest is compiled again when it is needed."""

MAX_TOLD: Final = 1_000
"""Faults that are logged, each once."""

logger: Final = logging.getLogger("axonflow.agent")


@dataclass(slots=True)
class _Held:
    policies: PolicySet
    look_at: float


class LivePolicies:
    """Gives the policies of a tenant, compiled. For use from one event loop; `engine` from any thread."""

    def __init__(self, source: PolicySource, database: Database, writer: Writer | None = None) -> None:
        self.source = source
        self._database = database
        self._writer = writer
        self._held: OrderedDict[str, _Held] = OrderedDict()
        self._lock = anyio.Lock()
        self._threads = anyio.CapacityLimiter(1)
        self._told: set[str] = set()
        self._unrecorded = self._tell(())

    @property
    def engine(self) -> Engine:
        """The engine that masks what is stored for the local tenant."""
        held = self._held.get(LOCAL_TENANT)
        return self.source.engine if held is None else held.policies.storage

    async def current(self, tenant_id: str) -> PolicySet:
        """Give the policies of a tenant, none older than a second. Raises StoreUnavailable where there are none yet."""
        held = self._held.get(tenant_id)
        # While one request looks for changes the others go on with what there is, unless that must not be used.
        fresh = held is not None and (time.monotonic() < held.look_at or self._lock.locked())
        if held is not None and fresh and not held.policies.expired():
            return held.policies
        return await self._look(tenant_id, force=False)

    async def refresh(self, tenant_id: str) -> PolicySet:
        """Look for changes now: to be called after a change was committed. Raises StoreUnavailable."""
        return await self._look(tenant_id, force=True)

    @property
    def fault_count(self) -> int:
        """How much of the packs and of the local tenant's policies is not in use."""
        held = self._held.get(LOCAL_TENANT)
        return (self.source.fault is not None) + (0 if held is None else len(held.policies.faults))

    def faults(self, policies: PolicySet) -> list[str]:
        """Give what of the packs and of the tenant's policies is not in use, and why."""
        return [*([] if self.source.fault is None else [str(self.source.fault)]), *policies.faults]

    async def _look(self, tenant_id: str, *, force: bool) -> PolicySet:
        async with self._lock:
            held = self._held.get(tenant_id)
            known = None if held is None or held.policies.expired() else held.policies
            if known is not None and held is not None and not force and time.monotonic() < held.look_at:
                return known
            try:
                fresh = await to_thread.run_sync(self._loaded, tenant_id, known, limiter=self._threads)
            except StoreUnavailable:
                if known is None or force:
                    raise
                fresh = known
            self._held[tenant_id] = _Held(fresh, time.monotonic() + LOOK_EVERY_S)
            self._held.move_to_end(tenant_id)
            if len(self._held) > MAX_TENANTS:
                self._held.popitem(last=False)
            self._unrecorded += self._tell(fresh.faults)
            await self._record(tenant_id, fresh.storage)
            return fresh

    def _loaded(self, tenant_id: str, known: PolicySet | None) -> PolicySet:
        self.source.reload()
        base = self.source.engine
        if known is not None and known.base is base:
            revision = self._database.read(lambda connection: find_revision(connection, tenant_id))
            if revision == known.revision:
                return known
        rows = self._database.read(lambda connection: tenant_rows(connection, tenant_id))
        try:
            return compiled(base, rows, known)
        except PolicyPackError as error:
            return replace(known or PolicySet(base, base, base=base), revision=rows.revision, faults=(str(error),))

    def _tell(self, faults: tuple[str, ...]) -> list[str]:
        """Log what is not in use, each fault once, and give those that were not told before."""
        found = [*([] if self.source.fault is None else [str(self.source.fault)]), *faults]
        fresh = [fault for fault in dict.fromkeys(found) if fault not in self._told][: MAX_TOLD - len(self._told)]
        self._told.update(fresh)
        for fault in fresh:
            logger.warning("not in use: %s", fault)
        return fresh

    async def _record(self, tenant_id: str, storage: Engine) -> None:
        """Put what is not in use into the audit trail; while that cannot be written, policies are used all the same."""
        if self._writer is None or not self._unrecorded:
            return
        redactor = StorageRedactor(storage, "gateway", Placeholders(), statements=True)  # a fault may quote a pattern
        entries = [fault_entry(tenant_id, redactor.text(fault)) for fault in self._unrecorded]

        def keep(transaction: Transaction) -> None:
            for entry in entries:
                transaction.append_audit(entry)

        with contextlib.suppress(StoreUnavailable):
            await self._writer.submit(keep)
            self._unrecorded = []
