"""Idempotency-Key (wire 1.1): what a key stands for, and for how long, on a real database."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import update

from axonflow_hooks.agent.idempotency import Claim, Reused, once
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.queries import remember_reply
from axonflow_hooks.agent.tables.records import format_time, to_json
from axonflow_hooks.agent.tables.schema import idempotency

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from axonflow_hooks.agent.store.database import Database

CLAIM = Claim("client", "/route", "key", "fingerprint")
OTHERS = {
    "client": Claim("other", "/route", "key", "fingerprint"),
    "route": Claim("client", "/other", "key", "fingerprint"),
    "key": Claim("client", "/route", "other", "fingerprint"),
}


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    database = open_database(folder)
    yield database
    database.close()


def claimed_once(database: Database, claimed: Claim | None, body: Any) -> tuple[Any, bool]:
    """Claim a key in a transaction whose effect gives `body`."""
    effect: list[Any] = []

    def act() -> Any:
        effect.append(body)
        return body

    with database.engine.begin() as connection:
        found = once(connection, claimed, act)
    assert len(effect) == (0 if found[1] else 1)
    return found


def test_the_effect_happens_once(database: Database) -> None:
    assert claimed_once(database, CLAIM, {"id": 1}) == ({"id": 1}, False)
    assert claimed_once(database, CLAIM, {"id": 2}) == ({"id": 1}, True)
    assert claimed_once(database, None, {"id": 3}) == ({"id": 3}, False)


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS.keys())
def test_a_key_is_one_clients_on_one_route(database: Database, other: Claim) -> None:
    claimed_once(database, CLAIM, 1)
    assert claimed_once(database, other, 2) == (2, False)


def test_another_request_with_the_key_is_refused(database: Database) -> None:
    claimed_once(database, CLAIM, 1)
    with pytest.raises(Reused):
        claimed_once(database, Claim("client", "/route", "key", "another"), 2)


@pytest.mark.parametrize(("age", "replayed"), [(timedelta(hours=23), True), (timedelta(hours=25), False)])
def test_a_key_is_remembered_for_a_day(database: Database, age: timedelta, replayed: bool) -> None:
    claimed_once(database, CLAIM, 1)
    made = format_time(datetime.now(timezone.utc) - age)
    with database.engine.begin() as connection:
        connection.execute(update(idempotency).values(timestamp=made))
    assert claimed_once(database, CLAIM, 2) == ((1, True) if replayed else (2, False))


def test_keys_of_other_routes_live_as_long_as_theirs(database: Database) -> None:
    weekly = Claim("client", "weekly", "key", "fingerprint", hours=7 * 24)
    claimed_once(database, weekly, 1)
    made = format_time(datetime.now(timezone.utc) - timedelta(days=2))
    with database.engine.begin() as connection:
        connection.execute(update(idempotency).values(timestamp=made))
    claimed_once(database, CLAIM, 2)
    assert claimed_once(database, weekly, 3) == (1, True)


def test_a_receipt_of_the_release_before_is_replayed(database: Database) -> None:
    row = {
        "client_id": "client", "scope": "/route", "key": "key", "fingerprint": "fingerprint",
        "timestamp": format_time(datetime.now(timezone.utc)),
        "response": to_json({"audit_id": "audit_1", "timestamp": "then"}),
    }  # fmt: skip
    with database.engine.begin() as connection:
        remember_reply(connection, row)
    assert claimed_once(database, CLAIM, 1) == (
        {"status": "recorded", "audit_id": "audit_1", "timestamp": "then"}, True,
    )  # fmt: skip
