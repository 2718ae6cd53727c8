"""Upkeep off the hot path, and the messages it has for the user, which wait for the next answer that can carry them."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.hook import HookAnswer
from axonflow_hooks.upkeep.disclosure import take_disclosure
from axonflow_hooks.upkeep.run import run_upkeep

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings

UPKEEP_S: Final = 30.0
MAX_MESSAGES: Final = 10
MAX_ENDPOINTS: Final = 16
"""More agents than one user works with in half an hour; the messages of the one heard of least recently go first."""


class Upkeep:
    """Runs `run_upkeep` beside the hooks, once at a time for the same settings.

    What it finds is kept by endpoint: a session is told of its own agent only.
    """

    def __init__(self) -> None:
        self._running: dict[Settings, asyncio.Task[None]] = {}
        self._messages: dict[str, list[str]] = {}

    async def __call__(self, settings: Settings, paths: Paths, timeout_s: float) -> list[str]:
        """Begin what is due, and give at once what the user has to know now; the rest comes with a later answer."""
        disclosure = take_disclosure(settings, paths)
        if settings not in self._running:
            task = asyncio.create_task(self._run(settings, paths))
            self._running[settings] = task
            task.add_done_callback(lambda _: self._running.pop(settings, None))
        return [disclosure] if disclosure else []

    def take_messages(self, endpoint: str) -> list[str]:
        """Give what the user of an agent has not been told yet."""
        return self._messages.pop(endpoint, [])

    async def close(self) -> None:
        """Give up what is under way: it is due again the next time."""
        running = list(self._running.values())
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)

    async def _run(self, settings: Settings, paths: Paths) -> None:
        found = await run_upkeep(settings, paths, timeout_s=UPKEEP_S)
        if not found:
            return
        known = self._messages.pop(settings.endpoint, [])
        self._messages[settings.endpoint] = list(dict.fromkeys([*known, *found]))[-MAX_MESSAGES:]
        if len(self._messages) > MAX_ENDPOINTS:
            del self._messages[next(iter(self._messages))]


def with_messages(answer: HookAnswer, messages: list[str]) -> HookAnswer:
    """Give the answer with messages for the user beside what it says already."""
    if not messages:
        return answer
    body = json.loads(answer.stdout) if answer.stdout else {}
    told = [body["systemMessage"]] if body.get("systemMessage") else []
    body["systemMessage"] = "\n".join([*told, *(f"[AxonFlow] {message}" for message in messages)])
    return HookAnswer(json.dumps(body).encode("ascii"), answer.stderr)
