"""The tables of grants: what is forgotten, and what of the time."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from axonflow_hooks.agent.grants.events import commit_event, grant_event
from axonflow_hooks.agent.store import grants
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.options import StoreOptions
from axonflow_hooks.agent.store.sealed import commitment
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import Caller, format_time

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.agent.store.writer import Transaction

CALLER = Caller("local")


def override(name: str, days_ago: float) -> dict[str, Any]:
    moment = format_time(datetime.now(timezone.utc) - timedelta(days=days_ago))
    return {
        "id": f"ovr_{name}",
        "policy_id": "p",
        "policy_type": "static",
        "tenant_id": CALLER.tenant_id,
        "client_id": CALLER.client_id,
        "user_key": "client:local",
        "override_reason": "because",
        "ttl_seconds": 60,
        "created_at": moment,
        "expires_at": moment,
        "created_by": "client:local",
    }


@pytest.mark.parametrize(
    ("days", "left"),
    [
        pytest.param(2, {"ovr_recorded", "ovr_recent", "ovr_new"}, id="two days"),
        pytest.param(None, {"ovr_old", "ovr_recorded", "ovr_recent", "ovr_new"}, id="for ever"),
    ],
)
def test_what_is_over_is_forgotten_with_the_entries_about_it(tmp_path: Path, days: int | None, left: set[str]) -> None:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path, StoreOptions(retention_days=days))
    writer = Writer(database.engine)

    def fill(transaction: Transaction) -> None:
        recorded = grants.add_override(transaction.connection, override("recorded", 3))
        commits = commitment(grants.overrides, recorded)
        commit_event(transaction, grant_event("override_created", CALLER, "made", {}, commits=commits))
        for name, days_ago in (("old", 3), ("recent", 1), ("new", 0)):
            grants.add_override(transaction.connection, override(name, days_ago))

    def add_one(transaction: Transaction) -> None:
        grants.add_override(transaction.connection, override("last", 0))

    async def work() -> None:
        await writer.submit(fill)
        await writer.submit(add_one)

    try:
        asyncio.run(work())
        found = database.read(lambda connection: set(connection.execute(select(grants.overrides.c.id)).scalars()))
    finally:
        writer.close()
        database.close()
    assert found - {"ovr_last"} == left
