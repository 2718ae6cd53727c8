"""The walk along the entries: each has to hash to what it says, and to follow the one before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.audit_trail.chain import HASH_COLUMN, row_hash
from axonflow_hooks.agent.audit_trail.continuity import INTEGRITY_FAULT
from axonflow_hooks.agent.audit_trail.mark import Mark
from axonflow_hooks.agent.verification.findings import Finding

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from axonflow_hooks.agent.verification.findings import Report

MAX_SUSPECTS: Final = 64
"""Entries with a wrong hash of which it is looked whether they belong elsewhere."""


@dataclass(frozen=True, slots=True)
class Expected:
    """Where the walk starts, and which entries have to be met on the way."""

    sequence: int
    previous_hash: str | None
    marks: frozenset[Mark] = frozenset()


@dataclass(slots=True)
class _Walk:
    report: Report
    next_sequence: int
    previous_hash: str | None
    previous_id: str = ""
    previous_suspect: bool = False


def walk(rows: Iterable[Mapping[str, Any]], expected: Expected, report: Report) -> set[Mark]:
    """Go along `rows`, ordered by sequence, report what is wrong with each, and give the marks that were met."""
    state = _Walk(report, expected.sequence, expected.previous_hash)
    suspects: list[Mapping[str, Any]] = []
    gaps: list[int] = []
    met: set[Mark] = set()
    marked = {mark.sequence for mark in expected.marks}
    for row in rows:
        sequence = row["sequence"]
        if sequence < expected.sequence:
            report.add(_finding("added", row, "it stands before the anchor, where everything was forgotten"))
            continue
        if sequence > state.next_sequence:
            gaps += range(state.next_sequence, min(sequence, state.next_sequence + MAX_SUSPECTS))
            report.add(missing("removed", state.next_sequence, sequence - 1))
        suspect = _hash(row) != row[HASH_COLUMN]
        if suspect:
            if len(suspects) < MAX_SUSPECTS:
                suspects.append(row)
            else:
                report.add(_finding("changed", row, _CHANGED))
        elif sequence == state.next_sequence:
            _check_link(state, row)
        if row["request_type"] == INTEGRITY_FAULT:
            report.add(_finding("recorded", row, f"noted when the agent started: {row['query']}"))
        if sequence in marked:
            met |= expected.marks & {Mark(sequence, row[HASH_COLUMN])}
        _step(state, row, suspect)
    _resolve(suspects, gaps, report)
    report.last_sequence = state.next_sequence - 1
    report.head_hash = state.previous_hash or ""
    return met


def missing(kind: Any, first: int, last: int) -> Finding:
    """Give the finding that entries are not there."""
    which = f"entry {first} is" if first == last else f"entries {first} to {last} are"
    return Finding(kind, f"{which} missing", first)


_CHANGED: Final = "its content is not what was hashed when it was written"


def _check_link(state: _Walk, row: Mapping[str, Any]) -> None:
    if state.previous_hash is None or row["previous_hash"] == state.previous_hash or state.previous_suspect:
        return
    what = f"entry {row['sequence']} commits to another one in its place: it was rewritten, and its hash with it"
    if state.next_sequence == state.report.anchor_sequence + 1:
        state.report.add(_finding("rewritten", row, "it does not follow the anchor"))
    else:
        state.report.add(Finding("rewritten", what, row["sequence"] - 1, state.previous_id))


def _step(state: _Walk, row: Mapping[str, Any], suspect: bool) -> None:
    if not state.report.entries:
        state.report.first_sequence = row["sequence"]
    state.report.entries += 1
    state.next_sequence = row["sequence"] + 1
    state.previous_hash = row[HASH_COLUMN] if isinstance(row[HASH_COLUMN], str) else ""
    state.previous_id = _text(row["id"])
    state.previous_suspect = suspect


def _resolve(suspects: list[Mapping[str, Any]], gaps: list[int], report: Report) -> None:
    places = [*(row["sequence"] for row in suspects), *gaps[:MAX_SUSPECTS]]
    for row in suspects:
        origin = next((place for place in places if _hash({**row, "sequence": place}) == row[HASH_COLUMN]), None)
        if origin is None:
            report.add(_finding("changed", row, _CHANGED))
        else:
            report.add(_finding("moved", row, f"it was written as entry {origin}: the order was changed"))


def _finding(kind: Any, row: Mapping[str, Any], what: str) -> Finding:
    return Finding(kind, what, row["sequence"], _text(row["id"]))


def _hash(row: Mapping[str, Any]) -> str | None:
    try:
        return row_hash(row)
    except (TypeError, ValueError):  # bytes, or a number that is none, where there was text
        return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else repr(value)
