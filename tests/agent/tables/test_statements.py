"""Many rows with one statement, and each of them once (real SQLite)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import create_engine, func, make_url, select
from sqlalchemy.exc import DBAPIError

from axonflow_hooks.agent.tables import schema, statements
from axonflow_hooks.agent.tables.records import AuditRecord, Caller
from axonflow_hooks.agent.tables.statements import prepare_statements

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    schema.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def row(number: int) -> dict[str, Any]:
    record = AuditRecord(
        id=f"audit_{number}",
        timestamp="2026-01-31T12:00:00.000000Z",
        request_type="check_policy",
        tool_name="Bash",
        query=f"echo {number} é",
        caller=Caller("local"),
        response_time_ms=number / 8,
    )
    return {
        **record.row(),
        "sequence": number,
        "decision_hash": None,
        "previous_hash": "0" * 64,
        "row_hash": f"{number:064x}",
    }


@pytest.mark.parametrize("count", [0, 1, 2, statements.MAX_ROWS, statements.MAX_ROWS + 1, 3 * statements.MAX_ROWS + 5])
def test_every_row_is_inserted_as_it_is(connection: Connection, count: int) -> None:
    rows = [row(number) for number in range(1, count + 1)]
    prepare_statements(connection.dialect).append_audit.run(connection, rows)
    found = connection.execute(select(schema.audit_log).order_by(schema.audit_log.c.sequence)).mappings()
    assert [dict(one) for one in found] == rows


def test_a_row_that_cannot_be_inserted_is_an_error_of_the_database(connection: Connection) -> None:
    append = prepare_statements(connection.dialect).append_audit
    with pytest.raises(DBAPIError) as raised:
        append.run(connection, [row(1), row(1)])
    assert "echo" not in str(raised.value)
    assert connection.execute(select(func.count()).select_from(schema.audit_log)).scalar_one() == 0


def test_no_statement_takes_more_values_than_every_sqlite_admits(connection: Connection) -> None:
    prepared = prepare_statements(connection.dialect)
    for one in (prepared.add_decision, prepared.append_audit, prepared.add_checkpoint, prepared.set_head):
        assert one.many
        assert max(text.count("?") for text in one.many) <= 999


def test_postgresql_is_given_one_row_at_a_time() -> None:
    prepared = prepare_statements(make_url("postgresql+psycopg://").get_dialect()())
    assert not prepared.append_audit.many
    assert prepared.append_audit.arrange({"id": "x"}) == {"id": "x"}
