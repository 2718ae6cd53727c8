"""The client's progress with a backend's question: it reaches who has asked, as numbers, and nobody else."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.client_progress import ClientProgress
from axonflow_hooks.proxy.exact_json import Member
from tests.proxy.test_hostile_backends import hostile

if TYPE_CHECKING:
    from tests.proxy.conftest import Client, World

SAMPLING = "sampling/createMessage"


def _member(value: Any) -> Member:
    return Member(value, json.dumps(value))


def _ask_the_client(client: Client, tool: str, token: Any) -> Any:
    """Have a backend ask the client, and give what reached it."""
    params = {"messages": [], "_meta": {"progressToken": token, "theirs": 1}}
    client.call(tool, {"send": [{"id": token, "method": SAMPLING, "params": params}]})
    question = client.wait(lambda message: message.get("method") == SAMPLING)
    assert question["params"]["_meta"]["theirs"] == 1
    return question


def _report(client: Client, token: Any, **report: Any) -> None:
    client.send({"method": "notifications/progress", "params": {"progressToken": token, **report}})


def test_two_backends_with_the_same_token_hear_of_their_own_question(world: World) -> None:
    client = world.connect(hostile(world, "one"), hostile(world, "two"))
    client.start({"sampling": {}})
    asked = {name: _ask_the_client(client, f"{name}__say", 5) for name in ("one", "two")}
    tokens = {name: question["params"]["_meta"]["progressToken"] for name, question in asked.items()}
    assert len({*tokens.values()}) == 2
    _report(client, tokens["two"], progress=1, total=2.5, message="forbidden 123-45-" + "6789")
    _report(client, tokens["one"], progress=3)
    heard = {"one": {"progressToken": 5, "progress": 3}, "two": {"progressToken": 5, "progress": 1, "total": 2.5}}
    client.until(lambda: all(world.lines(name, "progress.txt") for name in heard))
    assert {name: json.loads(world.lines(name, "progress.txt")[0]) for name in heard} == heard
    client.send({"id": asked["one"]["id"], "result": {"role": "assistant"}})
    client.until(lambda: world.lines("one", "heard.txt"))
    _report(client, tokens["one"], progress=4)  # its question has been answered
    again = _ask_the_client(client, "one__say", 6)
    _report(client, again["params"]["_meta"]["progressToken"], progress=1)
    client.until(lambda: len(world.lines("one", "progress.txt")) == 2)
    assert json.loads(world.lines("one", "progress.txt")[1]) == {"progressToken": 6, "progress": 1}


@pytest.mark.parametrize(
    "report",
    [
        pytest.param({"progress": 10**9}, id="somebody's number"),
        pytest.param({"progress": "half"}, id="no number"),
        pytest.param({"progress": 1, "total": "all"}, id="no total"),
        pytest.param({"progress": True}, id="yes"),
        pytest.param({"total": 3}, id="no progress"),
        pytest.param({"progressToken": 5, "progress": 1}, id="the backend's token"),
        pytest.param({"progressToken": "axf-p-2", "progress": 1}, id="nobody's token"),
        pytest.param({"progressToken": ["axf-p-1"], "progress": 1}, id="no token"),
    ],
)
def test_what_tells_no_progress_is_dropped(report: dict[str, Any]) -> None:
    progress, told = ClientProgress(), list[str]()
    _, token = progress.enter('{"_meta":{"progressToken":5}}', told.append)
    progress.take(_member({"progressToken": token, **report}))
    assert told == []
    progress.take(_member({"progressToken": token, "progress": 0.5}))
    assert told == ['{"progressToken":5,"progress":0.5}']


@pytest.mark.parametrize("params", [None, Member([], "[]"), Member("x", '"x"')], ids=["none", "list", "text"])
def test_reports_that_are_none(params: Member | None) -> None:
    ClientProgress().take(params)


@pytest.mark.parametrize(
    "params",
    ['{"messages":[]}', '{"_meta":{}}', '{"_meta":{"progressToken":null}}', '{"_meta":{"progressToken":1.5}}', "[]"],
)
def test_questions_that_want_no_progress_stay_as_they_are(params: str) -> None:
    assert ClientProgress().enter(params, lambda _: None) == (params, "")


def test_all_else_of_a_question_stays_as_it_was_written() -> None:
    asked = '{"n":1e400, "_meta": {"a": 1.0, "progressToken":"\\u0061"}}'
    given, token = ClientProgress().enter(asked, lambda _: None)
    assert given == f'{{"n":1e400,"_meta":{{"a":1.0,"progressToken":"{token}"}}}}'
