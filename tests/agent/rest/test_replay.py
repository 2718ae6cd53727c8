"""What a replay repeats of the first answer (wire 1.1), on a real database."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.access import access_of
from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.mcp.sessions import Sessions
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.agent.rest.replay import answer_once
from axonflow_hooks.agent.runtime import Agent
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.writer import Writer
from axonflow_hooks.agent.tables.records import Caller
from axonflow_hooks.policy import Engine

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

REPLAYED = {"Idempotent-Replayed": "true"}
HEADERS = {"X-Axonflow-Read-Scope": "tenant", "Link": "</v2>; rel=successor-version"}
OF_ONE_ANSWER = {"Retry-After": "3", "Date": "Sun, 06 Nov 1994 08:49:37 GMT", "content-length": "2"}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    tmp_path.chmod(0o700)
    database = open_database(tmp_path)
    writing = Writer(database.engine)
    access = access_of("http://127.0.0.1:8080", "local", "s3cret")
    yield Agent(Engine([]), database, writing, access, Sessions(), frozenset())
    writing.close()
    database.close()


def asked(agent: Agent, outcome: RestReply | RestRefused, key: str | None = "key") -> RestReply:
    """Ask an idempotent route that would give `outcome`, were it run."""

    async def run(_agent: Agent, _call: RestCall) -> RestReply:
        if isinstance(outcome, RestRefused):
            raise outcome
        return outcome

    endpoint = Endpoint("POST", "/route", run, "A route", "Tests", idempotent=True)
    call = RestCall(Caller("client"), {}, {}, {"a": 1}, 7, {}, key)
    return asyncio.run(answer_once(agent, endpoint, call))


@pytest.mark.parametrize(
    "outcome",
    [
        RestReply({"n": 1}, 201, {**HEADERS, **OF_ONE_ANSWER}),
        RestRefused(409, "no", headers={**HEADERS, **OF_ONE_ANSWER}),
    ],
    ids=["answer", "refusal"],
)
def test_a_replay_has_the_headers_of_the_first_answer_but_those_of_that_one_alone(
    agent: Agent, outcome: RestReply | RestRefused
) -> None:
    first = asked(agent, outcome)
    assert first.headers == {**HEADERS, **OF_ONE_ANSWER}
    again = asked(agent, RestReply({"n": 2}))
    assert (again.value, again.status) == (first.value, first.status)
    assert again.headers == {**HEADERS, **REPLAYED}


@pytest.mark.parametrize(
    ("first", "key", "headers"),
    [
        (RestReply({"n": 1}), "key", REPLAYED),
        (RestReply({"n": 1}, 503, HEADERS), "key", {}),
        (RestReply({"n": 1}, 200, HEADERS), None, {}),
    ],
    ids=["without-headers", "fault-is-not-replayed", "without-key"],
)
def test_what_else_is_answered(agent: Agent, first: RestReply, key: str | None, headers: Mapping[str, Any]) -> None:
    assert asked(agent, first, key).headers == first.headers
    assert asked(agent, RestReply({"n": 2}), key).headers == headers
