"""Takes audit records from the spool to their agents: in order, in the background, again until they are there.

One process at a time delivers from a spool; the others see to theirs being written. The credential is never in the
spool: a record waits until a hook call has come with settings that lead to the very endpoint and client it is for. A
process that no such call has come to lets the others have their turn.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sqlite3
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from axonflow_hooks.account.credentials import resolve_connection
from axonflow_hooks.client import AgentClient
from axonflow_hooks.errors import AgentRefused, AgentUnavailable, AxonFlowError, MalformedVerdict, RateLimited
from axonflow_hooks.resident.audit_queue import client_id_of, tenant_of
from axonflow_hooks.resident.instance import take_lock
from axonflow_hooks.wire import jsonrpc
from axonflow_hooks.wire.mcp_tools import AuditToolCallArguments

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    import httpx

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.resident.audit_queue import SpoolThread
    from axonflow_hooks.resident.spool import Recipient, Record
    from axonflow_hooks.settings import Settings

BATCH: Final = 100
GATHER_S: Final = 0.05
"""After a hook's record is written, its answer goes first."""
MAX_SETTINGS: Final = 32
CALL_S: Final = 10.0
LOOK_EVERY_S: Final = 5.0
"""How often the spool is looked at for records of other processes."""
FIRST_PAUSE_S: Final = 1.0
LONGEST_PAUSE_S: Final = 60.0
REFUSALS_TO_DROP: Final = 3
"""An agent that so often finds a record itself wrong will never take it, and those behind it would never arrive."""
SWEEP_EVERY_S: Final = 600.0
_ABOUT_THE_RECORD: Final = frozenset({jsonrpc.INVALID_PARAMS, jsonrpc.INVALID_REQUEST})


@dataclass(slots=True)
class _State:
    """What became of the last tries at one recipient, and when the next one is due (monotonic seconds)."""

    not_before: float = 0.0
    pause_s: float = 0.0
    refused_key: str = ""
    refusals: int = 0
    asked_for_pause: bool = False


