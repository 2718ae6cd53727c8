"""Three agents on one PostgreSQL under load, one killed: an override reaches as far as it was granted, no further."""

from __future__ import annotations

import itertools
import signal
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

import psycopg
import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.private_files import make_private_dir
from tests.agent.grants.conftest import PASSPHRASE, Governed, home_with_policies
from tests.agent.load import Ledger, call
from tests.e2e.postgres.test_replicas import environ_of, inspected

if TYPE_CHECKING:
    from pathlib import Path

    from tests.agent.conftest import AgentStarter

BASH, WRITE = "claude_code.Bash", "claude_code.Write"
DEV, OTHER = "dev@example.com", "other@example.com"
WAIT_S = 120


class Scope(NamedTuple):
    """What an override is granted for."""

    policy: str
    tool: str
    user: str


LIFTED = Scope("halt", BASH, DEV)
SCOPES = [Scope(*each) for each in itertools.product(("halt", "cease"), (BASH, WRITE), (DEV, OTHER))]


class Seen(NamedTuple):
    """One acknowledged check: times are of the monotonic clock."""

    replica: int
    scope: Scope
    decision_id: str
    allowed: bool
    override_id: str | None
    began: float
    ended: float


@dataclass
class Checks:
    """Threads that ask each replica about every scope, over and over, until told to stop."""

    replicas: list[Governed]
    seen: list[Seen] = field(default_factory=list)
    refused: int = 0
    changed: threading.Condition = field(default_factory=threading.Condition)
    over: threading.Event = field(default_factory=threading.Event)
    threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Checks:
        for number in range(len(self.replicas)):
            for scopes in ([LIFTED], [scope for scope in SCOPES if scope != LIFTED]):
                self.threads.append(threading.Thread(target=self._work, args=(number, scopes)))
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join(WAIT_S)

    def wait_for(self, replicas: list[int], *, allowed: bool, count: int = 8) -> None:
        """Wait until each of these replicas has, from now on, so often lifted (or not) what the override is for.

        And until each has been asked about every other scope meanwhile.
        """
        since = time.monotonic()

        def reached() -> bool:
            new = [each for each in self.seen if each.began >= since]
            hits = [each.replica for each in new if each.scope == LIFTED and each.allowed is allowed]
            asked = {(each.replica, each.scope) for each in new}
            return all(hits.count(number) >= count for number in replicas) and asked >= {
                (number, scope) for number in replicas for scope in SCOPES
            }

        with self.changed:
            assert self.changed.wait_for(reached, timeout=WAIT_S), "no progress"

    def _work(self, number: int, scopes: list[Scope]) -> None:
        with self.replicas[number].process.client() as client:
            for scope in itertools.cycle(scopes):
                if self.over.is_set():
                    return
                began = time.monotonic()
                arguments = {"connector_type": scope.tool, "statement": f"{scope.policy} {number}"}
                value = call(client, "check_policy", arguments, headers={"X-User-Email": scope.user})
                self._took(number, scope, value, began)
                if value is None and self.over.wait(0.05):
                    return

    def _took(self, number: int, scope: Scope, value: dict[str, Any] | None, began: float) -> None:
        with self.changed:
            if value is None:
                self.refused += 1
            else:
                override_id = value.get("override_existing_id")
                ended = time.monotonic()
                decision_id, allowed = value["decision_id"], value["allowed"]
                self.seen.append(Seen(number, scope, decision_id, allowed, override_id, began, ended))
            self.changed.notify_all()


@pytest.fixture
def replicas(start_agent: AgentStarter, database_url: str, tmp_path: Path) -> list[Governed]:
    """Three agents on one database that share their keys, and with them the person's passphrase."""
    keys = tmp_path / "keys"
    make_private_dir(keys)
    enrol(keys, PASSPHRASE)
    homes = [home_with_policies(tmp_path / f"replica{number}", passphrase=None) for number in range(3)]
    return [Governed(start_agent(home=home, environ=environ_of(database_url, keys))) for home in homes]


@dataclass(frozen=True)
class Moments:
    """When the override was asked for and granted, and when its end was asked for and acknowledged."""

    override_id: str
    asked: float
    granted: float
    ending: float
    ended: float


def granted_and_revoked(replicas: list[Governed], checks: Checks) -> Moments:
    """Grant on one replica, kill another, revoke on the third; wait for checks in between."""
    headers = {"X-User-Email": DEV}
    checks.wait_for([0, 1, 2], allowed=False)
    asked = time.monotonic()
    made = replicas[1].lift("halt", headers=headers, tool_signature=BASH)
    granted = time.monotonic()
    checks.wait_for([0, 1, 2], allowed=True)
    replicas[0].process.stop(signal.SIGKILL)
    with checks.changed:
        assert checks.changed.wait_for(lambda: checks.refused, timeout=WAIT_S), "nothing was refused"
    checks.wait_for([1, 2], allowed=True)
    ending = time.monotonic()
    assert replicas[2].send("DELETE", f"/api/v1/overrides/{made['id']}", headers=headers).status_code == 200
    ended = time.monotonic()
    checks.wait_for([1, 2], allowed=False)
    return Moments(made["id"], asked, granted, ending, ended)


def test_an_override_reaches_no_further_than_its_scope_and_its_time(
    replicas: list[Governed], database_url: str, tmp_path: Path
) -> None:
    with Checks(replicas) as checks:
        moments = granted_and_revoked(replicas, checks)
    for replica in replicas[1:]:
        assert replica.process.stop() == 0
    lifted = [each for each in checks.seen if each.allowed]
    assert {each.scope for each in lifted} == {LIFTED}
    assert {each.override_id for each in lifted} == {moments.override_id}
    assert [each for each in lifted if each.ended < moments.asked or each.began > moments.ended] == []
    between = [each for each in checks.seen if each.began > moments.granted and each.ended < moments.ending]
    assert [each for each in between if each.scope == LIFTED and not each.allowed] == []
    assert {each.replica for each in lifted} == {0, 1, 2}
    used = uses_in_the_trail(database_url, moments.override_id)
    assert {each.decision_id for each in lifted} <= used
    # The replica that was killed may have written an answer that nobody received; nobody else may.
    assert len(used - {each.decision_id for each in lifted}) <= 1
    ledger = Ledger(decisions={each.decision_id for each in checks.seen})
    assert inspected(database_url, tmp_path / "keys", ledger).findings == []


def uses_in_the_trail(url: str, override_id: str) -> set[str]:
    """Give the decisions that the trail says were lifted, which are exactly those that are stored as lifted.

    Each is used once, by its tool and user, after the override was created and before it was revoked.
    """
    with psycopg.connect(url) as connection:
        rows = connection.execute(
            "SELECT sequence, decision_id, tool_name, user_email, request_type FROM audit_log"
            " WHERE override_id = %s AND request_type LIKE 'override_%%' ORDER BY sequence",
            (override_id,),
        ).fetchall()
        stored = connection.execute(
            "SELECT decision_id, decision, tool_signature, user_email FROM decisions WHERE override_id IS NOT NULL"
        ).fetchall()
    kinds = [row[4] for row in rows]
    assert kinds == ["override_created", *["override_used"] * (len(rows) - 2), "override_revoked"]
    uses = rows[1:-1]
    assert {(row[2], row[3]) for row in uses} == {(BASH, DEV)}
    assert {row[1:] for row in stored} == {("allowed", BASH, DEV)}
    assert sorted(str(row[1]) for row in uses) == sorted(str(row[0]) for row in stored)
    return {str(row[1]) for row in uses}
