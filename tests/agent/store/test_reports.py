"""What the audit trail is searched for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.reports import AuditQuery, count_entries
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import Caller, MatchRecord
from tests.agent.audit_trail.conftest import decision, entry

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.agent.store.writer import Transaction

ONE, OTHER = Caller("one", tenant_id="cs_one"), Caller("other", tenant_id="cs_other")
MATCH = MatchRecord("sys_x", "X", "security-admin", "block", "high", True, "X.", ())


def test_an_entry_that_names_a_decision_of_others_tells_nothing_of_it(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path)
    writer = Writer(database.engine)
    made = decision(1)._replace(caller=ONE, matches=(MATCH,))

    def fill(transaction: Transaction) -> None:
        transaction.add_decision(made)
        for number, caller in enumerate((ONE, OTHER), 1):
            transaction.append_audit(entry(number, caller=caller, decision_id=made.decision_id))

    try:
        asyncio.run(writer.submit(fill))
        queries = [AuditQuery(tenant, policy_name="sys_x") for tenant in ("cs_one", "cs_other", None)]
        counts = database.read(lambda connection: [count_entries(connection, wanted) for wanted in queries])
    finally:
        writer.close()
        database.close()
    assert counts == [1, 0, 2]
