"""Team mode on a shared database: replicas count together what an address asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx

from tests.e2e.postgres.test_replicas import environ_of

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import AgentProcess, AgentStarter

REGISTER = "/api/v1/register"


def register(agent: AgentProcess) -> httpx.Response:
    return httpx.post(f"{agent.endpoint}{REGISTER}", timeout=60)


def test_five_registrations_an_hour_whichever_replica_is_asked(
    database_url: str, start_agent: AgentStarter, tmp_path: Path
) -> None:
    environ = {**environ_of(database_url, tmp_path / "keys"), "AXONFLOW_AGENT_TEAM_MODE": "1"}
    (tmp_path / "keys").mkdir(mode=0o700, exist_ok=True)
    first = start_agent(home=tmp_path / "a", environ=environ)
    second = start_agent(home=tmp_path / "b", environ=environ)
    assert [register(agent).status_code for agent in (first, second, first, second, first)] == [201] * 5
    for agent in (first, second):
        reply = register(agent)
        assert reply.status_code == 429
        assert 3000 < int(reply.headers["retry-after"]) <= 3600
