"""What people grant holds on every replica, and no further than it was granted."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.private_files import make_private_dir
from tests.agent.grants.conftest import PASSPHRASE, Governed, home_with_policies

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import AgentStarter

RACES = 20


@pytest.fixture
def replicas(start_agent: AgentStarter, database_url: str, tmp_path: Path) -> tuple[Governed, Governed]:
    """Two agents on one database that share their keys, and with them the person's passphrase."""
    keys = tmp_path / "keys"
    make_private_dir(keys)
    enrol(keys, PASSPHRASE)
    environ = {"AXONFLOW_AGENT_DATABASE_URL": database_url, "AXONFLOW_AGENT_KEY_DIR": str(keys)}
    homes = [home_with_policies(tmp_path / f"replica{number}", passphrase=None) for number in range(2)]
    first, second = (Governed(start_agent(home=home, environ=environ)) for home in homes)
    return first, second


def test_an_override_of_one_replica_holds_on_the_other_until_it_is_revoked(replicas: tuple[Governed, Governed]) -> None:
    one, other = replicas
    made = one.lift("halt")
    assert other.check("halt")["override_existing_id"] == made["id"]
    assert other.check("cease")["allowed"] is False
    assert other.send("DELETE", f"/api/v1/overrides/{made['id']}").status_code == 200
    assert [replica.check("halt")["allowed"] for replica in replicas] == [False, False]


def test_a_question_of_one_replica_is_answered_on_the_other(replicas: tuple[Governed, Governed]) -> None:
    one, other = replicas
    body = {"policy_id": "halt", "policy_type": "static", "override_reason": "asked here, answered there"}
    challenge = one.send("POST", "/api/v1/overrides", body).json()["challenge"]
    assert other.confirm(challenge, "wrong horse battery staple").status_code == 403
    assert other.confirm(challenge).status_code == 201
    assert one.confirm(challenge).status_code == 409
    assert one.check("halt")["allowed"] is True


def test_an_approval_is_used_once_however_many_ask_at_once(replicas: tuple[Governed, Governed]) -> None:
    one, other = replicas
    for number in range(RACES):
        statement = f"permit {number}"
        approval_id = one.check(statement)["pending_approval"]["approval_id"]
        reply = other.as_person("POST", f"/api/v1/hitl/queue/{approval_id}/approve", {})
        assert reply.status_code == 200, reply.text
        allowed = [verdict["allowed"] for verdict in _checked_at_once(replicas * 2, statement)]
        assert sorted(allowed) == [False, False, False, True], number


def _checked_at_once(replicas: tuple[Governed, ...], statement: str) -> list[Any]:
    gate = threading.Barrier(len(replicas))
    verdicts: list[Any] = []

    def check(replica: Governed) -> None:
        gate.wait(60)
        verdicts.append(replica.check(statement))

    threads = [threading.Thread(target=check, args=(replica,)) for replica in replicas]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(verdicts) == len(replicas)
    return verdicts
