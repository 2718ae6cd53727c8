"""Cost of one evaluation, as a ratio to a bare RE2 scan of the same text in the same run.

    python -m bench.policy_engine

Absolute times say more about the machine than about the engine, so both stand side by side. Best of several rounds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy import Placeholders, load_engine
from axonflow_hooks.policy.matching import Haystack, compile_set

if TYPE_CHECKING:
    from collections.abc import Callable

    from axonflow_hooks.wire.words import Phase

ROUNDS: Final = 7
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_BARE: Final = r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"
_COMMANDS: Final = (
    "git status",
    "npm run build -- --watch=false",
    "rg -n 'TODO' src | head -20",
    "cd app && .venv/bin/python -m pytest -q tests/test_api.py",
    "docker compose up -d db && sleep 3 && make migrate",
)
_START_UP: Final = (
    "import time; import re2, tree_sitter, tree_sitter_bash, pydantic; t = time.perf_counter(); "
    "from axonflow_hooks.policy import load_engine; load_engine(); print(time.perf_counter() - t)"
)


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Give the shortest time of several runs, in seconds."""
    shortest = float("inf")
    for _round in range(rounds):
        start = time.perf_counter()
        work()
        shortest = min(shortest, time.perf_counter() - start)
    return shortest


def sample(size: int) -> str:
    """Give source code of this many characters."""
    with open(argparse.__file__, encoding="utf-8") as stream:  # noqa: PTH123 - any text of some size does
        text = stream.read()
    return (text * (size // len(text) + 1))[:size]


def speed_rows() -> list[str]:
    """Measure and give the table."""
    engine = load_engine()
    bare = compile_set([_BARE])

    def row(name: str, text: str, connector: str, phase: Phase) -> str:
        rounds = ROUNDS if len(text) <= 1_000_000 else 2
        haystack = Haystack(text)
        bare.hits(haystack)
        scan = best(lambda: bare.hits(Haystack(text)), rounds)
        session = Placeholders()

        def evaluate() -> object:
            return engine.evaluate(text, phase=phase, connector_type=connector, placeholders=session)

        evaluate()
        took = best(evaluate, rounds)
        return (
            f"| {name} | {took * 1e3:.3f} ms | {scan * 1e3:.3f} ms | {took / scan:.1f} | {took / len(text) * 1e9:.0f} |"
        )

    rows = ["| text | evaluation | bare scan | ratio | ns a character |", "|---|--:|--:|--:|--:|"]
    rows += [row(f"command: `{text}`".replace("|", "\\|"), text, "claude_code.Bash", "request") for text in _COMMANDS]
    rows += [row(f"output, {size:,} characters", sample(size), "claude_code.Bash", "response") for size in SIZES]
    rows += [row(f"edit, {size:,} characters", sample(size), "claude_code.Write", "request") for size in SIZES[:4]]
    rows.append(row("command line, 10,000 characters", sample(10_000), "claude_code.Bash", "request"))
    starts = [
        float(subprocess.run([sys.executable, "-c", _START_UP], capture_output=True, text=True, check=True).stdout)
        for _round in range(3)
    ]
    return [*rows, "", f"Start-up of the engine (import and load, best of 3): {min(starts) * 1e3:.0f} ms."]


if __name__ == "__main__":
    print("\n".join(speed_rows()))
