"""What the agent looks at before it continues a trail: whether it ends where the agent left it.

Cheap on purpose, a few rows whatever the size. What is wrong becomes an entry of the trail itself, so that it stays
known; `audit verify` reads every entry.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from sqlalchemy import func, select

from axonflow_hooks.agent.audit_trail.heads import last_entry, load_head
from axonflow_hooks.agent.tables.records import AuditRecord, Caller, new_audit_id, now
from axonflow_hooks.agent.tables.schema import audit_log

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from sqlalchemy import Connection

    from axonflow_hooks.agent.audit_trail.chain import Head, Seal
    from axonflow_hooks.agent.audit_trail.mark import Mark

INTEGRITY_FAULT: Final = "audit_integrity_fault"
"""`request_type` of the entry that says what was wrong with the trail before it."""

AGENT: Final = Caller(client_id="axonflow-agent")
"""Whom the agent's own entries are attributed to."""


@dataclass(frozen=True, slots=True)
class Continuation:
    """The head to continue from, and what is wrong with the trail up to there."""

    head: Head
    faults: tuple[str, ...] = ()
    contradicts_mark: bool = False


def continue_from(connection: Connection, seal: Seal, mark: Mark | None) -> Continuation:
    """Give where to continue. The sequence goes on after whatever is stored, so that nothing is ever overwritten."""
    stored = load_head(connection, lock=True)
    found = last_entry(connection)
    if stored is None:
        head, faults = found, ["The head record is missing."]
    elif not stored.authentic(seal):
        head, faults = found, ["The head record was not written with this agent's key."]
    else:
        head, faults = _compared(stored.head, found)
    mark_fault = _mark_fault(connection, head, mark)
    if mark_fault:
        faults.append(mark_fault)
    return Continuation(head, tuple(faults), contradicts_mark=bool(mark_fault))


def agent_entry(request_type: str, text: str, details: Mapping[str, Any], *, decision: Any = None) -> AuditRecord:
    """Give an entry about the trail itself."""
    return AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=request_type,
        tool_name="audit",
        query=text,
        caller=AGENT,
        policy_details=details,
        policy_decision=decision,
    )


def fault_entry(faults: Sequence[str]) -> AuditRecord:
    """Give the entry that keeps what was wrong."""
    return agent_entry(INTEGRITY_FAULT, " ".join(faults), {"faults": list(faults)}, decision="error")


def _compared(head: Head, found: Head) -> tuple[Head, list[str]]:
    if found.sequence > head.sequence:
        return found, [f"Entries after {head.sequence} were not written by this agent."]
    if found.sequence < head.sequence and head.sequence > head.anchor_sequence:
        return head, [f"Entries {found.sequence + 1} to {head.sequence} are missing at the end."]
    if found.sequence == head.sequence and found.row_hash != head.row_hash:
        return head, [f"Entry {head.sequence} is not the one that was written."]
    return head, []


def _mark_fault(connection: Connection, head: Head, mark: Mark | None) -> str:
    if mark is None or mark.sequence == 0:
        return ""
    if mark.sequence > head.sequence:
        return f"The database ends at entry {head.sequence}, but entry {mark.sequence} was committed: an older copy."
    if mark.sequence <= head.anchor_sequence:
        return ""
    log = audit_log.c
    known = connection.execute(
        select(func.count()).where(log.sequence == mark.sequence, log.row_hash == mark.row_hash)
    ).scalar_one()
    return "" if known else f"Entry {mark.sequence} is not the one that was committed: another copy."
