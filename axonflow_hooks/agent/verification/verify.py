"""Verifies a trail: every entry, its order and its end, the signatures, and the decisions and rows it commits to.

Reads the database as it is at one moment, in a stream, whether an agent writes to it or not.
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import text

from axonflow_hooks.agent.audit_trail.chain import CHECKPOINT_COLUMNS, Checkpoint, Head, decision_hash
from axonflow_hooks.agent.audit_trail.heads import load_head
from axonflow_hooks.agent.verification.entries import Expected, missing, walk
from axonflow_hooks.agent.verification.findings import Finding, Report
from axonflow_hooks.agent.verification.sealed_rows import check_access, check_grants

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

    from axonflow_hooks.agent.audit_trail.chain import PublicKey, Seal
    from axonflow_hooks.agent.audit_trail.mark import Mark

_ROWS_AT_ONCE: Final = 500
_ENTRIES: Final = "SELECT * FROM audit_log ORDER BY sequence"
_CHECKPOINTS: Final = (
    "SELECT c.*, a.row_hash AS entry_hash FROM audit_checkpoints c "
    "LEFT JOIN audit_log a ON a.sequence = c.sequence ORDER BY c.sequence"
)
_COMMITTED: Final = (
    "SELECT a.sequence AS entry_sequence, a.id AS entry_id, a.decision_hash AS entry_hash, "
    "a.decision_id AS entry_decision, d.* FROM audit_log a "
    "LEFT JOIN decisions d ON d.decision_id = a.decision_id WHERE a.decision_hash IS NOT NULL ORDER BY a.sequence"
)
_UNCOMMITTED: Final = (
    "SELECT d.decision_id FROM decisions d WHERE NOT EXISTS (SELECT 1 FROM audit_log a "
    "WHERE a.decision_id = d.decision_id AND a.decision_hash IS NOT NULL) LIMIT 50"
)


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the verification relies on, all from outside the database.

    Without the `seal` (the private key) the end of the trail is known up to the newest checkpoint only. `expected`
    are heads that were kept elsewhere: `audit head` gives them.
    """

    public_keys: tuple[PublicKey, ...]
    seal: Seal | None = None
    mark: Mark | None = None
    expected: tuple[Mark, ...] = ()


def verify(connection: Connection, evidence: Evidence) -> Report:
    """Verify the trail of a database. Raises SQLAlchemyError when it cannot be read."""
    report = Report()
    with _any_text(connection):
        _verify(connection, evidence, report)
    return report


def _verify(connection: Connection, evidence: Evidence, report: Report) -> None:
    _check_file(connection, report)
    head = _trusted_head(connection, evidence, report)
    report.anchor_sequence = head.anchor_sequence if head else 0
    marks = frozenset(_marks(evidence))
    if head is None:
        start = Expected(_first_sequence(connection), None, marks)
    else:
        start = Expected(head.anchor_sequence + 1, head.anchor_hash, marks)
    met = walk(_stream(connection, _ENTRIES), start, report)
    if head is not None:
        _check_end(head, report)
    _check_marks(evidence, head, met, report)
    _check_checkpoints(connection, evidence, head, report)
    _check_decisions(connection, report)
    check_grants(connection, evidence.seal, report)
    check_access(connection, evidence.seal, report)


@contextlib.contextmanager
def _any_text(connection: Connection) -> Iterator[None]:
    """Read texts that are not UTF-8 too: SQLite stores them, and one that tampering left is a finding, not a fault."""
    if connection.dialect.name != "sqlite":
        yield
        return
    driver: Any = connection.connection.driver_connection
    before = driver.text_factory
    driver.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
    try:
        yield
    finally:
        driver.text_factory = before


def _stream(connection: Connection, query: str) -> Iterator[Mapping[str, Any]]:
    statement = text(query).execution_options(yield_per=_ROWS_AT_ONCE)
    for row in connection.execute(statement).mappings():
        yield {**row}


def _check_file(connection: Connection, report: Report) -> None:
    """An index that does not agree with its table would hide entries from a search."""
    if connection.dialect.name != "sqlite":
        return
    for (what,) in connection.execute(text("PRAGMA integrity_check(5)")):
        if what != "ok":
            report.add(Finding("damaged", f"the database file is damaged: {what}"))