class Delivery:
    """Delivers from one spool while it holds the spool's lock."""

    def __init__(
        self,
        thread: SpoolThread,
        paths: Paths,
        http_for: Callable[[Settings], AbstractAsyncContextManager[httpx.AsyncClient]],
        report: Callable[[str], None],
    ) -> None:
        self._thread = thread
        self._paths = paths
        self._http_for = http_for
        self._report = report
        self._settings: dict[tuple[str, str], Settings] = {}
        self._states: dict[Recipient, _State] = {}
        self._wake = asyncio.Event()
        self._lock: int | None = None
        self._strangers = False
        self._swept = 0.0

    def learn(self, settings: Settings) -> None:
        """Remember settings that a hook call comes with, and try again soon where they lead: somebody is at work."""
        known = self._settings.pop((settings.endpoint, settings.auth), None)
        self._settings[settings.endpoint, settings.auth] = settings
        waiting = [recipient for recipient in self._states if recipient.endpoint == settings.endpoint]
        if known is None or any(self._cut_pause(recipient) for recipient in waiting):
            self._wake.set()
        if len(self._settings) > MAX_SETTINGS:
            del self._settings[next(iter(self._settings))]

    def wake(self, recipient: Recipient) -> None:
        """Something was written for this recipient."""
        self._cut_pause(recipient)
        self._wake.set()

    def _cut_pause(self, recipient: Recipient) -> bool:
        """Cut a long pause after failures, but none that was asked for; tell whether there was one."""
        state = self._states.setdefault(recipient, _State())
        soon = time.monotonic() + FIRST_PAUSE_S
        if state.asked_for_pause or state.not_before <= soon:
            return False
        state.not_before = soon
        return True

    async def run(self) -> None:
        """Deliver until cancelled; never raises anything else."""
        try:
            while True:
                pause = LOOK_EVERY_S
                if self._take_lock():
                    try:
                        pause = await self.deliver()
                    except (OSError, sqlite3.Error) as error:
                        self._report(f"the audit spool cannot be read: {type(error).__name__}")
                    except Exception as error:  # noqa: BLE001 - the next round may do better
                        self._report(f"delivery of audit records failed: {type(error).__name__}")
                    if self._strangers:
                        self.release()
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), pause)
                    await asyncio.sleep(GATHER_S)
                self._wake.clear()
        finally:
            self.release()

    async def deliver_once(self, limit_s: float) -> None:
        """Deliver what can be delivered within some seconds, unless another process delivers; never raises."""
        try:
            if self._take_lock():
                await asyncio.wait_for(self.deliver(), limit_s)
        except (asyncio.TimeoutError, OSError, sqlite3.Error, AxonFlowError):
            pass
        finally:
            self.release()

    def release(self) -> None:
        """Let another process deliver."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def deliver(self) -> float:
        """Send what is due; give the seconds until the next look. Raises OSError or sqlite3.Error."""
        if time.monotonic() - self._swept > SWEEP_EVERY_S or not self._swept:
            self._swept = time.monotonic()
            dropped = await self._thread.run(lambda spool: spool.drop_old())
            if dropped:
                self._report(f"{dropped} audit records were too old and were dropped")
        recipients = cast("list[Recipient]", await self._thread.run(lambda spool: spool.recipients()))
        reachable = [(recipient, settings) for recipient in recipients if (settings := self._settings_for(recipient))]
        self._strangers = len(reachable) < len(recipients)
        await asyncio.gather(*(self._deliver_to(recipient, settings) for recipient, settings in reachable))
        now = time.monotonic()
        waits = [self._states[recipient].not_before - now for recipient, _ in reachable]
        return max(0.05, min([LOOK_EVERY_S, *waits]))

    def _take_lock(self) -> bool:
        if self._lock is None:
            try:
                self._lock = take_lock(str(self._paths.spool_dir / "deliver.lock"))
            except FileNotFoundError:
                return False  # no spool yet
            except OSError as error:
                self._report(f"the audit spool cannot be locked: {type(error).__name__}")
        return self._lock is not None

    def _settings_for(self, recipient: Recipient) -> Settings | None:
        """Give the newest settings that lead to a recipient, None while no hook call has come with such."""
        for (endpoint, _), settings in reversed(self._settings.items()):
            if endpoint != recipient.endpoint:
                continue
            if not recipient.tenant or client_id_of(settings, self._paths) == recipient.tenant:
                return settings
        return None

    async def _deliver_to(self, recipient: Recipient, settings: Settings) -> None:
        state = self._states.setdefault(recipient, _State())
        records: list[Record] = []
        while state.not_before <= time.monotonic():
            records = cast("list[Record]", await self._thread.run(lambda spool: spool.waiting(recipient, BATCH)))
            for record in records:
                if not await self._deliver_one(record, settings, state):
                    return
            if len(records) < BATCH:
                return

    async def _deliver_one(self, record: Record, settings: Settings, state: _State) -> bool:
        """Send one record; give whether the next one may follow."""
        try:
            await self._send(record, settings)
        except RateLimited as error:
            self._pause(state, error.retry_after, asked_for=True)
            return False
        except (MalformedVerdict, AgentRefused, ValueError) as error:
            about_the_record = not isinstance(error, AgentRefused) or error.code in _ABOUT_THE_RECORD
            if not about_the_record or not self._is_hopeless(record, state):
                self._pause(state)
                return False
            self._report(f"an audit record was refused by its agent and was dropped ({type(error).__name__})")
            await self._thread.run(lambda spool: spool.settle(record.key, dropped=True))
            return True
        except AxonFlowError:
            self._pause(state)
            return False
        await self._thread.run(lambda spool: spool.settle(record.key))
        state.pause_s, state.not_before, state.asked_for_pause = 0.0, 0.0, False
        return True

    async def _send(self, record: Record, settings: Settings) -> None:
        async with self._http_for(settings) as http:
            connection = await resolve_connection(settings, self._paths, http=http, timeout_s=CALL_S)
            wanted = record.recipient
            if connection.endpoint != wanted.endpoint or (wanted.tenant and tenant_of(connection) != wanted.tenant):
                raise AgentUnavailable("The settings lead to another agent or tenant now.")
            client = AgentClient(replace(connection, user_email=record.user_email), http)
            await client.audit_tool_call(
                AuditToolCallArguments.model_validate(json.loads(record.body)),
                session_id=record.session_id,
                timeout_s=CALL_S,
                idempotency_key=record.key,
            )

    def _pause(self, state: _State, seconds: float | None = None, *, asked_for: bool = False) -> None:
        state.pause_s = min(LONGEST_PAUSE_S, max(FIRST_PAUSE_S, state.pause_s * 2))
        state.not_before = time.monotonic() + (state.pause_s if seconds is None else seconds)
        state.asked_for_pause = asked_for

    def _is_hopeless(self, record: Record, state: _State) -> bool:
        state.refusals = state.refusals + 1 if state.refused_key == record.key else 1
        state.refused_key = record.key
        return state.refusals >= REFUSALS_TO_DROP
