"""docs/settings.md lists every setting that the code reads, and none besides."""

from __future__ import annotations

import re
from pathlib import Path

from axonflow_hooks import settings

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip(" `") for cell in line.strip("|").split("|")]
    for line in PAGE.splitlines()
    if line.startswith(("| `AXONFLOW_", "| `PII_"))
]
NAME = re.compile(r"(?<![A-Z_])(?:AXONFLOW_[A-Z]+(?:_[A-Z]+)*|PII_ACTION)(?![A-Z_*])")
INTERNAL = {"AXONFLOW_HOOK_CALL", "AXONFLOW_HOOK_DEADLINE"}
"""What one process of ours tells the next one; nobody sets these."""


def named_in_code() -> set[str]:
    """Give the names of environment variables in everything that runs, and in what the Desktop bundle passes."""
    files = [path for folder in ("axonflow_hooks", "hooks", "desktop") for path in (ROOT / folder).rglob("*")]
    code = [path for path in files if path.suffix in {".py", ".json", ".cmd"} or path.name in {"run", "launch"}]
    return {name for path in code for name in NAME.findall(path.read_text(encoding="utf-8"))} - INTERNAL


def test_every_setting_has_its_row() -> None:
    named = [row[0] for row in ROWS]
    assert len(named) == len(set(named)), "a setting has one row"
    assert set(named) == named_in_code()


def test_every_key_of_the_file_stands_beside_its_name() -> None:
    # Tables of settings that may stand in the file have four columns, the others three.
    keys = {row[1]: row[0] for row in ROWS if len(row) == 4 and row[1]}
    assert keys == settings._NAMES
