"""Recall, false alarms and precision of the built-in policies on labelled texts, written to docs/detection.md.

Reads gzipped JSON lines `{"id", "category", "kind", "text", "expect": "flag"|"clean"|"unscored"}` from a folder
(AXONFLOW_CORPORA); the data is not part of the repository. A text is flagged when a policy blocks, redacts, asks for
approval or warns. Without data it says so and exits 0.

    python -m eval.detection            # write docs/detection.md and print the totals
    python -m eval.detection --misses   # print what was judged against its label, to look at
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from axonflow_hooks.policy import load_engine
from eval.measure import cases, run
from eval.report import category_rows, report

ROOT: Final = Path(__file__).resolve().parent.parent
REPORT: Final = ROOT / "docs" / "detection.md"


def folder() -> Path:
    """Give where the labelled texts are."""
    return Path(os.environ.get("AXONFLOW_CORPORA") or ROOT.parent / "shared" / "corpora")


def main() -> int:
    """Measure, print and write; give the exit status."""
    if not folder().is_dir():
        print("eval: there is no labelled data here; set AXONFLOW_CORPORA to a folder that has some")
        return 0
    engine = load_engine()
    outcome = run(engine, cases(folder()))
    print("\n".join(category_rows(outcome)))
    if "--misses" in sys.argv:
        for wrong in outcome.wrong:
            fault = "missed" if wrong.expect == "flag" else "false alarm"
            print(f"{fault}: {wrong.category} / {wrong.kind} {wrong.policies} {wrong.text[:160]!r}")
        return 0
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(report(engine, outcome), encoding="utf-8")
    print(f"\nwritten: {REPORT.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
