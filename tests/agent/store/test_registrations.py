"""Attempts to register are counted by address, for an hour, and then forgotten (real SQLite)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import create_engine, func, select

from axonflow_hooks.agent.store import registrations
from axonflow_hooks.agent.store.registrations import take_attempt
from axonflow_hooks.agent.tables import schema

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

ALLOWED = 3


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    schema.metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def at(minute: int) -> str:
    return f"2026-01-31T{12 + minute // 60:02}:{minute % 60:02}:00.000000Z"


def attempt(connection: Connection, minute: int, address: str = "one") -> str | None:
    """Try at a minute after noon; what is an hour old by then does not count."""
    row = {"id": f"{address}-{minute}", "address_hash": address, "attempted_at": at(minute)}
    return take_attempt(connection, row, since=at(minute - 60), allowed=ALLOWED)


def kept(connection: Connection) -> int:
    return connection.execute(select(func.count()).select_from(registrations.registration_attempts)).scalar_one()


def test_one_too_many_is_told_when_the_earliest_was(connection: Connection) -> None:
    assert [attempt(connection, 60 + minute) for minute in (0, 5, 10)] == [None] * 3
    assert attempt(connection, 75) == at(60)
    assert attempt(connection, 76, address="two") is None
    assert kept(connection) == 4


def test_what_was_refused_does_not_count(connection: Connection) -> None:
    for minute in (60, 61, 62):
        attempt(connection, minute)
    assert [attempt(connection, minute) for minute in (90, 100)] == [at(60), at(60)]
    assert attempt(connection, 120) is None


def test_what_is_an_hour_old_is_forgotten(connection: Connection) -> None:
    for minute in (60, 61, 62):
        attempt(connection, minute)
    assert attempt(connection, 180, address="two") is None
    assert kept(connection) == 1
