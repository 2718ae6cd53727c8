"""Runs the engine over labelled texts and counts: what was flagged, what was only recorded, how sure the rates are."""

from __future__ import annotations

import gzip
import json
import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy import Placeholders

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from axonflow_hooks.policy import Engine, Evaluation
    from axonflow_hooks.wire.words import Phase

FLAGGING: Final = frozenset({"block", "redact", "require_approval", "warn"})

# How the texts of a category reach the engine in real life.
_PLACES: Final[dict[str, tuple[str, Phase]]] = {
    "shell": ("claude_code.Bash", "request"),
    "sql": ("postgres", "request"),
    "sqli": ("postgres", "request"),
    "pii": ("claude_code.Bash", "response"),
    "secret": ("claude_code.Bash", "response"),
    "injection": ("claude_code.Bash", "response"),
    "text": ("claude_code.Bash", "response"),
}
_ELSEWHERE: Final[tuple[str, Phase]] = ("claude_code.mcp__any__tool", "request")


@dataclass
class Tally:
    """Texts of one kind: how many, how many were flagged, how many only recorded (`log`)."""

    total: int = 0
    flagged: int = 0
    noted: int = 0

    def add(self, other: Tally) -> None:
        """Count the other's texts too."""
        self.total += other.total
        self.flagged += other.flagged
        self.noted += other.noted


@dataclass(frozen=True)
class Wrong:
    """A text that was judged against its label, with the policies that matched."""

    case: str
    category: str
    kind: str
    expect: str
    text: str
    policies: tuple[str, ...]


@dataclass
class Outcome:
    """Everything counted in one run."""

    tallies: dict[tuple[str, str, str], Tally] = field(default_factory=lambda: defaultdict(Tally))
    wrong: list[Wrong] = field(default_factory=list)
    injection_scores: dict[str, list[int]] = field(default_factory=lambda: defaultdict(list))

    def by_category(self) -> dict[tuple[str, str], Tally]:
        """Give the tallies of (category, expected)."""
        found: dict[tuple[str, str], Tally] = defaultdict(Tally)
        for (category, expect, _kind), tally in self.tallies.items():
            found[category, expect].add(tally)
        return found


def interval(hits: int, total: int) -> tuple[float, float]:
    """Give the 95 % Wilson interval of a proportion."""
    if not total:
        return 0.0, 1.0
    z = 1.96
    share = hits / total
    centre = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    below = 1 + z * z / total
    return max(0.0, (centre - spread) / below), min(1.0, (centre + spread) / below)


def cases(folder: Path) -> Iterator[dict[str, str]]:
    """Give every labelled text of a folder."""
    for file in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as stream:
            for line in stream:
                yield json.loads(line)


def judge(engine: Engine, case: dict[str, str]) -> Evaluation:
    """Evaluate one text as it would reach the engine."""
    connector, phase = _PLACES.get(case["category"].split("_")[0], _ELSEWHERE)
    return engine.evaluate(case["text"], phase=phase, connector_type=connector, placeholders=Placeholders())


def run(engine: Engine, labelled: Iterable[dict[str, str]]) -> Outcome:
    """Judge every text that has a label."""
    outcome = Outcome()
    for case in labelled:
        if case["expect"] == "unscored":
            continue
        found = judge(engine, case)
        flagged = found.action in FLAGGING
        category, _colon, group = case["category"].partition(":")
        kind = f"{group}: {case['kind']}" if group and group != case["kind"] else case["kind"]
        tally = outcome.tallies[category, case["expect"], kind]
        tally.add(Tally(1, flagged, found.action == "log"))
        names = tuple(match.policy_id for match in found.matches)
        if flagged != (case["expect"] == "flag"):
            outcome.wrong.append(Wrong(case["id"], category, kind, case["expect"], case["text"], names))
        if category in ("injection_bad", "text_good"):
            outcome.injection_scores[category].append(sum("injection" in name for name in names))
    return outcome
