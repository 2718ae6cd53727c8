"""The duties of a proxy that no call waits for, each in a task of its own: none waits for another, none ends unsaid."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.proxy.catalogue import TOOLS
from axonflow_hooks.proxy.fleet import fault_of
from axonflow_hooks.proxy.refusals import Refusal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from axonflow_hooks.proxy.audit_file import AuditFile
    from axonflow_hooks.proxy.diagnostics import Diagnostics
    from axonflow_hooks.proxy.fleet import Fleet
    from axonflow_hooks.proxy.integrity import Integrity

RETRY_S: Final = 30.0
"""A list that could not be loaded again is tried again after this time."""


async def again_and_again(duty: Callable[[], Awaitable[None]], every_s: float, diagnostics: Diagnostics) -> None:
    """Do a duty every so many seconds until this is cancelled; what goes wrong is said and ends nothing."""
    said = ""
    while True:
        await asyncio.sleep(every_s)
        try:
            await duty()
            fault = ""
        except Exception as error:  # noqa: BLE001 - a duty that ends would not be missed by anybody
            fault = f"{duty.__qualname__}: {type(error).__name__}"  # its text could quote data
        if fault and fault != said:
            diagnostics.say(f"WARNING internal error in {fault}; it is tried again.")
        said = fault


@dataclass(slots=True)
class AuditKeeper:
    """Sees that the audit file is there, and brings what was written to the disk."""

    file: AuditFile
    diagnostics: Diagnostics
    _gone: bool = False
    _unsynced: str = ""
    _syncing: asyncio.Future[None] | None = None
    _disk: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "axonflow-audit"))
    """A thread that nothing else waits for, and that waits for nothing else."""

    async def keep(self) -> None:
        """Look after the file and have it synced."""
        self.look_after()
        self._sync()

    def look_after(self) -> None:
        """Put the file back where somebody has removed it, and say what was done to it."""
        try:
            found = self.file.look_again()
        except OSError as error:
            if not self._gone:
                why = error.strerror or type(error).__name__
                self.diagnostics.say(
                    f"WARNING The audit file {self.file.path} was removed and cannot be put back ({why}): no call is "
                    "made."
                )
            self._gone = True
            return
        self._gone = False
        if found:
            self.diagnostics.say(f"WARNING The audit file {self.file.path} {found}.")

    def _sync(self) -> None:
        before = self._syncing
        if before is not None and not before.done():
            return  # the disk is slow; the file is looked after all the same
        error = before.exception() if before is not None else None
        fault = (getattr(error, "strerror", None) or type(error).__name__) if error is not None else ""
        if fault and fault != self._unsynced:
            self.diagnostics.say(f"WARNING The audit file {self.file.path} cannot be brought to the disk ({fault}).")
        self._unsynced = fault
        self._syncing = asyncio.get_running_loop().run_in_executor(self._disk, self.file.sync)

    def close(self) -> None:
        """Look after the file once more and close it."""
        self._disk.shutdown(wait=False)
        self.look_after()
        self.file.close()


@dataclass(slots=True)
class ListKeeper:
    """Has tools listed again that a person has approved, or that could not be checked. Every backend on its own.

    `announce` tells the client that lists have changed.
    """

    fleet: Fleet
    integrity: Integrity
    diagnostics: Diagnostics
    announce: Callable[[], None]
    _state: tuple[tuple[str, int], ...] = field(init=False)
    _wanted: set[str] = field(default_factory=set)
    _looking: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _not_before: dict[str, float] = field(default_factory=dict)
    _said: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Note how the pins are now: what is approved from here on is seen."""
        self._state = self.integrity.pins.state()

    async def keep(self) -> None:
        """Begin what there is to do, and wait for none of it."""
        newest = await asyncio.to_thread(self.integrity.pins.state)
        if newest != self._state:
            self._wanted.update(backend for backend, _ in self.integrity.hidden)
        self._state = newest
        self._wanted.update(self.integrity.unchecked)
        loop = asyncio.get_running_loop()
        for backend in (self._wanted & self.fleet.catalogues.keys()) - self._looking.keys():
            if loop.time() >= self._not_before.get(backend, 0.0):
                self._wanted.discard(backend)
                self._looking[backend] = loop.create_task(self._look(backend))

    async def _look(self, backend: str) -> None:
        """List a backend's tools again, and tell the client where other ones may be seen now."""
        before, was_unchecked = self._hidden(backend), self.integrity.unchecked.pop(backend, None) is not None
        catalogue, fault = self.fleet.catalogues[backend], ""
        try:
            if catalogue.host.session is None:
                return  # it is announced when it is up
            await catalogue.again(TOOLS)
            if before != self._hidden(backend) or (was_unchecked and backend not in self.integrity.unchecked):
                self.announce()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with one list, it is tried again
            fault = error.message if isinstance(error, Refusal) else fault_of(error)
            self._wanted.add(backend)
            self._not_before[backend] = asyncio.get_running_loop().time() + RETRY_S
            if fault != self._said.get(backend):
                self.diagnostics.say(f"backend {backend}: its tools could not be listed again: {fault}")
        finally:
            self._said[backend] = fault
            del self._looking[backend]

    def _hidden(self, backend: str) -> set[str]:
        return {tool for owner, tool in self.integrity.hidden if owner == backend}

    def close(self) -> None:
        """End what is under way."""
        for task in self._looking.values():
            task.cancel()
