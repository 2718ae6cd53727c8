"""Does a masked result still fit the schema that its tool promises? A process of its own tells, within a deadline.

The schema is the backend's: a pattern in it may take for ever to match, and a reference in it may lead anywhere.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from axonflow_hooks.proxy.child_process import group_options
from axonflow_hooks.proxy.exact_json import UnreadableMessage, one_line, read_object, write_value

DEADLINE_S: Final = 2.0
TURN_S: Final = 10.0
"""How long a result waits for those of the same backend that are checked before it."""
START_S: Final = 20.0
IDLE_S: Final = 60.0
"""How long a process is kept for the next result."""

UNFIT: Final = "masked it would not fit the tool's output schema"
UNUSABLE: Final = "the tool's output schema is none that it could be checked against"
LATE: Final = "whether it still fits the tool's output schema takes too long to tell"
FAILED: Final = "whether it still fits the tool's output schema could not be checked"
FAULTS: Final = {
    b"fits": "",
    b"unfit": UNFIT,
    b"unresolved": "the tool's output schema refers to one elsewhere, which is not fetched",
    b"unusable": UNUSABLE,
}
"""What each answer of the process means (see `schema_worker`)."""

# The process finds our modules where we have found them: an isolated interpreter looks at no PYTHONPATH.
_PROGRAM: Final = "import sys; sys.path[:] = sys.argv[1:]; from axonflow_hooks.proxy.schema_worker import main; main()"
_NEEDED: Final = ("SYSTEMROOT", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")
"""What an interpreter may need of the environment to start."""


@dataclass(slots=True)
class OutputSchemas:
    """Checks masked results: those of each backend in a process of its own, which no other has to wait for."""

    _checkers: dict[str, _Checker] = field(default_factory=dict)

    async def fault(self, backend: str, raw_result: str, schema: Any) -> str:
        """Take the text of a backend's result and its tool's outputSchema (MCP 2025-06-18, tools).

        Gives why the structuredContent may not be shown as it is, "" where it fits or where there is none.
        """
        question, fault = await asyncio.to_thread(_question, raw_result, schema)
        if not question:
            return fault
        return await self._checkers.setdefault(backend, _Checker()).ask(question)

    async def aclose(self) -> None:
        """End the processes."""
        await asyncio.gather(*(checker.aclose() for checker in self._checkers.values()))


def _question(raw_result: str, schema: Any) -> tuple[bytes, str]:
    """Give the line that asks the process, or where it need not be asked, what is wrong."""
    try:
        structured = read_object(raw_result).get("structuredContent")
        if structured is None:
            return b"", ""
        if not isinstance(schema, dict):
            return b"", UNUSABLE
        return f"[{write_value(schema)},{one_line(structured.raw)}]\n".encode(), ""
    except UnreadableMessage:
        return b"", UNFIT
    except (ValueError, RecursionError):
        return b"", FAILED


@dataclass(slots=True)
class _Checker:
    """The process that checks the results of one backend, one after the other: started when it is first needed."""

    _process: asyncio.subprocess.Process | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _idle: asyncio.Task[None] | None = None

    async def ask(self, question: bytes) -> str:
        """Give what is wrong with a result."""
        acquired = self._turn.acquire()
        try:
            await (asyncio.wait_for(acquired, TURN_S) if self._turn.locked() else acquired)
        except asyncio.TimeoutError:
            return LATE
        try:
            return await self._ask_now(question)
        finally:
            self._turn.release()

    async def _ask_now(self, question: bytes) -> str:
        if self._idle is not None:
            self._idle.cancel()
        fault = None
        try:
            fault = FAULTS.get((await self._answer(question)).strip())
        except asyncio.TimeoutError:
            return LATE
        except (OSError, ValueError):
            return FAILED
        finally:
            if fault is None:  # what it may still answer would be taken for the answer to the next question
                await self._end()
        if fault is None:
            return FAILED
        self._idle = asyncio.get_running_loop().create_task(self._leave())
        return fault

    async def _answer(self, question: bytes) -> bytes:
        if self._process is None or self._process.returncode is not None:
            await self._start()
        assert self._process is not None  # noqa: S101 - started above
        return await asyncio.wait_for(_ask(self._process, question), DEADLINE_S)

    async def _start(self) -> None:
        """Start the process. Raises OSError when it does not come up."""
        self._process = process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-I", "-c", _PROGRAM, *_places()),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={name: os.environ[name] for name in _NEEDED if name in os.environ},
            **group_options(),
        )
        try:
            ready = await asyncio.wait_for(_ask(process, b""), START_S)
        except asyncio.TimeoutError:
            ready = b""
        if ready.strip() != b"ready":
            raise ChildProcessError

    async def _leave(self) -> None:
        await asyncio.sleep(IDLE_S)
        async with self._turn:
            await self._end()

    async def _end(self) -> None:
        """End the process at once: it has nothing to lose."""
        self._kill()
        process, self._process = self._process, None
        if process is None:
            return
        if process.stdin is not None:
            process.stdin.close()
        await process.communicate()

    def _kill(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()

    async def aclose(self) -> None:
        """End the process, whatever it is at."""
        if self._idle is not None:
            self._idle.cancel()
            await asyncio.gather(self._idle, return_exceptions=True)
        self._kill()
        async with self._turn:
            await self._end()


async def _ask(process: asyncio.subprocess.Process, question: bytes) -> bytes:
    """Write a line and give the next one; b"" when the process has ended. Raises OSError."""
    assert process.stdin is not None  # noqa: S101 - both are pipes
    assert process.stdout is not None  # noqa: S101
    process.stdin.write(question)
    await process.stdin.drain()
    return await process.stdout.readline()


def _places() -> list[str]:
    """Give where modules are looked for, the current folder left out."""
    return [place for place in sys.path if Path(place).is_absolute()]
