"""An agent that knows a person's passphrase, with policies of its own that block and that ask for approval."""

from __future__ import annotations

import contextlib
import functools
import itertools
import json
import sqlite3
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.wire.presence import PRESENCE_HEADER, Challenge, Cost, client_key, proof_of
from tests.agent.conftest import AgentStarter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import httpx

    from tests.agent.conftest import AgentProcess

PASSPHRASE = "correct horse battery staple"
POLICY = """
[[policy]]
id = "{id}"
name = "{id} name"
description = "It says {id}."
category = "security-dangerous"
severity = "{severity}"
action = {{ request = "{action}", response = "{action}" }}
match = [{{ pattern = '\\b{id}\\b' }}]
flag = ["{id}"]
clean = ["x"]
"""
PACK = 'group = "commands"\n' + "".join(
    POLICY.format(id=name, severity=severity, action=action)
    for name, severity, action in (
        ("halt", "high", "block"),
        ("cease", "high", "block"),
        ("never", "critical", "block"),
        ("permit", "medium", "require_approval"),
        ("consent", "medium", "require_approval"),
        ("murmur", "low", "log"),
    )
)


@dataclass
class Governed:
    """A running agent, and the person who knows its passphrase."""

    process: AgentProcess

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        with self.process.client() as client:
            return client.request(method, path, json=body, headers=headers)

    def as_person(self, method: str, path: str, body: Any, headers: dict[str, str] | None = None) -> httpx.Response:
        """Send a request, and send it again with the person's answer to the question that it raises."""
        asked = self.send(method, path, body, headers)
        assert asked.status_code == 403, asked.text
        proof = self.proof(asked.json()["challenge"])
        return self.send(method, path, body, {**(headers or {}), PRESENCE_HEADER: proof})

    def proof(self, challenge: Any, passphrase: str = PASSPHRASE) -> str:
        asked = Challenge.model_validate(challenge)
        return proof_of(_key(passphrase, asked.cost), asked)

    def lift(self, policy_id: str = "halt", headers: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """Make an override as a person does."""
        reply = self.as_person("POST", "/api/v1/overrides", override_of(policy_id, **more), headers)
        assert reply.status_code == 201, reply.text
        made: dict[str, Any] = reply.json()
        return made

    def check(
        self, statement: str, *, tool: str = "claude_code.Bash", headers: dict[str, str] | None = None, **more: Any
    ) -> Any:
        arguments = {"connector_type": tool, "statement": statement, **more}
        return self.process.tool("check_policy", arguments, headers=headers)

    def audited(self, *kinds: str) -> list[dict[str, Any]]:
        """Give the rows of the audit trail of these types, oldest first."""
        marks = ",".join("?" for _ in kinds)
        return self.sql(f"SELECT * FROM audit_log WHERE request_type IN ({marks}) ORDER BY sequence", *kinds)

    def sql(self, statement: str, *values: Any) -> list[dict[str, Any]]:
        """Read or change the database beside the agent, as time or another replica would."""
        with contextlib.closing(sqlite3.connect(self.process.data_dir / "agent.db", timeout=30)) as connection:
            connection.row_factory = sqlite3.Row
            with connection:
                return [dict(row) for row in connection.execute(statement, values)]

    def questions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.send("GET", "/api/v1/presence/challenges").json()["challenges"]
        return found

    def confirm(self, challenge: dict[str, Any], passphrase: str = PASSPHRASE) -> httpx.Response:
        headers = {PRESENCE_HEADER: self.proof(challenge, passphrase)}
        return self.send("POST", f"/api/v1/presence/challenges/{challenge['code']}/confirm", {}, headers)


_WORDS = itertools.count()


def new_word() -> str:
    """Give a word that this process has not given before: of letters only, so that it is nobody's number or key."""
    return "word" + "".join("abcdefghij"[int(digit)] for digit in f"{next(_WORDS):04}")


def override_of(policy_id: str, **more: Any) -> dict[str, Any]:
    """Give the body of a request for an override."""
    return {"policy_id": policy_id, "policy_type": "static", "override_reason": "the user said so", **more}


@functools.cache
def _key(passphrase: str, cost: Cost) -> bytes:
    return client_key(passphrase, cost)


def home_with_policies(home: Path, *, passphrase: str | None = PASSPHRASE) -> Path:
    """Make a home whose agent has the policies above, and the passphrase, in the data folder `data`."""
    (home / "data").mkdir(mode=0o700, parents=True)
    packs = home / ".config" / "axonflow" / "policies"
    packs.mkdir(parents=True)
    for folder in (packs.parent, packs):
        folder.chmod(0o700)
    (packs / "test.toml").write_text(PACK, encoding="utf-8")
    if passphrase is not None:
        enrol(home / "data", passphrase)
    return home


@pytest.fixture(scope="module")
def governed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Governed]:
    """Give one agent that all tests of a module share."""
    folder = tmp_path_factory.mktemp("agent")
    starter = AgentStarter(folder)
    process = starter(home=home_with_policies(folder / "home"))
    assert process.endpoint, process.stderr
    yield Governed(process)
    starter.stop_all()


@pytest.fixture(scope="module")
def in_background() -> Iterator[Callable[[Callable[[], Any]], Callable[[], Any]]]:
    """Give a function that starts work in a thread and gives a function that waits for its result."""
    threads: list[threading.Thread] = []

    def start(work: Callable[[], Any]) -> Callable[[], Any]:
        results: list[Any] = []
        thread = threading.Thread(target=lambda: results.append(work()))
        thread.start()
        threads.append(thread)

        def wait() -> Any:
            thread.join(60)
            assert results
            return results[0]

        return wait

    yield start
    for thread in threads:
        thread.join(60)


def details(row: dict[str, Any]) -> dict[str, Any]:
    """Give the details of an audit row."""
    value: dict[str, Any] = json.loads(row["policy_details"])
    return value
