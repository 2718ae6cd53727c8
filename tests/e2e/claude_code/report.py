"""Runs the suite and writes its table, scenario by release, into docs/compatibility.md.

    python -m tests.e2e.claude_code.report [pytest arguments]

Nothing is written where a scenario fails, or where arguments select only some of them.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from devtools.live import ROOT
from tests.e2e.claude_code.versions import VERSIONS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

DOCUMENT: Final = ROOT / "docs" / "compatibility.md"
BEGIN: Final = "<!-- written by python -m tests.e2e.claude_code.report: begin -->\n"
END: Final = "<!-- end -->\n"


@dataclass(slots=True)
class Row:
    """One scenario: what its runs came to on each release, and where a release needs a fallback."""

    title: str
    fallback: Mapping[str, str]
    outcomes: dict[str, list[str]] = field(default_factory=dict)

    def cell(self, version: str, notes: list[str]) -> str:
        """Give the cell of one release; what there is to say about it is added to `notes`."""
        outcomes = self.outcomes.get(version, [])
        if "failed" in outcomes:
            return "**no**"
        if not outcomes or any(outcome != "passed" for outcome in outcomes):
            reasons = {outcome for outcome in outcomes if outcome != "passed"}
            return f"not run{_note(', '.join(sorted(reasons)), notes)}"
        return f"yes{_note(self.fallback.get(version, ''), notes)}"


def _note(text: str, notes: list[str]) -> str:
    if not text:
        return ""
    if text not in notes:
        notes.append(text)
    return f" [{notes.index(text) + 1}]"


@dataclass(slots=True)
class Recorder:
    """The pytest plugin that collects the rows, in the order of the tests."""

    rows: dict[str, Row] = field(default_factory=dict)
    _known: dict[str, tuple[str, str]] = field(default_factory=dict)

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in sorted(session.items, key=lambda item: (str(item.path), _line(item))):
            marker = item.get_closest_marker("scenario")
            if marker is None or not isinstance(item, pytest.Function):
                continue
            title: str = marker.args[0]
            fallback: Mapping[str, str] = marker.args[1]
            self.rows.setdefault(title, Row(title, fallback))
            self._known[item.nodeid] = (title, str(item.callspec.params["release"]))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.nodeid not in self._known or (report.when != "call" and report.passed):
            return
        title, version = self._known[report.nodeid]
        outcome: str = report.outcome
        if report.skipped:
            outcome = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "skipped"
        self.rows[title].outcomes.setdefault(version, []).append(outcome)


def _line(item: pytest.Item) -> int:
    return item.location[1] or 0


def table(rows: Sequence[Row]) -> str:
    """Give the rows as a Markdown table with its notes below."""
    notes: list[str] = []
    lines = [f"| Scenario | {' | '.join(VERSIONS)} |", f"|---|{'---|' * len(VERSIONS)}"]
    for row in rows:
        cells = " | ".join(row.cell(version, notes) for version in VERSIONS)
        lines.append(f"| {row.title.replace('|', chr(92) + '|')} | {cells} |")
    if notes:
        lines += ["", *(f"[{number}] {note}  " for number, note in enumerate(notes, 1))]
    ran_on = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return "\n".join([*lines, "", f"Run on {ran_on}."]) + "\n"


def write(document: Path, text: str) -> None:
    """Put the table into the document, between its marks."""
    before, rest = document.read_text(encoding="utf-8").split(BEGIN)
    after = rest.split(END, 1)[1]
    document.write_text(f"{before}{BEGIN}\n{text}\n{END}{after}", encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Run the suite and give the exit status of pytest."""
    recorder = Recorder()
    status = pytest.main([str(Path(__file__).parent), "-q", *arguments], plugins=[recorder])
    text = table(list(recorder.rows.values()))
    sys.stdout.write(f"\n{text}")
    if status == pytest.ExitCode.OK and not arguments:
        write(DOCUMENT, text)
    return int(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
