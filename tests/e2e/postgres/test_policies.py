"""Policies of replicas on one PostgreSQL: what one is told, all of them do."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from axonflow_hooks.agent.store.options import KEY_DIR
from tests.agent.conftest import DEADLINE_S

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import httpx

    from tests.agent.conftest import AgentProcess, AgentStarter

STATIC = "/api/v1/static-policies"
DYNAMIC = "/api/v1/dynamic-policies"


def replicas(start_agent: AgentStarter, url: str, folder: Path) -> list[AgentProcess]:
    environ = {"AXONFLOW_AGENT_DATABASE_URL": url, KEY_DIR: str(folder / "keys")}
    agents = [start_agent(environ=environ) for _ in range(2)]
    assert all(agent.endpoint for agent in agents), [agent.stderr for agent in agents]
    return agents


def ask(agent: AgentProcess, method: str, path: str, **options: Any) -> httpx.Response:
    with agent.client() as client:
        return client.request(method, path, **options)


def allowed(agent: AgentProcess, statement: str) -> bool:
    arguments = {"connector_type": "postgres", "statement": statement}
    return bool(agent.tool("check_policy", arguments)["allowed"])


def wait_for(condition: Callable[[], Any]) -> None:
    """Ask until it holds: another replica's changes are looked for once a second."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline


def test_a_change_on_one_replica_counts_on_the_other(
    database_url: str, start_agent: AgentStarter, tmp_path: Path
) -> None:
    one, other = replicas(start_agent, database_url, tmp_path)
    assert allowed(other, "from prod-db-1")
    body = {"name": "No production", "pattern": "prod-db-[0-9]", "category": "security-admin"}
    made = ask(one, "POST", STATIC, json=body).json()
    assert not allowed(one, "from prod-db-1")
    wait_for(lambda: not allowed(other, "from prod-db-1"))
    assert ask(other, "DELETE", f"{STATIC}/{made['id']}").status_code == 204
    assert allowed(other, "from prod-db-1")
    wait_for(lambda: allowed(one, "from prod-db-1"))
    assert ask(one, "GET", f"{STATIC}/{made['id']}/versions").json()["count"] == 2
    override = {"action_override": "block", "override_reason": "strict"}
    assert ask(one, "POST", f"{STATIC}/sys_pii_email/override", json=override).status_code == 201
    wait_for(lambda: not allowed(other, "mail joe@corp.io"))


def test_changes_at_the_same_time_are_all_kept(database_url: str, start_agent: AgentStarter, tmp_path: Path) -> None:
    agents = replicas(start_agent, database_url, tmp_path)
    conditions = [{"field": "connector", "operator": "equals", "value": "nobody"}]
    actions = [{"type": "log", "config": {}}]
    made = ask(agents[0], "POST", DYNAMIC, json={"name": "p", "conditions": conditions, "actions": actions})
    key = made.json()["policy"]["id"]

    def change(number: int) -> int:
        return ask(agents[number % 2], "PUT", f"{DYNAMIC}/{key}", json={"priority": number}).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(change, range(1, 25))) == {200}
    versions = ask(agents[0], "GET", f"/api/v1/policies/{key}/versions").json()["versions"]
    assert [version["version"] for version in versions] == list(range(25, 0, -1))
    assert sorted(version["snapshot"]["priority"] for version in versions) == list(range(25))
