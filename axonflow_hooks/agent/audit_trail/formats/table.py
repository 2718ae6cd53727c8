"""JSON lines and CSV: every column, as it is stored."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.audit_trail.csv_cells import csv_cell
from axonflow_hooks.agent.tables.schema import audit_log

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from axonflow_hooks.agent.audit_trail.formats.entry import Entry

COLUMNS: Final = tuple(audit_log.columns.keys())


def json_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Give one JSON object a line (RFC 8259, ASCII)."""
    for entry in entries:
        yield json.dumps(dict(entry.values), separators=(",", ":")) + "\n"


def csv_lines(entries: Iterable[Entry]) -> Iterator[str]:
    """Give CSV (RFC 4180) with a header; a text that a spreadsheet would run as a formula gets a leading '."""
    yield _csv_line(COLUMNS)
    for entry in entries:
        yield _csv_line([_cell(entry.values.get(column)) for column in COLUMNS])


def _csv_line(cells: Iterable[Any]) -> str:
    buffer = io.StringIO(newline="")
    csv.writer(buffer).writerow(cells)
    return buffer.getvalue()


def _cell(value: Any) -> str:
    return csv_cell(json.dumps(value, separators=(",", ":")) if isinstance(value, (dict, list)) else value)
