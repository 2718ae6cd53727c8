"""Requests of backends to the client: routed, governed, never mistaken for answers."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.backend_side import BackendSide
from axonflow_hooks.proxy.exact_json import Member, UnreadableMessage
from axonflow_hooks.proxy.routes import Progress
from tests.proxy.conftest import MASK, SSN
from tests.proxy.test_hostile_backends import hostile

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, Client, World

EVERYTHING: dict[str, Any] = {"sampling": {}, "elicitation": {}, "roots": {}}


def _connected(world: World, *backends: Any, capabilities: dict[str, Any] | None = None, **settings: str) -> Client:
    client = world.connect(*backends, **settings)
    client.start(EVERYTHING if capabilities is None else capabilities)
    return client


def _asked(client: Client, method: str, params: Any, result: Any) -> tuple[Any, Any]:
    """Have a backend ask the client; give what the client was asked and what the backend was answered."""
    call = client.ask("tools/call", {"name": "ask", "arguments": {"method": method, "params": params}})
    question = client.wait(lambda message: message.get("method") == method)
    client.send({"id": question["id"], "result": result})
    return question["params"], json.loads(client.answer(call)["result"]["content"][0]["text"])


@pytest.mark.parametrize(
    ("method", "params", "result"),
    [
        pytest.param("sampling/createMessage", {"messages": [], "n": 10**20}, {"role": "assistant"}, id="sampling"),
        pytest.param("elicitation/create", {"message": "Who?"}, {"action": "accept", "content": {}}, id="elicitation"),
        pytest.param("roots/list", {}, {"roots": [{"uri": "file:///x"}]}, id="roots"),
    ],
)
def test_requests_reach_the_client_and_its_answers_the_backend(
    world: World, method: str, params: Any, result: Any
) -> None:
    client = _connected(world)
    assert _asked(client, method, params, result) == (params, {"result": result})


def test_withdrawn_question_is_withdrawn_at_the_client(world: World) -> None:
    client = _connected(world)
    asked = {"method": "elicitation/create", "params": {"message": "Who?"}, "withdraw": True}
    call = client.ask("tools/call", {"name": "ask", "arguments": asked})
    question = client.wait(lambda message: message.get("method") == "elicitation/create")
    world.touch("one", "go")
    assert client.notification("notifications/cancelled")["params"]["requestId"] == question["id"]
    assert "withdrawn" in client.answer(call)["result"]["content"][0]["text"]


def test_id_that_looks_like_one_of_ours_is_not_an_answer(world: World) -> None:
    client = _connected(world, world.backend("one", "ask_id=1"))
    client.tools()
    params, answer = _asked(client, "elicitation/create", {"message": "?"}, {"action": "decline"})
    assert (params, answer) == ({"message": "?"}, {"result": {"action": "decline"}})


def test_questions_are_masked(world: World) -> None:
    client = _connected(world)
    params, _ = _asked(client, "elicitation/create", {"message": f"Is it {SSN}?"}, {"action": "decline"})
    assert params == {"message": f"Is it {MASK}?"}


def test_blocked_question_never_reaches_the_client(world: World) -> None:
    client = _connected(world)
    answer = client.call("ask", {"method": "elicitation/create", "params": {"message": "poison"}})
    # The arguments of the call pass; the question does not.
    assert json.loads(answer["result"]["content"][0]["text"])["error"]["code"] == -32001
    assert not [message for message in client._kept if message.get("method") == "elicitation/create"]


def test_denied_answer_never_reaches_the_backend(world: World, agent: Agent) -> None:
    client = _connected(world)
    _, answer = _asked(
        client, "elicitation/create", {"message": "?"}, {"action": "accept", "content": {"a": "forbidden"}}
    )
    assert answer["error"]["code"] == -32001
    assert agent.asked()[-1]["target"]["tool"] == "elicitation/create"
    assert [row["tool_name"] for row in world.rows("outcome") if row["verdict"] == "deny"] == ["elicitation/create"]


def test_what_the_client_does_not_offer_is_refused(world: World) -> None:
    client = _connected(world, capabilities={"roots": {}})
    answer = client.call("ask", {"method": "sampling/createMessage", "params": {}})
    assert json.loads(answer["result"]["content"][0]["text"])["error"]["code"] == -32601


def test_resources_and_prompts_are_governed_too(world: World, agent: Agent) -> None:
    client = _connected(
        world, world.backend("one", "offer=all", "name=one"), world.backend("two", "offer=all", "name=two")
    )
    listed = [item["uri"] for item in client.request("resources/list")["result"]["resources"]]
    assert listed == ["test://one/a", "test://two/a"]
    assert len(client.request("resources/templates/list")["result"]["resourceTemplates"]) == 2
    (world.folder / "two" / "resource.txt").write_text(f"it is {SSN}")
    read = client.request("resources/read", {"uri": "test://two/b"})["result"]
    assert read["contents"][0]["text"] == f"it is {MASK}"
    assert world.lines("two", "resources.txt") == ["test://two/b"]
    assert agent.asked()[-1]["target"] == {"type": "tool", "server": "two", "tool": "resources/read"}
    prompts = [item["name"] for item in client.request("prompts/list")["result"]["prompts"]]
    assert prompts == ["one__greet", "two__greet"]
    got = client.request("prompts/get", {"name": "two__greet", "arguments": {"who": SSN}})["result"]
    assert got["messages"][0]["content"]["text"] == f"Greet {MASK}"
    ref = {"type": "ref/prompt", "name": "one__greet"}
    completed = client.request("completion/complete", {"ref": ref, "argument": {"name": "who", "value": "x"}})
    assert completed["result"]["completion"]["values"] == ["greet"]
    denied = client.request("prompts/get", {"name": "one__greet", "arguments": {"who": "forbidden"}})
    assert denied["error"]["code"] == -32001
    assert {"resources/read", "prompts/get", "completion/complete"} <= {row["tool_name"] for row in world.rows()}


def test_subscriptions_reach_their_backend(world: World) -> None:
    client = _connected(world, world.backend("one", "offer=all"))
    assert client.request("resources/subscribe", {"uri": "test://one/a"})["result"] == {}
    assert world.lines("one", "methods.txt") == ['resources/subscribe {"uri": "test://one/a"}']


def test_roots_change_is_told(world: World) -> None:
    client = _connected(world)
    client.tools()
    client.send({"method": "notifications/roots/list_changed"})
    client.until(lambda: "notifications/roots/list_changed" in world.lines("one", "notifications.txt"))


def test_id_in_use_is_refused_whatever_its_question(world: World) -> None:
    client = _connected(world, hostile(world))
    asking = {"id": 7, "method": "sampling/createMessage", "params": {"messages": []}}
    client.call("say", {"send": [asking] * 300})
    question = client.wait(lambda message: message.get("method") == "sampling/createMessage")
    client.request("ping")
    assert not [message for message in client._kept if message.get("method") == "sampling/createMessage"]
    client.send({"id": question["id"], "result": {"role": "assistant"}})
    client.until(lambda: len(world.lines("one", "heard.txt")) == 300)
    heard = [json.loads(line) for line in world.lines("one", "heard.txt")]
    assert sum("result" in answer for answer in heard) == 1
    assert {answer["error"]["code"] for answer in heard if "error" in answer} == {-32600}
    again = client.ask("tools/call", {"name": "say", "arguments": {"send": [asking]}})  # it is free by now
    client.wait(lambda message: message.get("method") == "sampling/createMessage")
    client.answer(again)


def test_cancellation_finds_its_question_however_the_id_is_written(world: World) -> None:
    client = _connected(world, hostile(world))
    identifier = "\u00e9"  # json.dumps escapes it, other writers do not
    raw = f'{{"jsonrpc":"2.0","id":"{identifier}","method":"elicitation/create","params":{{"message":"?"}}}}'
    client.call("say", {"raw": raw + '\n{"jsonrpc":"2.0","id":"$ID","result":{}}'})
    question = client.wait(lambda message: message.get("method") == "elicitation/create")
    client.call("say", {"send": [{"method": "notifications/cancelled", "params": {"requestId": identifier}}]})
    assert client.notification("notifications/cancelled")["params"]["requestId"] == question["id"]


class Faulty:
    """A response plane that fails on what holds "fault", as no foreseen answer would."""

    async def check(self, target: Any, value: Any, raw: str, *, binary: str) -> Any:
        if "fault" in raw:
            raise UnreadableMessage("a key stands twice in one object")
        return SimpleNamespace(raw=raw)


def test_notice_that_cannot_be_checked_is_the_only_one_dropped() -> None:
    shown: list[str | None] = []
    said: list[str] = []

    async def notices() -> None:
        router: Any = SimpleNamespace(shaken=True, unread=lambda: 0, notify=lambda method, params: shown.append(params))
        progress = Progress("one")
        routes: Any = SimpleNamespace(tokens={"t": progress}, subscribed={})
        planes: Any = SimpleNamespace(responses=Faulty())
        diagnostics: Any = SimpleNamespace(say=said.append)
        unused: Any = None
        side = BackendSide("one", "forward", router, routes, planes, diagnostics, {}, unused, unused)
        for params in (
            {"level": "info", "data": "fault"},
            {"progressToken": "t", "progress": 1, "message": "fault"},
            {"progressToken": "t", "progress": 2, "message": "step"},
            {"level": "info", "data": "fine"},
        ):
            method = "notifications/progress" if "progress" in params else "notifications/message"
            side.on_notification(unused, method, Member(params, json.dumps(params)))
        await asyncio.wait_for(progress.settled.wait(), 60)
        while len(shown) < 2:
            await asyncio.sleep(0)
        side.stop()
        await asyncio.gather(*side._tasks, return_exceptions=True)

    asyncio.run(asyncio.wait_for(notices(), 60))
    assert [json.loads(params or "")["message" if index == 0 else "data"] for index, params in enumerate(shown)] == [
        "step",
        "fine",
    ]
    assert [line for line in said if "UnreadableMessage" in line] == said
    assert len(said) == 2


def test_log_level_is_answered_without_the_backend_that_is_slow(world: World) -> None:
    slow = hostile(world, "slow", "silent=logging/setLevel")
    client = _connected(world, slow, world.backend("two"), AXONFLOW_BACKEND_TIMEOUT="600s")
    client.tools()
    for level in ("info", "debug"):  # at once, not after 600 s
        assert client.request("logging/setLevel", {"level": level})["result"] == {}
    client.until(lambda: world.lines("two", "methods.txt")[-1:] == ['logging/setLevel {"level": "debug"}'])
    assert client.until(lambda: world.lines("slow", "silent.txt")) == ['{"level": "info"}']  # one at a time


def test_bursts_of_changed_lists_are_gathered(world: World) -> None:
    client = _connected(world, hostile(world))
    assert client.tools() == ["say"]
    changed = {"method": "notifications/tools/list_changed"}
    client.call("say", {"send": [changed] * 5_000})
    client.notification("notifications/tools/list_changed")
    (world.folder / "one" / "tools.txt").write_text("late")
    client.call("say", {"send": [changed]})
    client.notification("notifications/tools/list_changed")
    assert client.tools() == ["say", "late"]
    announced = [message for message in client._kept if message.get("method") == "notifications/tools/list_changed"]
    assert len(announced) < 500
