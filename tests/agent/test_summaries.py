"""What counts as a verdict in the numbers of `audit/summary` and `get_policy_stats` (wire 1.8, 1.9)."""

from __future__ import annotations

import asyncio
import uuid
from datetime import datetime, timedelta, timezone
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import pytest

from axonflow_hooks.agent.audit_trail.continuity import INTEGRITY_FAULT, agent_entry, fault_entry
from axonflow_hooks.agent.audit_trail.retention import PRUNED
from axonflow_hooks.agent.grants.events import GrantEvent, grant_event
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.reports import sum_up
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import Caller, format_time
from tests.agent.audit_trail.conftest import verdict
from tests.agent.grants.conftest import Governed, home_with_policies

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from axonflow_hooks.agent.store.reports import Totals
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import AuditRecord
    from tests.agent.conftest import AgentProcess

CALLER = Caller("local")
EVENTS = (*get_args(GrantEvent), INTEGRITY_FAULT, PRUNED)
TRAIL_KEYS = {"total_events", "by_action"}
"""What counts entries of the trail, whatever they are; all else counts verdicts."""


def event(kind: str) -> AuditRecord:
    if kind == INTEGRITY_FAULT:
        return fault_entry(["a fault"])
    if kind == PRUNED:
        return agent_entry(PRUNED, "some", {})
    found: Any = kind
    details = {"policy_id": "sys_dangerous"}
    return grant_event(found, CALLER, "a summary", details, tool_name="claude_code.Bash", decision_id=str(uuid.uuid4()))


def _append(record: AuditRecord, transaction: Transaction) -> None:
    transaction.append_audit(record)


def totals(folder: Path, *kinds: str) -> Totals:
    """Write three verdicts and events of these kinds, and give the totals of all tenants."""
    folder.mkdir(mode=0o700)
    database = open_database(folder)
    writer = Writer(database.engine)
    start, end = (format_time(datetime.now(timezone.utc) + timedelta(hours=hours)) for hours in (-1, 1))

    async def work() -> None:
        for number in (1, 3, 5):
            await writer.submit(verdict(number))
        for kind in kinds:
            await writer.submit(partial(_append, event(kind)))

    try:
        asyncio.run(work())
        return database.read(lambda connection: sum_up(connection, None, start, end, None))
    finally:
        writer.close()
        database.close()


@pytest.mark.parametrize("kind", EVENTS)
def test_an_event_is_no_verdict(tmp_path: Path, kind: str) -> None:
    plain, more = totals(tmp_path / "plain"), totals(tmp_path / "more", kind)
    assert more.by_request_type == {**plain.by_request_type, kind: 1}
    assert (more.by_decision, more.by_severity, more.top, more.average_ms) == (
        {"allowed": 2, "blocked": 1},
        plain.by_severity,
        plain.top,
        plain.average_ms,
    )


@pytest.fixture
def governed(start_agent: Callable[..., AgentProcess], tmp_path: Path) -> Governed:
    process = start_agent(home=home_with_policies(tmp_path / "home"))
    assert process.endpoint, process.stderr
    return Governed(process)


def test_only_checks_change_the_numbers_of_verdicts(governed: Governed) -> None:
    assert governed.check("halt")["allowed"] is False
    before = governed.process.tool("get_policy_stats", {})
    made = governed.lift("halt")
    # one that only notes: to lose a policy that protects takes a person
    policy = {"name": "Prod", "pattern": "prod-db", "category": "security-admin", "action": "log"}
    created = governed.send("POST", "/api/v1/static-policies", policy).json()
    assert governed.send("DELETE", f"/api/v1/static-policies/{created['id']}").status_code == 204
    call = {"client_id": "x", "original_query": "send it", "request_type": "mail"}
    assert governed.send("POST", "/api/v1/hitl/queue", call).status_code == 201
    after = governed.process.tool("get_policy_stats", {})
    assert {"override_created", "presence_confirmed", "policy_created", "approval_requested"} <= after[
        "by_action"
    ].keys()
    assert {name: after[name] for name in after.keys() - TRAIL_KEYS} == {
        name: before[name] for name in before.keys() - TRAIL_KEYS
    }
    assert governed.check("halt")["allowed"] is True
    assert governed.send("DELETE", f"/api/v1/overrides/{made['id']}").status_code == 200
    used = governed.process.tool("get_policy_stats", {})
    assert (used["by_action"]["override_used"], used["by_action"]["override_revoked"]) == (1, 1)
    assert (used["total_requests"], used["allowed_requests"], used["blocked_requests"]) == (2, 1, 1)
