"""What is read finds its way by an index (real SQLite)."""

from __future__ import annotations

from typing import Any

from sqlalchemy import create_engine, event

from axonflow_hooks.agent.store.queries import count_session_hits
from axonflow_hooks.agent.tables import schema
from axonflow_hooks.agent.tables.records import Caller, DecisionRecord, MatchRecord
from axonflow_hooks.agent.tables.statements import prepare_statements

AT = "2026-01-31T12:{:02}:00.000000Z"


def decision(number: int, session: str | None, policy: str | None) -> dict[str, Any]:
    match = MatchRecord(policy or "", "Name", "security-dangerous", "block", "high", True, "What it finds.", ())
    return DecisionRecord(
        decision_id=f"d{number}",
        timestamp=AT.format(number),
        plane="request",
        decision="blocked",
        action="block",
        risk_level="high",
        reason="What it finds.",
        matches=(match,) if policy else (),
        policies_evaluated=1,
        tool_signature="claude_code.Bash",
        statement_hash="hash",
        excerpt=None,
        excerpt_offset=None,
        caller=Caller("local", session_id=session),
        duration_ms=1.0,
    ).row()


def test_the_hits_of_a_session_are_counted_by_their_index() -> None:
    engine = create_engine("sqlite://")
    schema.metadata.create_all(engine)
    asked: list[tuple[str, Any]] = []
    event.listen(engine, "before_cursor_execute", lambda *call: asked.append((call[2], call[3])))
    rows = [
        decision(1, "s", "p"),
        decision(2, "s", None),
        decision(3, None, "p"),
        decision(4, "other", "p"),
        decision(5, "s", "p"),
        decision(6, "s", "q"),
        decision(7, "s", "p"),
    ]
    with engine.begin() as connection:
        prepare_statements(connection.dialect).add_decision.run(connection, rows)
        assert count_session_hits(connection, rows[4], AT.format(0)) == 2
        statement, values = asked[-1]
        plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values).all()
        assert "decisions_by_session" in str(plan)
    engine.dispose()
