"""A real agent under load, killed: whatever it acknowledged is in its database (kill -9, real SQLite)."""

from __future__ import annotations

import signal
import sqlite3
from typing import TYPE_CHECKING

from tests.agent.audit_trail.conftest import checked_folder
from tests.agent.load import Load

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import AgentProcess

KILLS = 3


def test_a_killed_agent_has_lost_no_acknowledged_record(start_agent: Callable[..., AgentProcess]) -> None:
    audits: set[str] = set()
    decisions: set[str] = set()
    agent = start_agent()
    for _ in range(KILLS):
        with Load([agent], threads_each=8) as load:
            load.ledger.wait_for(100)
            agent.stop(signal.SIGKILL)
        audits |= load.ledger.audits
        decisions |= load.ledger.decisions
        agent = start_agent(home=agent.home, data_dir=agent.data_dir)
    assert agent.stop() == 0
    report = checked_folder(agent.data_dir)
    assert report.findings == []
    connection = sqlite3.connect(agent.data_dir / "agent.db")
    assert audits <= {row[0] for row in connection.execute("SELECT id FROM audit_log")}
    assert decisions <= {row[0] for row in connection.execute("SELECT decision_id FROM decisions")}
    connection.close()
    assert report.entries >= len(audits) + len(decisions) > 100 * KILLS
