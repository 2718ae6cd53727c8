"""One hook call in a process of its own: what runs where no resident can be had. The same handler, the same answer."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import signal
import sys
import time
import uuid
from typing import TYPE_CHECKING, Final, NoReturn

from axonflow_hooks.claude_code.context import DEADLINE_S, Services, own_http_client
from axonflow_hooks.claude_code.hook import MAX_INPUT_BYTES, answer
from axonflow_hooks.errors import SettingsError
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.resident.audit_queue import AuditQueue, SpoolThread
from axonflow_hooks.resident.delivery import Delivery
from axonflow_hooks.resident.log import log

if TYPE_CHECKING:
    from collections.abc import Mapping
    from contextlib import AbstractAsyncContextManager

    import httpx

    from axonflow_hooks.claude_code.hook import HookAnswer
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings

CALL_VARIABLE: Final = "AXONFLOW_HOOK_CALL"
DEADLINE_VARIABLE: Final = "AXONFLOW_HOOK_DEADLINE"
"""Set by relay.py: the id of the call that it hands on, and its deadline on the monotonic clock of this machine."""
CALL_ID_CHARS: Final = 32
WRITE_RESERVE_S: Final = 0.3
DELIVERY_S: Final = 1.0


def main(event_word: str) -> NoReturn:
    """Run the hook that `hooks.json` calls `event_word` and end this process with status 0."""
    environ = dict(os.environ)
    handed_on = environ.pop(CALL_VARIABLE, "")
    call_id = handed_on if handed_on.isalnum() and len(handed_on) == CALL_ID_CHARS else uuid.uuid4().hex
    deadline_s = remaining_s(environ.pop(DEADLINE_VARIABLE, ""))
    payload = sys.stdin.buffer.read(MAX_INPUT_BYTES + 1) if sys.stdin else b""
    asyncio.new_event_loop().run_until_complete(_run(event_word, payload, environ, deadline_s, call_id))
    # Not by returning: a thread that waits for the name server would keep the process beyond the host's patience.
    os._exit(0)


def remaining_s(deadline: str) -> float:
    """Take what relay.py has set, "" for nothing, and give the seconds until the answer has to be there."""
    try:
        left = float(deadline) - time.monotonic() if deadline else DEADLINE_S
    except ValueError:
        left = DEADLINE_S
    return max(0.0, min(left if math.isfinite(left) else DEADLINE_S, DEADLINE_S) - WRITE_RESERVE_S)


async def _run(event_word: str, payload: bytes, environ: Mapping[str, str], deadline_s: float, call_id: str) -> None:
    try:
        paths = resolve_paths(environ)
    except SettingsError:
        _write(await answer(event_word, payload, environ, deadline_s))
        return
    call = _Call(paths, call_id)
    _write(await answer(event_word, payload, environ, deadline_s, Services(http_for=call.http_for, audit=call.queue)))
    await call.finish()


class _Call:
    """What one hook call needs around it."""

    def __init__(self, paths: Paths, call_id: str) -> None:
        self._paths = paths
        self._thread = SpoolThread(paths.spool_dir)
        self._delivery = Delivery(self._thread, paths, own_http_client, self._report)
        self.queue = AuditQueue(
            thread=self._thread,
            folder=paths.spool_dir,
            call_id=call_id,
            on_written=self._delivery.wake,
            on_failed=lambda error: self._report(f"an audit record could not be written: {type(error).__name__}"),
        )

    def http_for(self, settings: Settings) -> AbstractAsyncContextManager[httpx.AsyncClient]:
        self._delivery.learn(settings)
        return own_http_client(settings)

    async def finish(self) -> None:
        """Deliver what was written, now that the answer is out, unless a resident does so."""
        if self.queue.count:
            await self._delivery.deliver_once(DELIVERY_S)
        await self._thread.close()

    def _report(self, text: str) -> None:
        log(self._paths.resident_log, text)


def _write(result: HookAnswer) -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, 0)  # dispatch.py's own answer is not needed any more
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(result.stderr + "\n" if result.stderr else "")
        sys.stderr.flush()
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stdout.buffer.write(result.stdout)
        sys.stdout.buffer.flush()
