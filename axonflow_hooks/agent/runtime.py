"""The parts of a running agent, and what it remembers of sessions."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, TypeVar

import anyio
from anyio import to_thread

from axonflow_hooks.agent.names import KnownNames
from axonflow_hooks.agent.options import Options
from axonflow_hooks.agent.policies.compiling import PolicySet
from axonflow_hooks.policy import Placeholders

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

    from axonflow_hooks.agent.access import Access
    from axonflow_hooks.agent.grants.presence_key import Verifier
    from axonflow_hooks.agent.mcp.sessions import Sessions
    from axonflow_hooks.agent.policies.live import LivePolicies
    from axonflow_hooks.agent.registration import Registrations
    from axonflow_hooks.agent.service.instance import Instance
    from axonflow_hooks.agent.store.database import Database
    from axonflow_hooks.agent.store.writer import Writer
    from axonflow_hooks.policy import Engine

MAX_SESSIONS: Final = 256
"""Sessions whose placeholders are remembered; the one unused for longest is forgotten first."""

INLINE_CHARS: Final = 4_096
"""Shorter texts are evaluated on the event loop, where they take less time than the way to a thread and back."""

APPROVAL_TTL_S: Final = 3_600
"""How long a call that is held waits for a person, unless the operator says otherwise."""

WAITING_CALLS: Final = 8
"""Calls that may wait for a person at the same time."""

EVALUATION_THREADS: Final = 2
READ_THREADS: Final = 4

ResultT = TypeVar("ResultT")


class SessionPlaceholders:
    """Keeps placeholders stable within a session: one `Placeholders` per client and session."""

    def __init__(self, capacity: int = MAX_SESSIONS) -> None:
        self._capacity = capacity
        self._kept: OrderedDict[tuple[str, str], Placeholders] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, client_id: str, session_id: str | None) -> Placeholders:
        """Give the placeholders of a session; without a session they are good for one call."""
        if session_id is None:
            return Placeholders()
        key = (client_id, session_id)
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = Placeholders()
                if len(self._kept) > self._capacity:
                    self._kept.popitem(last=False)
            self._kept.move_to_end(key)
        return kept


@dataclass(frozen=True, slots=True)
class Agent:
    """Everything that a request needs; lives as long as the process.

    `base` is the engine where there are no `policies` that change. `presence` is None where nobody has set a
    passphrase; a call that is held for approval waits `approval_ttl_s`. `registrations` is there in team mode.
    """

    base: Engine
    database: Database
    writer: Writer
    access: Access
    sessions: Sessions
    integrations: frozenset[str]
    options: Options = field(default_factory=Options)
    placeholders: SessionPlaceholders = field(default_factory=SessionPlaceholders)
    evaluations: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(EVALUATION_THREADS))
    reads: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(READ_THREADS))
    waiting: anyio.CapacityLimiter = field(default_factory=lambda: anyio.CapacityLimiter(WAITING_CALLS))
    presence: Verifier | None = None
    approval_ttl_s: int = APPROVAL_TTL_S
    policies: LivePolicies | None = None
    registrations: Registrations | None = None
    instance: Instance | None = None
    names: KnownNames = field(default_factory=KnownNames)

    @property
    def engine(self) -> Engine:
        """The policies of the local tenant; a request is judged and masked by `policies_of` its own tenant."""
        return self.base if self.policies is None else self.policies.engine

    async def policies_of(self, tenant_id: str) -> PolicySet:
        """Give the policies in use for a tenant. Raises StoreUnavailable where they cannot be read."""
        return PolicySet(self.base, self.base) if self.policies is None else await self.policies.current(tenant_id)

    async def compute(self, size: int, work: Callable[[], ResultT]) -> ResultT:
        """Run `work` on a text of `size` characters where it does not hold up other requests."""
        if size <= INLINE_CHARS:
            return work()
        return await to_thread.run_sync(work, limiter=self.evaluations)

    async def read(self, query: Callable[[Connection], ResultT]) -> ResultT:
        """Run a query on the database in a thread. Raises StoreUnavailable."""
        return await to_thread.run_sync(self.database.read, query, limiter=self.reads)
