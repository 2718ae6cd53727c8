"""Recall, false alarms and precision of the built-in policies on labelled texts, written to docs/detection.md.

Reads gzipped JSON lines `{"id", "category", "kind", "text", "expect": "flag"|"clean"|"unscored"}` from a folder
(AXONFLOW_CORPORA); the data is not part of the repository. A text is flagged when a policy blocks, redacts, asks for
approval or warns. Without data it says so and exits 0.

    python -m eval.detection            # write docs/detection.md and print the totals
    python -m eval.detection --misses   # print what was judged against its label, to look at
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy import load_engine
from eval.measure import cases, run
from eval.report import category_rows, report

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eval.measure import Outcome

ROOT: Final = Path(__file__).resolve().parent.parent
REPORT: Final = ROOT / "docs" / "detection.md"


def default_folder() -> Path:
    """Give where the labelled texts are, unless the command line says otherwise."""
    return Path(os.environ.get("AXONFLOW_CORPORA") or ROOT.parent / "shared" / "corpora")


def arguments(argv: Sequence[str] | None = None) -> argparse.Namespace:
    """Read the command line (default: this process's); leaves with 0 for --help, with 2 for what is not understood."""
    summary, _, rest = (__doc__ or "").partition("\n\n")
    parser = argparse.ArgumentParser(
        prog="python -m eval.detection",
        description=summary,
        epilog=rest.partition("\n\n    ")[0],
        allow_abbrev=False,
    )
    parser.add_argument(
        "--misses", action="store_true", help="print what was judged against its label; nothing is written"
    )
    parser.add_argument("--data", type=Path, metavar="FOLDER", help="the labelled texts (default: AXONFLOW_CORPORA)")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print and write; give the exit status."""
    wanted = arguments(argv)
    folder = wanted.data or default_folder()
    if not folder.is_dir():
        if wanted.data is not None:
            print(f"eval: there is no folder {folder}", file=sys.stderr)
            return 2
        print("eval: there is no labelled data here; set AXONFLOW_CORPORA to a folder that has some")
        return 0
    engine = load_engine()
    outcome = run(engine, cases(folder))
    print("\n".join(category_rows(outcome)))
    if wanted.misses:
        _print_misses(outcome)
        return 0
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(report(engine, outcome), encoding="utf-8")
    print(f"\nwritten: {REPORT.relative_to(ROOT)}")
    return 0


def _print_misses(outcome: Outcome) -> None:
    for wrong in outcome.wrong:
        fault = "missed" if wrong.expect == "flag" else "false alarm"
        print(f"{fault}: {wrong.category} / {wrong.kind} {wrong.policies} {wrong.text[:160]!r}")


if __name__ == "__main__":
    sys.exit(main())
