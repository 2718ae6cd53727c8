"""Trails written by the real writer into real files, and the means to tamper with copies of them."""

from __future__ import annotations

import asyncio
import sqlite3
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine

from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.keys import read_seal
from axonflow_hooks.agent.store.options import StoreOptions
from axonflow_hooks.agent.store.writer import Transaction, Writer
from axonflow_hooks.agent.tables.records import AuditRecord, Caller, DecisionRecord, MatchRecord, SpanRecord, now
from axonflow_hooks.agent.verification.verify import Evidence, verify

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from axonflow_hooks.agent.audit_trail.mark import Mark
    from axonflow_hooks.agent.verification.findings import Report

CALLER = Caller("local", session_id="session-1", user_email="dev@example.com", client_software="test/1")
MATCH = MatchRecord(
    policy_id="sys_dangerous",
    policy_name="Dangerous",
    category="security-dangerous",
    action="block",
    risk_level="high",
    allow_override=True,
    policy_description="It is dangerous.",
    spans=(SpanRecord("statement", 0, 6),),
)


def decision(number: int) -> DecisionRecord:
    blocked = number % 3 == 0
    return DecisionRecord(
        decision_id=str(uuid.UUID(int=number)),
        timestamp=now(),
        plane="request",
        decision="blocked" if blocked else "allowed",
        action="block" if blocked else "none",
        risk_level="high" if blocked else None,
        reason=f"Reason {number} — ünïcode",
        matches=(MATCH,) if blocked else (),
        policies_evaluated=100,
        tool_signature="claude_code.Bash",
        statement_hash=f"hmac-sha256:12345678:{number:064x}",
        excerpt=f"rm -rf /{number}",
        excerpt_offset=0,
        caller=CALLER,
        duration_ms=number / 7,
    )


def entry(number: int, **changes: Any) -> AuditRecord:
    values: dict[str, Any] = {
        "id": f"audit_{number:06}",
        "timestamp": now(),
        "request_type": "check_policy",
        "tool_name": "claude_code.Bash",
        "query": f"rm -rf /{number}",
        "caller": CALLER,
        "policy_decision": "blocked" if number % 3 == 0 else "allowed",
        "policy_details": {"action": "block", "risk_level": "high", "reason": f"reason {number}"},
        "decision_id": str(uuid.UUID(int=number)) if number % 2 else None,
        "response_time_ms": number / 7,
        **changes,
    }
    return AuditRecord(**values)


def verdict(number: int) -> Callable[[Transaction], None]:
    """Give a job as a check has it: every other one with a decision."""

    def job(transaction: Transaction) -> None:
        if number % 2:
            transaction.add_decision(decision(number))
        transaction.append_audit(entry(number))

    return job


def write(folder: Path, numbers: range, options: StoreOptions | None = None, *, at_once: int = 50) -> None:
    """Run an agent's store on a folder for some records, from its start to its clean end."""
    database = open_database(folder, options)
    writer = Writer(database.engine)

    async def work() -> None:
        for first in range(numbers.start, numbers.stop, at_once):
            batch = range(first, min(first + at_once, numbers.stop))
            await asyncio.gather(*(writer.submit(verdict(number)) for number in batch))

    try:
        asyncio.run(work())
    finally:
        writer.close()
        database.close()


def plain(file: Path) -> sqlite3.Connection:
    """Open a database as an attacker does: with sqlite3, the triggers taken away."""
    connection = sqlite3.connect(file, isolation_level=None)
    for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        connection.execute(f"DROP TRIGGER {name}")
    return connection


def checked(connection: sqlite3.Connection, folder: Path, **evidence: Any) -> Report:
    """Verify the database of an open connection with the keys of a folder."""
    seal = read_seal(folder)
    assert seal is not None
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=None)
    with engine.connect() as wrapped:
        report = verify(wrapped, Evidence((seal.public,), seal, **evidence))
        wrapped.detach()
    return report


def checked_folder(folder: Path, mark: Mark | None = None) -> Report:
    """Verify the database of a data folder."""
    connection = sqlite3.connect(folder / "agent.db")
    try:
        return checked(connection, folder, mark=mark)
    finally:
        connection.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    return data
