"""The version of a release stands in the package; here, the places whose room has no test that they say the same."""

from __future__ import annotations

import re
import sys
from datetime import date
from pathlib import Path

import axonflow_hooks

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[1]


def test_the_newest_heading_of_the_changelog_is_this_release() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    newest = next(line for line in text.splitlines() if line.startswith("## "))
    heading = re.fullmatch(r"## \[?([0-9][^\]\s]*)\]?(?: - (\S+))?", newest)  # Keep a Changelog
    assert heading is not None, newest
    assert heading[1] == axonflow_hooks.__version__
    if heading[2] is not None:
        assert date.fromisoformat(heading[2]).isoformat() == heading[2]


def test_a_build_takes_its_version_from_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert "version" not in project["project"]
    source = ROOT / project["tool"]["hatch"]["version"]["path"]
    assert source.samefile(axonflow_hooks.__file__)
    stated = re.findall(r'^__version__ = "([^"]+)"$', source.read_text(encoding="utf-8"), re.MULTILINE)
    assert stated == [axonflow_hooks.__version__]
