"""Many calls at once, cancelled calls, calls that take too long, and the messages between calls."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Reply
from tests.proxy.conftest import DEADLINE_S, MASK, SSN
from tests.proxy.patient import PATIENCE_S

if TYPE_CHECKING:
    from tests.proxy.conftest import Agent, World


def test_fast_calls_do_not_wait_for_a_slow_backend(world: World) -> None:
    client = world.client(world.backend("slow"), world.backend("fast"))
    slow = [client.ask("tools/call", {"name": "slow__wait", "arguments": {}}) for _ in range(16)]
    client.until(lambda: len(world.lines("slow", "waiting.txt")) == 16)
    fast = [client.ask("tools/call", {"name": "fast__echo", "arguments": {"n": n}}) for n in range(16)]
    for number, identifier in enumerate(fast):
        assert client.answer(identifier)["result"]["structuredContent"] == {"n": number}
    assert client.request("ping")["result"] == {}
    world.touch("slow", "go")
    for identifier in slow:
        assert "result" in client.answer(identifier)


def test_calls_to_one_backend_run_at_once(world: World) -> None:
    client = world.client()
    waiting = client.ask("tools/call", {"name": "wait", "arguments": {}})
    client.until(lambda: world.lines("one", "waiting.txt"))
    assert "result" in client.call("echo")
    world.touch("one", "go")
    assert "result" in client.answer(waiting)


def test_cancelled_call_is_cancelled_at_the_backend_and_not_answered(world: World) -> None:
    client = world.client()
    asked = client.ask("tools/call", {"name": "wait", "arguments": {}})
    client.until(lambda: world.lines("one", "waiting.txt"))
    client.send({"method": "notifications/cancelled", "params": {"requestId": asked, "reason": "enough"}})
    client.until(lambda: world.lines("one", "cancelled.txt"))
    told = json.loads(world.lines("one", "cancelled.txt")[0])
    assert str(told["requestId"]) == world.lines("one", "waiting.txt")[0]
    client.until(lambda: world.rows("outcome"))
    assert world.rows("outcome")[0]["error"] == "cancelled"
    client.request("ping")
    assert asked not in client.raw


def test_call_that_takes_too_long_is_stopped(world: World) -> None:
    client = world.client(AXONFLOW_BACKEND_TIMEOUT="2s")
    client.until(lambda: "wait" in client.tools())  # on a busy machine that can take longer, too
    error = client.call("wait")["error"]
    assert error["code"] == -32004
    assert error["data"]["executed"] == "unknown"
    (waiting,) = client.until(lambda: world.lines("one", "waiting.txt"))
    client.until(lambda: waiting in world.cancelled("one"))
    client.until(lambda: "result" in client.call("echo"))


def test_progress_is_passed_on_with_its_texts_checked(world: World) -> None:
    client = world.client()
    answer = client.call("steps", {"message": f"at {SSN}"}, _meta={"progressToken": "t-1"})
    assert "result" in answer
    notes = [client.notification("notifications/progress")["params"] for _ in range(1)]
    assert notes[0] == {"progressToken": "t-1", "progress": 0, "total": 3, "message": f"at {MASK}"}


def test_plain_progress_comes_before_the_result(world: World) -> None:
    client = world.client()
    client.call("steps", {}, _meta={"progressToken": 7})
    notes = [client.notification("notifications/progress")["params"]["progress"] for _ in range(3)]
    assert notes == [0, 1, 2]
    assert not [message for message in client._kept if message.get("method") == "notifications/progress"]


def test_log_messages_are_checked(world: World, agent: Agent) -> None:
    client = world.client()
    client.call("log", {"data": {"who": SSN}})
    assert client.notification("notifications/message")["params"]["data"] == {"who": MASK}
    client.call("log", {"data": "poison"})
    client.call("log", {"data": "fine"})
    assert client.notification("notifications/message")["params"]["data"] == "fine"


def test_log_level_reaches_backends(world: World) -> None:
    client = world.client()
    client.tools()
    assert client.request("logging/setLevel", {"level": "warning"})["result"] == {}
    assert client.until(lambda: world.lines("one", "methods.txt")) == ['logging/setLevel {"level": "warning"}']
    assert client.request("logging/setLevel", {"level": "loud"})["error"]["code"] == -32602


@pytest.mark.parametrize(
    ("line", "code", "identifier"),
    [
        pytest.param(b"not json", -32700, None, id="not JSON"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}', -32700, None, id="doubled key"),
        pytest.param(b'{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"n":NaN}}', -32700, None, id="NaN"),
        pytest.param(b"\xff\xfe", -32700, None, id="not UTF-8"),
        pytest.param(b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', -32600, None, id="batch"),
        pytest.param(b'{"id":1,"method":"ping"}', -32600, 1, id="no version"),
        pytest.param(b'{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600, 1, id="old version"),
        pytest.param(b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None, id="null id"),
        pytest.param(b'{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600, None, id="fraction as id"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"nonsense"}', -32601, 1, id="unknown method"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"tools/call"}', -32602, 1, id="no params"),
        pytest.param(b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":5}}', -32602, 1, id="name"),
        pytest.param(
            b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo","arguments":[]}}',
            -32602,
            1,
            id="arguments",
        ),
    ],
)
def test_wrong_messages_are_answered_and_end_nothing(shared: World, line: bytes, code: int, identifier: object) -> None:
    client = shared.clients[0]
    client.write(line + b"\n")
    answer = client.wait(lambda message: "error" in message)
    assert (answer["error"]["code"], answer["id"]) == (code, identifier)
    assert client.request("ping")["result"] == {}


@pytest.fixture
def shared(world: World) -> World:
    world.client()
    return world


def test_call_without_an_id_is_not_executed(world: World) -> None:
    client = world.client()
    client.tools()
    client.send({"method": "tools/call", "params": {"name": "count", "arguments": {}}})
    assert "result" in client.call("echo")
    assert world.lines("one", "count.txt") == []


def test_id_that_is_in_use_is_refused(world: World) -> None:
    client = world.client()
    asked = client.ask("tools/call", {"name": "wait", "arguments": {}})
    client.until(lambda: world.lines("one", "waiting.txt"))
    client.send({"id": asked, "method": "tools/list"})
    assert client.answer(asked)["error"]["code"] == -32600
    world.touch("one", "go")
    assert "result" in client.answer(asked)


def test_large_messages_pass(world: World, agent: Agent) -> None:
    client = world.client()
    text = "word " * 2_000_000
    asked = client.ask(
        "tools/call", {"name": "reply", "arguments": {"result": {"content": [{"type": "text", "text": text}]}}}
    )
    answer = client.answer(asked)
    assert answer["result"]["content"][0]["text"] == text
    assert all(len(request.content) < 1_000_000 for request in agent.server.requests)


def test_large_results_are_masked_wherever_it_stands(world: World) -> None:
    client = world.client()
    text = "word " * 300_000 + SSN + " word" * 100_000
    answer = client.call("reply", {"result": {"content": [{"type": "text", "text": text}]}})
    assert answer["result"]["content"][0]["text"] == text.replace(SSN, MASK)


def test_deny_in_any_piece_of_large_arguments_denies(world: World) -> None:
    client = world.client()
    answer = client.call("count", {"text": "word " * 400_000 + "forbidden"})
    assert answer["error"]["code"] == -32001
    assert world.lines("one", "count.txt") == []


def test_numbers_and_unknown_members_survive_to_the_letter(world: World) -> None:
    client = world.client()
    arguments = b'{"n":99999999999999999999999,"f":1.0,"e":1E5,"deep":{"x":[0.10,-0]},"u":"\\u00e9\\/"}'
    line = b'{"jsonrpc":"2.0","id":77,"method":"tools/call","params":{"name":"echo","arguments":%s,"later":{"a":1}}}\n'
    client.write(line % arguments)
    answer = client.answer(77)["result"]["structuredContent"]
    assert answer == json.loads(arguments)


def test_calls_end_in_peace_when_the_client_leaves(world: World) -> None:
    world.waits["run.GRACE_S"] = PATIENCE_S
    client = world.client()
    asked = client.ask("tools/call", {"name": "wait", "arguments": {}})
    client.until(lambda: world.lines("one", "waiting.txt"))
    assert client.process.stdin is not None
    client.process.stdin.close()
    world.touch("one", "go")
    assert "result" in client.answer(asked)
    assert client.process.wait(DEADLINE_S) == 0


@pytest.mark.skipif(sys.platform != "linux", reason="the limit of another process can be set on Linux alone")
def test_audit_that_cannot_be_written_refuses(world: World) -> None:
    import resource

    client = world.client(AXONFLOW_FAIL_MODE="open")
    client.call("echo")
    size = (world.home / "audit" / "audit.jsonl").stat().st_size
    resource.prlimit(client.process.pid, resource.RLIMIT_FSIZE, (size + 10, size + 10))
    error = client.call("count")["error"]
    assert error["code"] == -32003
    assert "audit" in error["message"]
    assert world.lines("one", "count.txt") == []
    assert len(world.rows()) == 2
    assert (world.home / "audit" / "audit.jsonl").stat().st_size == size, "no torn row is left behind"


def test_slow_agent_times_out(world: World, agent: Agent) -> None:
    client = world.client(AXONFLOW_DECIDE_TIMEOUT="1s")
    client.until(lambda: "count" in client.tools())  # on a busy machine that can take longer, too
    agent.before = lambda request: Reply(act="hang")
    error = client.call("count")["error"]
    assert error["code"] == -32003
    assert "within 1 s" in error["message"]
