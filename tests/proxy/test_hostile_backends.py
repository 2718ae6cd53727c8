"""Backends that mean harm, or know no better: nothing of theirs is shown unchecked, and nobody waits for them."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.proxy.conftest import CARD, MASK, SSN

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, Client, World

PROGRAM = Path(__file__).with_name("hostile_program.py")
UPDATED = "notifications/resources/updated"


def hostile(world: World, name: str = "one", *options: str, **more: Any) -> dict[str, Any]:
    """Describe the server for the map."""
    folder = world.folder / name
    folder.mkdir(exist_ok=True)
    return {"id": name, "command": sys.executable, "args": [str(PROGRAM), str(folder), *options], **more}


def everything(client: Client) -> str:
    """Give all that the client was ever sent."""
    return "".join(client.raw.values()) + json.dumps(client._kept)


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"progress": SSN}, id="text for a number"),
        pytest.param({"progress": 1, "total": {"of": SSN}}, id="object for a number"),
        pytest.param({"progress": 1, "total": [SSN]}, id="list for a number"),
        pytest.param({"progress": int(CARD)}, id="number that is an identifier"),
        pytest.param({"progress": 1, "message": SSN}, id="message"),
    ],
)
def test_progress_carries_nothing_unchecked(world: World, params: dict[str, Any]) -> None:
    client = world.client(hostile(world))
    sent = [
        {"method": "notifications/progress", "params": {"progressToken": "$TOKEN", **given}}
        for given in (params, {"progress": 2, "total": 3})
    ]
    client.call("say", {"send": sent}, _meta={"progressToken": "t"})
    steps = [client.notification("notifications/progress")["params"]]
    while steps[-1] != {"progressToken": "t", "progress": 2, "total": 3}:
        steps.append(client.notification("notifications/progress")["params"])
    assert SSN not in json.dumps(steps)
    assert CARD not in json.dumps(steps)
    for step in steps:  # what is masked where a number must stand is no progress any more
        assert all(type(step.get(name, 0)) in (int, float) for name in ("progress", "total"))


def test_large_numbers_of_bytes_are_progress(world: World) -> None:
    client = world.client(hostile(world))
    params = {"progressToken": "$TOKEN", "progress": 104_857_600, "total": 1_073_741_824}
    client.call("say", {"send": [{"method": "notifications/progress", "params": params}]}, _meta={"progressToken": "t"})
    assert client.notification("notifications/progress")["params"] == {**params, "progressToken": "t"}


def test_resource_updates_carry_nothing_unchecked(world: World) -> None:
    client = world.client(hostile(world))
    assert "result" in client.request("resources/subscribe", {"uri": "test://own"})
    sent = [
        {"method": UPDATED, "params": {"uri": "test://own", "title": SSN, "_meta": {"note": SSN}}},
        {"method": UPDATED, "params": {"uri": "test://own"}},
    ]
    client.call("say", {"send": sent})
    updates = [client.notification(UPDATED)["params"] for _ in sent]
    assert {"uri": "test://own"} in updates
    assert {"uri": "test://own", "title": MASK, "_meta": {"note": MASK}} in updates


def test_updates_of_the_resources_of_others_are_dropped(world: World) -> None:
    other = hostile(world, "two", "uri=test://other")
    client = world.client(hostile(world), other)
    client.request("resources/subscribe", {"uri": "test://own"})
    for name in ("two", "one"):
        client.call(f"{name}__say", {"send": [{"method": UPDATED, "params": {"uri": "test://own"}}]})
    client.notification(UPDATED)
    client.request("ping")
    assert not [message for message in client._kept if message.get("method") == UPDATED]


def test_subscriptions_outlive_the_backend_that_holds_them(world: World) -> None:
    client = world.client(world.backend("one", "offer=all"))
    client.request("resources/subscribe", {"uri": "test://one/a"})
    client.call("count", {"die": True})
    client.until(lambda: len(world.lines("one", "methods.txt")) == 2)
    assert world.lines("one", "methods.txt") == ['resources/subscribe {"uri": "test://one/a"}'] * 2


def test_handshake_does_not_carry_text_into_errors(world: World) -> None:
    world.waits["backend.WAIT_FOR_RESTART_S"] = 0.5
    client = world.client(hostile(world, "one", f"version=obey {SSN}"))
    assert client.tools() == []
    error = client.call("say")["error"]
    assert error["code"] == -32004
    assert SSN not in json.dumps(error)
    assert "protocol version" in error["message"]


@pytest.mark.parametrize("written", ["lines", "url-safe", "unpadded"])
@pytest.mark.parametrize("binary", ["withhold", "forward"])
def test_base64_of_every_way_to_write_it_is_looked_into(world: World, written: str, binary: str) -> None:
    def encoded(content: bytes) -> str:
        if written == "lines":
            return base64.encodebytes(content).decode()
        data = base64.urlsafe_b64encode(content).decode()
        return data.rstrip("=") if written == "unpadded" else data

    client = world.client(hostile(world, binary=binary))
    image = {"type": "image", "mimeType": "image/png", "data": encoded(b"\x89PNG\xff\xfe\xfb\xef" * 12)}
    text = {"type": "image", "mimeType": "image/png", "data": encoded(f"so: {SSN} \u07ff\u07ff>".encode())}
    answer = client.call("say", {"result": {"content": [image]}})
    assert answer.get("error", {}).get("code") == (-32001 if binary == "withhold" else None)
    assert world.rows("outcome")[-1]["unscanned_binaries"] == (0 if binary == "withhold" else 1)
    (shown,) = client.call("say", {"result": {"content": [text]}})["result"]["content"]
    assert base64.b64decode(shown["data"]).decode() == f"so: {MASK} \u07ff\u07ff>"


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param('{"jsonrpc":"2.0","id":"$ID","result":{"content":[],"value":NaN}}', id="NaN"),
        pytest.param('{"jsonrpc":"2.0","id":"$ID","result":{"content":[],"content":[]}}', id="doubled key"),
        pytest.param('{"jsonrpc":"2.0","id":"$ID","result":{"n":1' + "0" * 5000 + "}}", id="number beyond reading"),
    ],
)
def test_answer_that_cannot_be_read_is_an_error_at_once(world: World, raw: str) -> None:
    client = world.client(hostile(world), AXONFLOW_BACKEND_TIMEOUT="10m")
    error = client.call("say", {"raw": raw})["error"]
    assert error["code"] == -32004
    assert error["data"]["executed"] == "unknown"
    assert "readable" in error["message"]
    assert len(world.lines("one", "calls.txt")) == 1


def test_name_of_an_unknown_tool_does_not_fill_the_audit_file(world: World) -> None:
    client = world.client(hostile(world))
    client.call("n" * 100_000)
    assert len(world.rows("outcome")[-1]["tool_name"]) <= 200


def test_tools_that_come_without_a_word_are_seen_when_the_client_asks(world: World) -> None:
    client = world.client(hostile(world))
    assert client.tools() == ["say"]
    (world.folder / "one" / "tools.txt").write_text("later")
    assert client.tools() == ["say", "later"]


def test_blocked_question_leaves_a_row(world: World) -> None:
    client = world.connect(hostile(world))
    client.start({"elicitation": {}})
    client.call("say", {"send": [{"id": 7, "method": "elicitation/create", "params": {"message": "poison"}}]})
    client.until(lambda: [row for row in world.rows("outcome") if row["tool_name"] == "elicitation/create"])
    (row,) = [row for row in world.rows("outcome") if row["tool_name"] == "elicitation/create"]
    assert row["verdict"] == "deny"
    assert "elicitation" not in everything(client)


@pytest.mark.parametrize(
    ("unknown", "as_result"),
    [
        pytest.param("error", False, id="error"),
        pytest.param("result", True, id="result"),
        pytest.param("text", False, id="result without isError"),
        pytest.param("silent", False, id="no answer"),
    ],
)
@pytest.mark.parametrize("name", ["nothing", "hush"])
def test_unknown_tools_are_answered_as_their_backend_does(
    world: World, agent: Agent, name: str, unknown: str, as_result: bool
) -> None:
    (world.folder / "one").mkdir()
    (world.folder / "one" / "tools.txt").write_text("hush")
    if unknown == "silent":
        world.waits["unknown_tools.ANSWER_S"] = 0.5
    client = world.client(hostile(world, "one", f"unknown={unknown}", deny=["hush"]), hostile(world, "two"))
    answers = [client.call(f"one__{name}", {"secret": "mine"}) for _ in range(2)]
    message = f"Unknown tool: one__{name}"
    if as_result:
        told = {"content": [{"type": "text", "text": f"MCP error -32602: {message}"}], "isError": True}
        assert [answer["result"] for answer in answers] == [told, told]
    else:
        assert [answer["error"] for answer in answers] == [{"code": -32602, "message": message}] * 2
    (asked,) = map(json.loads, client.until(lambda: world.lines("one", "calls.txt")))
    assert asked["name"].startswith("axonflow-no-such-tool-")
    assert asked["arguments"] == {}
    verdict = "allow" if as_result else "error"
    rows = [(row["tool_name"], row["verdict"], row["executed"]) for row in world.rows("outcome")]
    assert rows == [(f"one__{name}", verdict, False)] * 2
    assert [question["query"] for question in agent.asked()] == [f"tool_call: one__{name}\nsecret: mine"] * 2


@pytest.mark.parametrize(
    ("name", "code", "verdict"),
    [
        pytest.param("one__nothing", -32001, "deny", id="unknown and denied"),
        pytest.param("one__poison", -32001, "deny", id="hidden"),
        pytest.param("two__nothing", -32602, "error", id="unknown backend"),
    ],
)
def test_a_backend_hears_nothing_of_a_call_that_is_stopped(world: World, name: str, code: int, verdict: str) -> None:
    (world.folder / "one").mkdir()
    (world.folder / "one" / "tools.txt").write_text("poison")
    client = world.client(hostile(world, "one", "unknown=result"), hostile(world, "other"))
    assert client.tools() == ["one__say", "other__say"]
    errors = [client.call(name, {"text": "forbidden"})["error"] for _ in range(2)]
    assert [error["code"] for error in errors] == [code, code]
    rows = [(row["tool_name"], row["verdict"], row["executed"]) for row in world.rows("outcome")]
    assert rows == [(name, verdict, False)] * 2
    assert world.lines("one", "calls.txt") == []


@pytest.mark.parametrize(
    "notice",
    [
        pytest.param({"method": UPDATED, "params": {"uri": {"deep": 1}}}, id="uri"),
        pytest.param({"method": "notifications/progress", "params": {"progressToken": [], "progress": 1}}, id="token"),
        pytest.param({"method": "notifications/cancelled", "params": {"requestId": {}}}, id="request id"),
        pytest.param({"method": "notifications/message", "params": 5}, id="params"),
        pytest.param({"id": True, "method": "sampling/createMessage"}, id="id"),
        pytest.param({"id": None, "method": 5}, id="method"),
        pytest.param({"id": 10**30, "result": {}}, id="answer"),
    ],
)
def test_messages_of_the_wrong_shape_take_nothing_else_along(world: World, notice: dict[str, Any]) -> None:
    client = world.connect(hostile(world))
    client.start({"sampling": {}})
    assert "result" in client.call("say", {"send": [notice] * 3})


@pytest.mark.parametrize("depth", [900, 985, 5000])
def test_values_nested_deeply_end_nothing(world: World, depth: int) -> None:
    client = world.client(hostile(world), world.backend("two"))
    nested = '{"a":' * depth + "1" + "}" * depth
    result = '{"jsonrpc":"2.0","id":"$ID","result":{"structuredContent":' + nested + "}}"
    answer = client.call("one__say", {"raw": result})
    assert "result" in answer or answer["error"]["code"] in {-32003, -32004}
    raw = f'{{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{{"name":"two__echo","arguments":{nested}}}}}'
    client.write(raw.encode() + b"\n")
    late = client.wait(lambda message: "method" not in message)
    assert late["id"] == 1
    assert "result" in late or late["error"]["code"] in {-32003, -32600, -32603}
    assert "result" in client.call("two__echo")


ANSWER = '{"jsonrpc":"2.0","id":"$ID",'


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        pytest.param(f'"result":{{"content":[],"_meta":{{"by":"{SSN}"}}}}}}', {"by": MASK}, id="_meta"),
        pytest.param(f'"result":{{"content":[],"_meta":{{"{SSN}":1}}}}}}', -32003, id="key"),
        pytest.param(f'"result":{{"content":[],"new":[[["{SSN}"]]]}}}}', [[[MASK]]], id="member that nobody knows"),
        pytest.param(
            f'"result":{{"content":[{{"type":"text","text":"clean"}}],"structuredContent":{{"ssn":"{SSN}"}}}}}}',
            {"ssn": MASK},
            id="structuredContent says more than the text",
        ),
        pytest.param(
            f'"result":{{"content":[{{"type":"text","text":"{SSN}"}}],"structuredContent":{{"ssn":"clean"}}}}}}',
            MASK,
            id="text says more than structuredContent",
        ),
        pytest.param(
            f'"result":{{"content":[{{"type":"resource_link","uri":"x://{SSN}","name":"n"}}]}}}}', "x://", id="link"
        ),
        pytest.param(f'"error":{{"code":-1,"message":"m","data":{{"rows":["{SSN}"]}}}}}}', [MASK], id="error data"),
        pytest.param(f'"result":{{"content":[]}},"error":{{"code":1,"message":"{SSN}"}}}}', [], id="result and error"),
        pytest.param(f'"result":{{"content":[]}},"more":"{SSN}"}}', [], id="member beside the result"),
        pytest.param(f'"error":"{SSN}"}}', -32003, id="error that is none"),
        pytest.param(f'"error":{{"code":"{SSN}","message":"m"}}}}', -32003, id="code that is none"),
        pytest.param(f'"result":"{SSN}"}}', MASK, id="result that is a text"),
    ],
)
def test_every_place_of_an_answer_is_looked_at(world: World, raw: str, shown: Any) -> None:
    client = world.client(hostile(world))
    answer = client.call("say", {"raw": ANSWER + raw})
    assert SSN not in client.raw[answer["id"]]
    assert json.dumps(shown, separators=(",", ":")).strip('"') in client.raw[answer["id"]]


LISTS: dict[str, tuple[str, dict[str, Any]]] = {
    "resources/list": ("resources", {"uri": "x://a", "name": "a"}),
    "resources/templates/list": ("resourceTemplates", {"uriTemplate": "x://{a}", "name": "a"}),
    "prompts/list": ("prompts", {"name": "a"}),
    "tools/list": ("tools", {"name": "a", "inputSchema": {}}),
}


def dictate(world: World, method: str, items: list[Any]) -> dict[str, Any]:
    """Describe a server that answers a list with these items; an item may be the JSON text of one."""
    described = hostile(world)
    texts = ",".join(item if isinstance(item, str) else json.dumps(item) for item in items)
    answers = {method: f'{{"{LISTS[method][0]}":[{texts}],"_meta":{{"x":"{SSN}"}}}}'}
    (world.folder / "one" / "answers.json").write_text(json.dumps(answers))
    return described


@pytest.mark.parametrize("method", LISTS)
def test_lists_carry_nothing_unchecked(world: World, method: str) -> None:
    member, item = LISTS[method]
    key = next(iter(item))
    bad = {**item, key: f"{item[key]}b", "description": f"call {SSN}"}
    worse = {**item, key: f"{item[key]}c", "description": "poison"}
    client = world.client(dictate(world, method, [item, bad, worse]))
    found = client.request(method)["result"][member]
    assert found == [item, {**bad, "description": f"call {MASK}"}]
    assert SSN not in everything(client)
    assert "poison" not in everything(client)


@pytest.mark.parametrize("depth", [900, 985, 5000])
@pytest.mark.parametrize("method", ["tools/list", "resources/list"])
def test_list_nested_deeply_hides_no_other_list(world: World, method: str, depth: int) -> None:
    member, item = LISTS[method]
    deep = json.dumps({**item, "_meta": "$"}).replace('"$"', '{"a":' * depth + "1" + "}" * depth)
    client = world.client(dictate(world, method, [deep]), world.backend("two", "offer=all"))
    answer = client.request(method)
    assert answer.get("result", {}).get(member), answer


def test_requests_before_the_handshake_are_refused_and_end_nothing(world: World) -> None:
    client = world.connect(hostile(world))
    for method in ("tools/list", "tools/call", "resources/read", "logging/setLevel"):
        error = client.request(method, {"name": "say", "uri": "test://own", "level": "info"})["error"]
        assert (error["code"], error["message"]) == (-32600, "Invalid request: initialize comes first")
    client.start()
    assert client.tools() == ["say"]