def _trusted_head(connection: Connection, evidence: Evidence, report: Report) -> Head | None:
    stored = load_head(connection)
    if stored is None:
        report.add(Finding("head", "the head record is missing"))
        return None
    if evidence.seal is None:
        report.notes.append(
            "The signing key is not here: entries after the newest checkpoint could be missing at the end."
        )
        return stored.head
    if stored.authentic(evidence.seal):
        return stored.head
    report.add(Finding("head", "the head record was not written with this key"))
    return None


def _first_sequence(connection: Connection) -> int:
    return connection.execute(text("SELECT min(sequence) FROM audit_log")).scalar() or 1


def _check_end(head: Head, report: Report) -> None:
    last = max(report.last_sequence, head.anchor_sequence)
    if last < head.sequence:
        report.add(missing("truncated", last + 1, head.sequence))
    elif last > head.sequence:
        report.add(Finding("added", f"entries {head.sequence + 1} to {last} stand after the end", head.sequence + 1))
    elif report.entries and report.head_hash != head.row_hash:
        report.add(Finding("rewritten", "it is not the entry that the head record commits to", head.sequence))


def _marks(evidence: Evidence) -> tuple[Mark, ...]:
    return evidence.expected if evidence.mark is None else (*evidence.expected, evidence.mark)


def _check_marks(evidence: Evidence, head: Head | None, met: set[Mark], report: Report) -> None:
    for mark in _marks(evidence):
        if mark.sequence == 0 or mark in met:
            continue
        if head is not None and mark.sequence <= head.anchor_sequence:
            forgotten = mark.sequence < head.anchor_sequence
            if forgotten or mark.row_hash == head.anchor_hash:
                continue
        what = "this entry was committed, and the trail does not have it: an older or another copy of the database"
        report.add(Finding("rollback", what, mark.sequence))


def _check_checkpoints(connection: Connection, evidence: Evidence, head: Head | None, report: Report) -> None:
    keys = {key.key_id: key for key in evidence.public_keys}
    before = None if head is None or head.anchor_sequence else 0
    last = 0
    for row in _stream(connection, _CHECKPOINTS):
        report.checkpoints += 1
        last = row["sequence"]
        fault = _checkpoint_fault(row, keys, head)
        if fault:
            report.add(Finding("checkpoint", fault, last))
        elif before is not None and row["previous_sequence"] != before:
            report.add(Finding("checkpoint", f"a checkpoint between {before} and {last} is missing", last))
        elif before is None and head is not None and last != head.anchor_sequence:
            report.add(Finding("checkpoint", "the checkpoint of the anchor is missing", head.anchor_sequence))
        before = last
    if head is not None and last != head.checkpoint_sequence:
        report.add(Finding("checkpoint", "the newest checkpoint is missing or was added", head.checkpoint_sequence))


def _checkpoint_fault(row: Mapping[str, Any], keys: Mapping[str, PublicKey], head: Head | None) -> str:
    key = keys.get(row["key_id"])
    if key is None:
        return "it was signed with a key that is not here"
    if not key.has_signed(Checkpoint(**{name: row[name] for name in CHECKPOINT_COLUMNS}), row["signature"]):
        return "its signature is wrong: the checkpoint was changed"
    signed_hash = row["entry_hash"]
    if head is not None and row["sequence"] == head.anchor_sequence:
        signed_hash = head.anchor_hash
    return "" if signed_hash == row["row_hash"] else "the entry is not the one that was signed"


def _check_decisions(connection: Connection, report: Report) -> None:
    for row in _stream(connection, _COMMITTED):
        report.decisions += 1
        decision = {name: value for name, value in row.items() if not name.startswith("entry_")}
        fault = _decision_fault(decision, row["entry_hash"])
        if fault:
            report.add(Finding("decision", f"{fault}: {row['entry_decision']}", row["entry_sequence"], row["entry_id"]))
    for (decision_id,) in connection.execute(text(_UNCOMMITTED)):
        report.add(Finding("decision", f"no entry commits to this decision: {decision_id}"))


def _decision_fault(decision: Mapping[str, Any], committed: Any) -> str:
    if decision["decision_id"] is None:
        return "its decision was removed"
    try:
        return "" if decision_hash(decision) == committed else "its decision was changed"
    except (TypeError, ValueError):
        return "its decision was changed"
