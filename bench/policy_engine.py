"""Cost of one evaluation, as a ratio to a bare RE2 scan of the same text in the same run.

    python -m bench.policy_engine             # print the table
    python -m bench.policy_engine --write     # put it and the plot into docs/ too

Absolute times say more about the machine than about the engine, so both stand side by side. CPU time, so that other
work on the machine counts less; best of several rounds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy import Placeholders, load_engine
from axonflow_hooks.policy.matching import Haystack, compile_set
from bench.plot import log_chart

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from axonflow_hooks.policy import Engine
    from axonflow_hooks.policy.matching import PatternSet
    from axonflow_hooks.wire.words import Phase

DOCS: Final = Path(__file__).resolve().parent.parent / "docs"
PLOT: Final = DOCS / "policy-speed.svg"
REPORT: Final = DOCS / "detection.md"
BEGIN: Final = "<!-- speed: begin -->"
END: Final = "<!-- speed: end -->"

ROUNDS: Final = 15
SIZES: Final = (1_000, 10_000, 100_000, 1_000_000, 10_000_000)
_BARE: Final = r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b"
_COMMANDS: Final = (
    "git status",
    "npm run build -- --watch=false",
    "rg -n 'TODO' src | head -20",
    "cd app && .venv/bin/python -m pytest -q tests/test_api.py",
    "docker compose up -d db && sleep 3 && make migrate",
)
_SCRIPT_LINE: Final = 'if [ -f "$DIR/$name.txt" ]; then cp "$DIR/$name.txt" build/ && echo "copied $name"; fi\n'
_START_UP: Final = (
    "import time; import re2, tree_sitter, tree_sitter_bash, pydantic; t = time.process_time(); "
    "from axonflow_hooks.policy import load_engine; load_engine(); print(time.process_time() - t)"
)


@dataclass(frozen=True)
class Measured:
    """One text: what it is, its length, seconds of an evaluation and of a bare scan."""

    name: str
    series: str
    size: int
    seconds: float
    scan: float

    def row(self) -> str:
        """Give the row of the table."""
        return (
            f"| {self.name} | {self.seconds * 1e3:.3f} ms | {self.scan * 1e3:.3f} ms | "
            f"{self.seconds / self.scan:.1f} | {self.seconds / self.size * 1e9:.0f} |"
        )


def best(work: Callable[[], object], rounds: int = ROUNDS) -> float:
    """Give the shortest CPU time of several runs, in seconds."""
    shortest = float("inf")
    for _round in range(rounds):
        start = time.process_time()
        work()
        shortest = min(shortest, time.process_time() - start)
    return shortest


def sample(size: int) -> str:
    """Give source code of this many characters."""
    text = Path(argparse.__file__).read_text(encoding="utf-8")
    return (text * (size // len(text) + 1))[:size]


def measure() -> list[Measured]:
    """Measure every text."""
    engine, bare = load_engine(), compile_set([_BARE])
    texts: list[tuple[str, str, str, str, Phase]] = [
        *((f"command: `{text}`".replace("|", "\\|"), "", text, "Bash", "request") for text in _COMMANDS),
        *((f"output, {size:,} characters", "output", sample(size), "Bash", "response") for size in SIZES),
        *((f"edit, {size:,} characters", "edit", sample(size), "Write", "request") for size in SIZES[:4]),
    ]
    for size in SIZES[:4]:
        heredoc = f"cat > x.py <<'EOF'\n{sample(size)}\nEOF\npython3 x.py"
        texts.append((f"command that writes and runs {size:,} characters", "heredoc", heredoc, "Bash", "request"))
    script = _SCRIPT_LINE * (10_000 // len(_SCRIPT_LINE))
    texts.append(("script in a command, 10,000 characters", "", script, "Bash", "request"))
    return [
        _measured(engine, bare, name, series, text, f"claude_code.{tool}", phase)
        for name, series, text, tool, phase in texts
    ]


def _measured(
    engine: Engine, bare: PatternSet, name: str, series: str, text: str, connector: str, phase: Phase
) -> Measured:
    rounds = ROUNDS if len(text) <= 1_000_000 else 2
    session = Placeholders()

    def evaluate() -> object:
        return engine.evaluate(text, phase=phase, connector_type=connector, placeholders=session)

    bare.hits(Haystack(text))
    evaluate()
    scan = best(lambda: bare.hits(Haystack(text)), rounds)
    return Measured(name, series, len(text), best(evaluate, rounds), scan)


def speed_rows(measured: Sequence[Measured]) -> list[str]:
    """Give the table and the time that a start takes."""
    rows = ["| text | evaluation | bare scan | ratio | ns a character |", "|---|--:|--:|--:|--:|"]
    rows += [one.row() for one in measured]
    starts = [
        float(subprocess.run([sys.executable, "-c", _START_UP], capture_output=True, text=True, check=True).stdout)
        for _round in range(3)
    ]
    return [*rows, "", f"Start-up of the engine (import and load, best of 3): {min(starts) * 1e3:.0f} ms."]


def write_plot(measured: Sequence[Measured]) -> None:
    """Write the plot of cost against size."""
    lines: dict[str, list[tuple[float, float]]] = {}
    for one in measured:
        if one.series:
            lines.setdefault(one.series, []).append((one.size, one.seconds * 1e3))
        if one.series == "output":
            lines.setdefault("bare RE2 scan", []).append((one.size, one.scan * 1e3))
    PLOT.write_text(log_chart("One evaluation", "characters", "milliseconds", lines), encoding="utf-8")


def main() -> int:
    """Measure, print and, with `--write`, put the figures into the documentation; give the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--write", action="store_true", help="update docs/detection.md and docs/policy-speed.svg")
    arguments = parser.parse_args()
    measured = measure()
    rows = speed_rows(measured)
    print("\n".join(rows))
    if arguments.write:
        write_plot(measured)
        before, _begin, rest = REPORT.read_text(encoding="utf-8").partition(BEGIN)
        _old, _end, after = rest.partition(END)
        REPORT.write_text("\n".join([before + BEGIN, "", *rows, "", END + after]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
