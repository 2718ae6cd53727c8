"""Cells that no spreadsheet takes for a formula."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.audit_trail.csv_cells import csv_cell


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""), ("", ""), ("plain", "plain"), ("a=b", "a=b"), (-5, "-5"), (1.5, "1.5"), (True, "True"),
        ("=1+1", "'=1+1"), ("+1", "'+1"), ("-1", "'-1"), ("@SUM(A1)", "'@SUM(A1)"), ("  =1", "'  =1"),
        ("\t=1", "'\t=1"), ("\r=1", "'\r=1"), ("\n=1", "'\n=1"), ("\uff1d1", "'\uff1d1"), ("a\x00b", "a\ufffdb"),
        ("\x1b]0;x\x07", "\ufffd]0;x\ufffd"), ("\x9b2J", "\ufffd2J"), ("a\tb\r\nc", "a\tb\r\nc"),
        ("\x0b=1", "\ufffd=1"),
    ],
)  # fmt: skip
def test_a_cell(value: Any, cell: str) -> None:
    assert csv_cell(value) == cell
