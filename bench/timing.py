"""Commands timed in turn, so that whatever else the machine does falls on all of them alike."""

from __future__ import annotations

import platform
import statistics
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

WARM_UP = 3


@dataclass(frozen=True)
class Case:
    """One thing to time: a command line with what it reads, made anew for each run, or a call in this process."""

    name: str
    command: Sequence[str] = ()
    stdin: Callable[[], bytes] = bytes
    environ: Mapping[str, str] | None = None
    call: Callable[[], object] | None = None

    def run(self) -> None:
        """Run it once."""
        if self.call:
            self.call()
        else:
            subprocess.run(self.command, input=self.stdin(), env=self.environ, capture_output=True, check=True)


@dataclass(frozen=True)
class Times:
    """Milliseconds of wall time, one value a run."""

    values: tuple[float, ...]

    @property
    def p50(self) -> float:
        return statistics.median(self.values)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.values, n=20)[-1]


def measure(cases: Sequence[Case], rounds: int) -> dict[str, Times]:
    """Run every case in turn, `rounds` times, and give the times of each."""
    values: dict[str, list[float]] = {case.name: [] for case in cases}
    for turn in range(-WARM_UP, rounds):
        for case in cases:
            took = timed(case.run)
            if turn >= 0:
                values[case.name].append(took)
    return {name: Times(tuple(found)) for name, found in values.items()}


def measure_at_once(case: Case, count: int, rounds: int) -> Times:
    """Run a case `count` times at once, `rounds` times, and give the time of each run."""
    with ThreadPoolExecutor(count) as pool:
        found = [took for _ in range(rounds) for took in pool.map(lambda _: timed(case.run), range(count))]
    return Times(tuple(found))


def timed(work: Callable[[], object]) -> float:
    """Give the milliseconds that something takes."""
    start = time.perf_counter()
    work()
    return (time.perf_counter() - start) * 1000


def table(head: str, times: Mapping[str, Times], base: str) -> str:
    """Give a Markdown table with the ratio to the case `base`."""
    lines = [f"| {head} | p50 ms | p95 ms | ratio |", "|---|--:|--:|--:|"]
    lines += [
        f"| {name} | {found.p50:.1f} | {found.p95:.1f} | {found.p50 / times[base].p50:.2f} |"
        for name, found in times.items()
    ]
    return "\n".join(lines)


def machine() -> str:
    """Name the machine."""
    model = ""
    cpu_info = Path("/proc/cpuinfo")
    if cpu_info.exists():
        names = [line.split(":", 1)[1].strip() for line in cpu_info.read_text().splitlines() if "model name" in line]
        model = f", {len(names)} x {names[0]}" if names else ""
    return f"{platform.system()} {platform.machine()}{model}, Python {platform.python_version()}"
