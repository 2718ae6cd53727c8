"""The resident by itself: its cold start, and its memory over many calls."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from axonflow_hooks import relay
from bench.timing import Times, timed
from devtools.live import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

CALLS = (1_000, 10_000)
NO_EVENT = "no-such-event"


def send(address: str, event: str, environ: Mapping[str, str], payload: bytes) -> bytes:
    """Do what a relay does, in this process; give the answer's standard output."""
    relay.STARTED = time.monotonic()
    link = relay.connect(address)
    answer = relay.exchange(link, relay.request(event, os.urandom(16).hex(), dict(environ), payload), address)
    link.close()
    return answer[0]


def resident_of(address: str) -> int:
    """Give the process id of the resident at an address."""
    return int(Path(f"{address}.lock").read_text())


def memory_mb(process: int) -> float:
    """Give the resident set of a process in megabytes."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise ValueError(process)


def memory_over_calls(
    address: str, environ: Mapping[str, str], payload: Callable[[], tuple[str, bytes]]
) -> list[float]:
    """Send calls one after the other and give the resident's memory after each of `CALLS`."""
    process = resident_of(address)
    found = []
    done = 0
    for count in CALLS:
        while done < count:
            event, content = payload()
            send(address, event, environ, content)
            done += 1
        found.append(memory_mb(process))
    return found


def cold_starts(
    folder: Path, environ: Mapping[str, str], payload: Callable[[], bytes], rounds: int
) -> dict[str, Times]:
    """Time a resident from its start to its first answer, and an interpreter that imports what it needs, in turn.

    The first answer is to an event that needs no agent; the first verdict is the agent's on `payload`, a PreToolUse
    that it allows, and has the first connection and all that belongs to it in it.
    """
    imports: list[float] = []
    answers: list[float] = []
    verdicts: list[float] = []
    for turn in range(rounds):
        imports.append(timed(lambda: subprocess.run([sys.executable, "-c", "import httpx, pydantic"], check=True)))
        for times, event, content in ((answers, NO_EVENT, b""), (verdicts, "pre-tool-use", payload())):
            address = folder / f"cold-{turn}-{event}.sock"
            times.append(timed(lambda: start_and_ask(address, event, environ, content)))  # noqa: B023 - called at once
    return {
        "python importing httpx and pydantic": Times(tuple(imports)),
        "resident, to its first answer": Times(tuple(answers)),
        "resident, to its first verdict": Times(tuple(verdicts)),
    }


def start_and_ask(address: Path, event: str, environ: Mapping[str, str], payload: bytes) -> None:
    """Start a resident, wait for its answer to a call, and end it."""
    script = ROOT / "axonflow_hooks" / "resident" / "__main__.py"
    process = subprocess.Popen(
        [sys.executable, "-I", "-S", str(script), str(address)], env={"HOME": str(address.parent)}
    )
    while True:
        try:
            said = send(str(address), event, environ, payload)
            break
        except (OSError, relay.Failed):
            time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()
    if said:
        raise RuntimeError(f"The call was not allowed: {said!r}")
