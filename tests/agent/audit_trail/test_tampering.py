"""Whatever is changed in a database file, `verify` finds it (real files, sqlite3 as the attacker's tool)."""

from __future__ import annotations

import os
import random
import sqlite3
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.audit_trail.chain import HASH_COLUMN, row_hash
from tests.agent.audit_trail.conftest import checked, plain, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ENTRIES = 40
ROUNDS = int(os.environ.get("AXONFLOW_TEST_TAMPERINGS", "1000"))
PARTS = 4
"""So that several processes can share the rounds."""

# By table: its key, and how often it is chosen.
TABLES = {
    "audit_log": ("sequence", 6),
    "decisions": ("decision_id", 2),
    "audit_checkpoints": ("sequence", 1),
    "audit_head": ("id", 1),
}


@pytest.fixture(scope="module")
def trail(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a data folder with a small trail and several checkpoints."""
    folder = tmp_path_factory.mktemp("trail") / "data"
    folder.mkdir(mode=0o700)
    for first in range(1, ENTRIES, 10):
        write(folder, range(first, first + 10))
    return folder


def copy_of(folder: Path) -> sqlite3.Connection:
    """Give a copy in memory, without triggers."""
    source = sqlite3.connect(folder / "agent.db")
    copy = sqlite3.connect(":memory:", isolation_level=None)
    source.backup(copy)
    source.close()
    for (name,) in copy.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
        copy.execute(f"DROP TRIGGER {name}")
    return copy


def columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]


def keys(connection: sqlite3.Connection, table: str) -> list[Any]:
    key = TABLES[table][0]
    return [row[0] for row in connection.execute(f"SELECT {key} FROM {table} ORDER BY {key}")]


def other_value(chance: random.Random, value: Any) -> Any:
    if isinstance(value, float):
        return chance.choice([value + 1e-6, -value - 1.0, None])
    if isinstance(value, int):
        return value + chance.choice([-1, 1, 1000])
    if isinstance(value, str) and value:
        at = chance.randrange(len(value))
        replaced = value[:at] + chr((ord(value[at]) + 1) % 0x7F or 1) + value[at + 1 :]
        return chance.choice([replaced, value + " ", value[:-1], value.encode()])
    return chance.choice(["", "x", "0"])


def edit(connection: sqlite3.Connection, chance: random.Random, table: str) -> int | None:
    """Change one value of one row; give its sequence where it is an entry."""
    key = TABLES[table][0]
    row_key = chance.choice(keys(connection, table))
    column = chance.choice([name for name in columns(connection, table) if name != key])
    (value,) = connection.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", (row_key,)).fetchone()
    changed = other_value(chance, value)
    while changed == value:
        changed = other_value(chance, value)
    connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {key} = ?", (changed, row_key))
    if connection.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", (row_key,)).fetchone() == (value,):
        return edit(connection, chance, table)  # refused by a constraint of the table
    return row_key if table == "audit_log" else None


def delete(connection: sqlite3.Connection, chance: random.Random, table: str) -> int | None:
    """Remove one row."""
    row_key = chance.choice(keys(connection, table))
    connection.execute(f"DELETE FROM {table} WHERE {TABLES[table][0]} = ?", (row_key,))
    return row_key if table == "audit_log" else None


def swap(connection: sqlite3.Connection, chance: random.Random, table: str) -> int | None:
    """Let two rows change places: all their values but the key."""
    key = TABLES[table][0]
    first, second = chance.sample(keys(connection, table), 2)
    if table == "decisions":  # the id is what tells them apart: the other values are swapped
        names = [name for name in columns(connection, table) if name != key]
        rows = [
            connection.execute(f"SELECT {', '.join(names)} FROM {table} WHERE {key} = ?", (it,)).fetchone()
            for it in (first, second)
        ]
        for it, row in zip((second, first), rows, strict=True):
            change = ", ".join(f"{name} = ?" for name in names)
            connection.execute(f"UPDATE {table} SET {change} WHERE {key} = ?", (*row, it))
        return None
    for old, new in ((first, -1), (second, first), (-1, second)):
        connection.execute(f"UPDATE {table} SET {key} = ? WHERE {key} = ?", (new, old))
    return first if table == "audit_log" else None


@pytest.mark.parametrize("part", range(PARTS))
def test_every_random_edit_deletion_and_swap_is_found_and_named(trail: Path, part: int) -> None:
    chance = random.Random(20261122 + part)
    source = copy_of(trail)
    tables = [table for table, (_, weight) in TABLES.items() for _ in range(weight)]
    missed = []
    for number in range(part, ROUNDS, PARTS):
        copy = sqlite3.connect(":memory:", isolation_level=None)
        source.backup(copy)
        table = chance.choice(tables)
        acts: list[Callable[..., int | None]] = [edit, delete] if table == "audit_head" else [edit, delete, swap]
        act = chance.choice(acts)
        sequence = act(copy, chance, table)
        report = checked(copy, trail)
        named = sequence is None or any(
            finding.sequence == sequence or "missing" in finding.what for finding in report.findings
        )
        if report.intact or not named:
            missed.append((number, act.__name__, table, sequence, report.value()))
        copy.close()
    source.close()
    assert missed == []


def rehash(connection: sqlite3.Connection, first: int, last: int) -> None:
    """Do what an attacker who knows the algorithm does: make the hashes fit from one entry to another."""
    connection.row_factory = sqlite3.Row
    before = connection.execute("SELECT row_hash FROM audit_log WHERE sequence = ?", (first - 1,)).fetchone()
    previous = before[0] if before else "0" * 64
    for sequence in range(first, last + 1):
        row = dict(connection.execute("SELECT * FROM audit_log WHERE sequence = ?", (sequence,)).fetchone())
        row["previous_hash"] = previous
        row.pop(HASH_COLUMN)
        previous = row_hash(row)
        connection.execute(
            "UPDATE audit_log SET previous_hash = ?, row_hash = ? WHERE sequence = ?",
            (row["previous_hash"], previous, sequence),
        )
    connection.row_factory = None


def execute(statement: str) -> Callable[[sqlite3.Connection], None]:
    def act(connection: sqlite3.Connection) -> None:
        connection.execute(statement)

    return act


def edit_and_rehash(last: int) -> Callable[[sqlite3.Connection], None]:
    def act(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE audit_log SET query = 'ls' WHERE sequence = 12")
        rehash(connection, 12, last)

    return act


def remove_and_close_the_gap(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM audit_log WHERE sequence = 12")
    for sequence in range(13, ENTRIES + 1):
        connection.execute("UPDATE audit_log SET sequence = ? WHERE sequence = ?", (sequence - 1, sequence))
    rehash(connection, 12, ENTRIES - 1)


def truncate_with_the_head(connection: sqlite3.Connection) -> None:
    connection.execute("DELETE FROM audit_log WHERE sequence > 30")
    connection.execute("DELETE FROM audit_checkpoints WHERE sequence > 30")
    (last,) = connection.execute("SELECT row_hash FROM audit_log WHERE sequence = 30").fetchone()
    connection.execute("UPDATE audit_head SET sequence = 30, checkpoint_sequence = 30, row_hash = ?", (last,))


def append(connection: sqlite3.Connection) -> None:
    row = connection.execute("SELECT * FROM audit_log WHERE sequence = ?", (ENTRIES,)).fetchone()
    values = (ENTRIES + 1, "audit_forged", *row[2:])
    connection.execute(f"INSERT INTO audit_log VALUES ({', '.join('?' * len(values))})", values)
    rehash(connection, ENTRIES + 1, ENTRIES + 1)


def pretend_to_have_pruned(connection: sqlite3.Connection) -> None:
    (signed,) = connection.execute("SELECT row_hash FROM audit_checkpoints WHERE sequence = 10").fetchone()
    connection.execute("UPDATE audit_head SET anchor_sequence = 10, anchor_hash = ?", (signed,))
    connection.execute("DELETE FROM audit_log WHERE sequence <= 10")


def add_a_decision(connection: sqlite3.Connection) -> None:
    names = columns(connection, "decisions")
    chosen = ", ".join("'forged'" if name == "decision_id" else name for name in names)
    connection.execute(f"INSERT INTO decisions SELECT {chosen} FROM decisions LIMIT 1")


@pytest.mark.parametrize(
    ("act", "kind", "sequence"),
    [
        pytest.param(execute("UPDATE audit_log SET query = 'ls' WHERE sequence = 7"), "changed", 7, id="edited"),
        pytest.param(execute("UPDATE audit_log SET user_email = NULL WHERE sequence = 7"), "changed", 7, id="nulled"),
        pytest.param(
            execute("UPDATE audit_log SET query = CAST(x'FF' AS TEXT) WHERE sequence = 7"), "changed", 7, id="no UTF-8"
        ),
        pytest.param(execute("DELETE FROM audit_log WHERE sequence = 7"), "removed", 7, id="removed"),
        pytest.param(execute("DELETE FROM audit_log WHERE sequence = 1"), "removed", 1, id="first removed"),
        pytest.param(execute("DELETE FROM audit_log WHERE sequence > 38"), "truncated", 39, id="tail cut"),
        pytest.param(execute("DELETE FROM audit_log"), "truncated", 1, id="all removed"),
        pytest.param(truncate_with_the_head, "head", None, id="tail cut, head made to fit"),
        pytest.param(edit_and_rehash(12), "rewritten", 12, id="edited and hashed"),
        pytest.param(edit_and_rehash(ENTRIES), "rewritten", ENTRIES, id="edited and hashed to the end"),
        pytest.param(edit_and_rehash(ENTRIES), "checkpoint", 20, id="edited and hashed: the checkpoint knows"),
        pytest.param(remove_and_close_the_gap, "truncated", ENTRIES, id="removed and hashed to the end"),
        pytest.param(append, "added", ENTRIES + 1, id="appended"),
        pytest.param(pretend_to_have_pruned, "head", None, id="a prefix removed as if pruned"),
        pytest.param(execute("DELETE FROM audit_head"), "head", None, id="head removed"),
        pytest.param(execute("UPDATE audit_head SET mac = ''"), "head", None, id="head without its code"),
        pytest.param(execute("UPDATE audit_head SET mac = 5"), "head", None, id="head with a number as its code"),
        pytest.param(execute("UPDATE audit_head SET key_id = 'other'"), "head", None, id="head of another key"),
        pytest.param(execute("DELETE FROM audit_checkpoints WHERE sequence = 20"), "checkpoint", 30, id="checkpoint"),
        pytest.param(
            execute("DELETE FROM audit_checkpoints WHERE sequence = 40"), "checkpoint", 40, id="newest checkpoint"
        ),
        pytest.param(execute("UPDATE decisions SET reason = 'fine'"), "decision", 1, id="decisions edited"),
        pytest.param(execute("DELETE FROM decisions"), "decision", 1, id="decisions removed"),
        pytest.param(add_a_decision, "decision", None, id="a decision added"),
    ],
)
def test_it_is_told_what_was_done(
    trail: Path, act: Callable[[sqlite3.Connection], None], kind: str, sequence: int | None
) -> None:
    copy = copy_of(trail)
    act(copy)
    findings = checked(copy, trail).findings
    copy.close()
    assert (kind, sequence) in [(finding.kind, finding.sequence) for finding in findings], findings


def test_entries_that_changed_places_are_told_with_where_they_were(trail: Path) -> None:
    copy = copy_of(trail)
    for old, new in ((8, -1), (9, 8), (-1, 9)):
        copy.execute("UPDATE audit_log SET sequence = ? WHERE sequence = ?", (new, old))
    findings = checked(copy, trail).findings
    copy.close()
    assert [(it.kind, it.sequence, it.what) for it in findings if it.kind != "decision"] == [
        ("moved", 8, "it was written as entry 9: the order was changed"),
        ("moved", 9, "it was written as entry 8: the order was changed"),
    ]


def test_an_intact_trail_has_no_findings(trail: Path) -> None:
    connection = sqlite3.connect(trail / "agent.db")
    report = checked(connection, trail)
    connection.close()
    assert (report.intact, report.entries, report.decisions, report.checkpoints) == (True, ENTRIES, ENTRIES // 2, 4)


def test_the_database_itself_refuses_changes(trail: Path) -> None:
    connection = sqlite3.connect(trail / "agent.db", isolation_level=None)
    for statement in (
        "UPDATE audit_log SET query = 'x' WHERE sequence = 1",
        "DELETE FROM audit_log WHERE sequence = 1",
        "UPDATE decisions SET reason = 'x'",
    ):
        with pytest.raises(sqlite3.IntegrityError, match="append-only"):
            connection.execute(statement)
    connection.close()


def test_plain_is_a_connection_without_triggers(trail: Path, tmp_path: Path) -> None:
    (tmp_path / "agent.db").write_bytes((trail / "agent.db").read_bytes())
    connection = plain(tmp_path / "agent.db")
    connection.execute("DELETE FROM audit_log")
    connection.close()
