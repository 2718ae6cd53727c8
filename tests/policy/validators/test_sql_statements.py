"""Changes of every row, in the dialects and hiding places that SQL has."""

from __future__ import annotations

import time

import pytest

from axonflow_hooks.policy.validators.candidate import Candidate
from axonflow_hooks.policy.validators.sql_statements import MAX_TEXT, at_statement, unbounded_change


def unbounded(sql: str) -> bool:
    places = [index for index in range(len(sql)) if sql[index : index + 6].lower() in ("delete", "update")]
    return any(unbounded_change(Candidate(sql, place, place + 6)) for place in places)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM users",
        "delete from public.users;",
        "DELETE FROM [dbo].[users]",
        "DELETE u FROM users u",
        "DELETE FROM users USING orders",
        "DELETE FROM users -- WHERE id = 1",
        "DELETE FROM users /* WHERE id = 1 */",
        "DELETE FROM users WHERE 1=1",
        "DELETE FROM users WHERE true",
        "WITH d AS (DELETE FROM users RETURNING *) SELECT count(*) FROM d",
        "WITH d AS (SELECT 1) DELETE FROM users",
        "SELECT 1; DELETE FROM users; SELECT 2 WHERE 1 = 2",
        "BEGIN; DELETE FROM users; COMMIT",
        "DO $$ BEGIN DELETE FROM users; END $$",
        "DO $a$ BEGIN EXECUTE 'DELETE FROM users'; END $a$",
        "EXECUTE IMMEDIATE 'DELETE FROM users'",
        "PREPARE p AS DELETE FROM users; EXECUTE p",
        "IF x THEN DELETE FROM users; END IF",
        "UPDATE users SET a = 1",
        "UPDATE ONLY users SET a = 1",
        "UPDATE \"where\" SET note = 'where id = 1'",
        "UPDATE users SET a = (SELECT max(b) FROM t WHERE c = 1)",
        "UPDATE users u SET a = 1 FROM orders o",
    ],
)
def test_a_change_without_a_condition(sql: str) -> None:
    assert unbounded(sql)


@pytest.mark.parametrize(
    "sql",
    [
        "DELETE FROM users WHERE id = 1",
        "DELETE u FROM users u JOIN bans b ON b.uid = u.id",
        "DELETE FROM users USING bans WHERE bans.uid = users.id",
        "WITH o AS (SELECT id FROM l) DELETE FROM l WHERE id IN (SELECT id FROM o)",
        "UPDATE users SET a = 1 WHERE id = 2",
        "UPDATE users u SET a = o.b FROM orders o WHERE o.uid = u.id",
        "INSERT INTO t VALUES (1) ON CONFLICT DO UPDATE SET a = 2",
        "INSERT INTO t VALUES (1) ON DUPLICATE KEY UPDATE a = 2",
        "MERGE INTO t USING s ON t.id = s.id WHEN MATCHED THEN UPDATE SET a = 1 WHEN NOT MATCHED THEN DELETE",
        "SELECT * FROM t FOR UPDATE",
        "CREATE TABLE t (a int REFERENCES s ON DELETE CASCADE ON UPDATE CASCADE)",
        "SELECT 'delete from users'",
        'SELECT "delete" FROM users',
        "-- delete from users\nSELECT 1",
        "please delete the rows from last year",
        "update the set of rules",
    ],
)
def test_a_change_with_a_condition_and_what_is_no_change(sql: str) -> None:
    assert not unbounded(sql)


def test_a_statement_begins_only_where_one_can() -> None:
    sql = "SELECT 'drop table a'; DROP TABLE b"

    assert [at_statement(Candidate(sql, at, at + 4)) for at in (8, 23)] == [False, True]


@pytest.mark.parametrize(
    "piece", ["[", "'", "$a$", "(", "/*", "as (delete from x ", "delete from x;", "`", '"', " exec ''"]
)
def test_reading_is_linear(piece: str) -> None:
    def cost(size: int) -> float:
        best = float("inf")
        for round_ in range(3):
            text = (piece * size)[: size - 1] + str(round_)  # another text each time: readings are kept
            start = time.process_time()
            at_statement(Candidate(text, 0, 1))
            best = min(best, time.process_time() - start)
        return best

    # ten times the text: linear is 10, quadratic 100
    assert cost(MAX_TEXT - 1) < 70 * cost(MAX_TEXT // 10) + 0.05
