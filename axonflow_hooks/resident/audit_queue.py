"""From a hook's audit record to the disk: what the hook waits for, and all that it waits for."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.account.credentials import known_credential
from axonflow_hooks.claude_code.context import AUDIT_SHARE_S
from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.resident.spool import Recipient, Record, Spool

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from axonflow_hooks.claude_code.context import HookContext
    from axonflow_hooks.client import AgentClient, Connection
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings
    from axonflow_hooks.wire.mcp_tools import AuditReceipt, AuditToolCallArguments

WRITE_WAIT_S: Final = 4.0
"""A disk that takes longer to write a record does not hold the hook's answer up any further."""


class SpoolThread:
    """The spool of one folder, opened at first use and used by one thread; what comes together is written together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spool: Spool | None = None
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="spool")
        self._waiting: list[tuple[Record, asyncio.Future[Exception | None]]] = []
        self._writer: asyncio.Task[None] | None = None
        self._lost = 0

    def begin(self, record: Record) -> asyncio.Future[Exception | None]:
        """Begin to write a record; the future gives None when it is on disk, else what kept it from there."""
        written: asyncio.Future[Exception | None] = asyncio.get_running_loop().create_future()
        self._waiting.append((record, written))
        if self._writer is None or self._writer.done():
            self._writer = asyncio.create_task(self._write_all())
        return written

    def count_lost(self) -> None:
        """Count a record that nothing has taken: in memory until the disk takes the number."""
        self._lost += 1

    async def run(self, work: Callable[[Spool], object]) -> object:
        """Do something with the spool in its thread. Raises OSError or sqlite3.Error when the disk fails."""
        lost, self._lost = self._lost, 0

        def opened() -> object:
            nonlocal lost
            if self._spool is None:
                self._spool = Spool(self._folder)
            try:
                if lost:
                    with contextlib.suppress(OSError, sqlite3.Error):  # the disk takes still nothing
                        self._spool.count_lost(lost)
                        lost = 0
                return work(self._spool)
            except (OSError, sqlite3.Error):
                # Whatever it was (a removed folder, a damaged file), the next use begins anew.
                self._spool.close()
                self._spool = None
                raise

        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, opened)
        finally:
            self._lost += lost

    async def close(self) -> None:
        """Finish what is being written and let go of the file."""
        if self._writer:
            with contextlib.suppress(Exception):
                await self._writer
        if self._lost:
            with contextlib.suppress(OSError, sqlite3.Error):
                await self.run(lambda _: None)
        with contextlib.suppress(OSError, sqlite3.Error):
            await asyncio.get_running_loop().run_in_executor(self._thread, self._close_spool)
        self._thread.shutdown(wait=False)

    def _close_spool(self) -> None:
        if self._spool:
            self._spool.close()
            self._spool = None

    async def _write_all(self) -> None:
        while self._waiting:
            together, self._waiting = self._waiting, []
            records = [record for record, _ in together]
            try:
                await self.run(lambda spool, records=records: spool.append(records))  # type: ignore[misc]
                outcome: Exception | None = None
            except Exception as error:  # noqa: BLE001 - each of the hooks is told
                outcome = error
            for _, written in together:
                if not written.done():
                    written.set_result(outcome)


@dataclass(slots=True)
class AuditQueue:
    """The AuditSink of one hook call. `call_id` is the same when the call is handled twice: recorded once all the same.

    `on_written` is told whom a record on disk is for, `on_failed` what kept one from the disk. One that neither the
    disk nor the agent takes is lost, and is counted.
    """

    thread: SpoolThread
    folder: Path
    call_id: str
    on_written: Callable[[Recipient], None]
    on_failed: Callable[[Exception], None]
    count: int = 0

    async def __call__(self, context: HookContext, record: AuditToolCallArguments) -> None:
        """Write the record to disk, or send it at once where the disk does not take it."""
        self.count += 1
        key = f"axonflow-hooks:{self.call_id}:{self.count}"
        entry = Record(
            key=key,
            recipient=_recipient(context),
            user_email=context.settings.user_email,
            session_id=context.event.session_id.encode("utf-8", "replace").decode(),
            body=json.dumps(record.model_dump(exclude_none=True)),  # ASCII: no lone surrogate can stop it
            at=time.time(),
        )
        if context.paths.spool_dir != self.folder:
            self.on_failed(OSError("The record belongs into another spool."))
            if not await _send_at_once(context, record, key):
                self.thread.count_lost()
            return
        written = self.thread.begin(entry)
        await asyncio.wait([written], timeout=WRITE_WAIT_S)
        failure = written.result() if written.done() else TimeoutError()
        if failure is None:
            self.on_written(entry.recipient)
            return
        self.on_failed(failure)
        if not await _send_at_once(context, record, key):
            if written.done():
                self._count_if_lost(written)
            else:  # a slow disk may have it yet
                written.add_done_callback(self._count_if_lost)

    def _count_if_lost(self, written: asyncio.Future[Exception | None]) -> None:
        if not written.cancelled() and written.result():
            self.thread.count_lost()


async def _send_at_once(context: HookContext, record: AuditToolCallArguments, key: str) -> bool:
    """Send a record now, without the spool; tell whether its agent has it."""

    async def send(client: AgentClient, share_s: float) -> AuditReceipt:
        return await client.audit_tool_call(
            record, session_id=context.event.session_id, timeout_s=share_s, idempotency_key=key
        )

    try:
        return (await context.ask_agent(AUDIT_SHARE_S, send)).recorded
    except AxonFlowError:
        return False


def _recipient(context: HookContext) -> Recipient:
    return Recipient(context.settings.endpoint, client_id_of(context.settings, context.paths))


def client_id_of(settings: Settings, paths: Paths) -> str:
    """Give the client id that settings lead to, without the network, "" where there is none (yet)."""
    try:
        credential = known_credential(settings, paths)
    except AxonFlowError:
        return ""
    return credential.client_id if credential else ""


def tenant_of(connection: Connection) -> str:
    """Give the client id of a connection, "" for one without a credential."""
    return base64.b64decode(connection.basic).decode("utf-8", "replace").partition(":")[0]
