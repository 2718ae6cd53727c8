"""Calls of a warm proxy go the straight way, and whatever is not plain ends as it does on any other way."""

from __future__ import annotations

import asyncio
import json
import os
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.proxy.agent_link import Answer, Exchange
from axonflow_hooks.proxy.assembly import assemble
from axonflow_hooks.proxy.backend_map import load_backends
from axonflow_hooks.proxy.catalogue import TOOLS, Catalogue, Item
from axonflow_hooks.proxy.diagnostics import Diagnostics
from axonflow_hooks.proxy.pending import Pending
from axonflow_hooks.proxy.rpc import Session
from axonflow_hooks.proxy.settings import load_proxy_settings
from tests.conftest import Reply
from tests.proxy.conftest import MASK, SSN

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.proxy.assembly import Assembly
    from tests.conftest import Received
    from tests.proxy.conftest import Agent, Client, World

CHECK_OUTPUT = "/api/v1/mcp/check-output"
DECIDE = "/api/v1/decide"


def _warm(world: World, **settings: str) -> Client:
    """Give a client whose proxy knows the tools, and has a connection to the agent that is free."""
    client = world.client(**settings)
    client.tools()
    assert "result" in client.call("echo", {"text": "warm"})
    return client


def _text(value: str) -> dict[str, Any]:
    return {"content": [{"type": "text", "text": value}]}


def _row(world: World, client: Client) -> dict[str, Any]:
    """Give the outcome of the call after the first, each of whose rows stands there once."""
    client.until(lambda: len(world.rows("outcome")) > 1)
    (row,) = world.rows("outcome")[1:]
    intents = [intent for intent in world.rows("intent") if intent["call_id"] == row["call_id"]]
    assert len(intents) == (0 if row["executed"] is False else 1)
    return row


@pytest.mark.parametrize(
    ("result", "shown", "error", "redactions"),
    [
        pytest.param(_text("fine"), _text("fine"), None, 0, id="clean"),
        pytest.param(
            {**_text("no such file"), "isError": True},
            {**_text("no such file"), "isError": True},
            "the tool reported an error",
            0,
            id="error of the tool",
        ),
        pytest.param(_text(f"ssn {SSN}"), _text(f"ssn {MASK}"), None, 1, id="masked text"),
        pytest.param(
            {"content": [], "structuredContent": {"rows": [{"ssn": SSN, "n": 10**30}, {"ssn": "none"}]}},
            {"content": [], "structuredContent": {"rows": [{"ssn": MASK, "n": 10**30}, {"ssn": "none"}]}},
            None,
            1,
            id="masked rows",
        ),
        pytest.param({"content": []}, {"content": []}, None, 0, id="nothing to check"),
        pytest.param(_text("long " * 10_000), _text("long " * 10_000), None, 0, id="long"),
    ],
)
def test_results(
    world: World, agent: Agent, result: dict[str, Any], shown: dict[str, Any], error: str | None, redactions: int
) -> None:
    client = _warm(world)
    checks = len(agent.asked(CHECK_OUTPUT))
    assert client.call("reply", {"result": result})["result"] == shown
    row = _row(world, client)
    assert (row["verdict"], row["error"], row["redaction_count"]) == ("allow", error, redactions)
    assert len(agent.asked()) == 2
    assert len(agent.asked(CHECK_OUTPUT)) - checks <= 1


def test_a_result_that_policy_warns_of_has_a_note_and_is_asked_about_once(world: World, agent: Agent) -> None:
    client = _warm(world)
    checks = len(agent.asked(CHECK_OUTPUT))
    given = {**_text(f"obey me, {SSN}"), "structuredContent": {"n": 10**30}, "isError": True}
    result = client.call("reply", {"result": given})["result"]
    note = result["content"].pop()
    assert result == {**_text(f"obey me, {MASK}"), "structuredContent": {"n": 10**30}, "isError": True}
    assert note["text"].startswith("Note of the AxonFlow proxy, not of the tool.")
    assert "Orders (pol_warn) [decision: out-1]" in note["text"]
    row = _row(world, client)
    assert (row["verdict"], row["redaction_count"], row["warning_count"]) == ("allow", 1, 1)
    assert len(agent.asked(CHECK_OUTPUT)) - checks == 1


@pytest.mark.parametrize(
    ("name", "arguments", "code", "verdict", "executed"),
    [
        pytest.param("count", {"text": "forbidden"}, -32001, "deny", False, id="denied"),
        pytest.param("reply", {"result": _text("poison")}, -32001, "deny", True, id="result blocked"),
        pytest.param("fail", {"message": "no table"}, -32000, "allow", True, id="error of the backend"),
        pytest.param("count", {"die": True}, -32004, "error", None, id="backend killed"),
    ],
)
def test_errors(
    world: World, name: str, arguments: dict[str, Any], code: int, verdict: str, executed: bool | None
) -> None:
    client = _warm(world)
    assert client.call(name, arguments)["error"]["code"] == code
    row = _row(world, client)
    assert (row["verdict"], row["executed"]) == (verdict, executed)
    assert len(world.lines("one", "count.txt")) == (1 if "die" in arguments else 0)


@pytest.mark.parametrize(
    ("path", "reply", "code"),
    [
        pytest.param(DECIDE, Reply(500, {"error": "x"}), -32003, id="no decision"),
        pytest.param(DECIDE, Reply(200, {"verdict": "maybe"}), -32003, id="unknown verdict"),
        pytest.param(DECIDE, Reply(act="cut"), -32003, id="decision cut off"),
        pytest.param(CHECK_OUTPUT, Reply(500, {"error": "x"}), -32003, id="no check"),
        pytest.param(CHECK_OUTPUT, Reply(200, {"allowed": True}), -32003, id="redaction not evaluated"),
        pytest.param(
            CHECK_OUTPUT,
            Reply(200, {"allowed": True, "redaction_evaluated": True, "redacted_data": [1]}),
            -32003,
            id="masked in another shape",
        ),
    ],
)
def test_agent_that_does_not_say_yes(world: World, agent: Agent, path: str, reply: Reply, code: int) -> None:
    client = _warm(world)
    agent.before = lambda request: reply if request.path == path else None
    assert client.call("count", {"text": "x"})["error"]["code"] == code
    assert len(world.lines("one", "count.txt")) == (0 if path == DECIDE else 1)
    assert _row(world, client)["verdict"] == "error"


def test_connection_that_the_agent_has_closed_is_replaced(world: World, agent: Agent) -> None:
    client = _warm(world)
    refused: list[Received] = []

    def once(request: Received) -> Reply | None:
        if refused or request.path != DECIDE:
            return None
        refused.append(request)
        return Reply(act="reset")

    agent.before = once
    answer = client.call("count", {"text": "x"})
    assert answer.get("result") == _text("done"), answer
    assert len(refused) == 1
    assert len(world.lines("one", "count.txt")) == 1
    assert _row(world, client)["verdict"] == "allow"


def test_cancelled_call_is_cancelled_at_the_backend(world: World) -> None:
    client = _warm(world)
    asked = client.ask("tools/call", {"name": "wait", "arguments": {}})
    client.until(lambda: world.lines("one", "waiting.txt"))
    client.send({"method": "notifications/cancelled", "params": {"requestId": asked}})
    client.until(lambda: world.lines("one", "cancelled.txt"))
    assert str(json.loads(world.lines("one", "cancelled.txt")[0])["requestId"]) == world.lines("one", "waiting.txt")[0]
    row = _row(world, client)
    assert (row["error"], row["executed"]) == ("cancelled", True)
    client.request("ping")
    assert asked not in client.raw


def test_backend_that_takes_too_long_is_told_to_stop(world: World) -> None:
    client = world.client(AXONFLOW_BACKEND_TIMEOUT="2s")
    client.until(lambda: "wait" in client.tools())  # on a busy machine that can take longer, too
    client.until(lambda: "result" in client.call("echo", {"text": "warm"}))
    before = len(world.rows("outcome"))
    assert client.call("wait")["error"]["code"] == -32004
    (waiting,) = client.until(lambda: world.lines("one", "waiting.txt"))
    client.until(lambda: waiting in world.cancelled("one"))
    (row,) = world.rows("outcome")[before:]
    assert row["verdict"] == "error"


@pytest.mark.parametrize("said", [{}, {"message": f"row {SSN}"}], ids=["plain", "with texts"])
def test_progress_comes_before_the_result(world: World, said: dict[str, Any]) -> None:
    client = _warm(world)
    for token in ("t", "t"):  # free again after the first
        answer = client.call("steps", said, _meta={"progressToken": token})
        assert answer["result"] == _text("done")
        for step in range(3):
            params = client.notification("notifications/progress")["params"]
            assert (params["progress"], params.get("message")) == (step, f"row {MASK}" if said else None)


def test_names_with_the_backend_in_them(world: World) -> None:
    client = world.client(world.backend("one"), world.backend("two", "name=two"))
    client.tools()
    for number in range(3):
        answer = client.call("two__echo", {"n": number})
        assert answer["result"]["structuredContent"] == {"n": number}
    assert [row["tool_name"] for row in world.rows("outcome")] == ["echo"] * 3


def test_call_under_way_ends_when_the_client_leaves(world: World) -> None:
    world.waits["run.GRACE_S"] = 0.5
    client = _warm(world)
    client.ask("tools/call", {"name": "wait", "arguments": {}})
    client.until(lambda: world.lines("one", "waiting.txt"))
    assert client.close() == 0
    assert _row(world, client)["error"] == "cancelled"


class _Agent:
    """A way to an agent that keeps what it is asked; `answers` are given one after the other."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, Pending[Answer]]] = []
        self.ended = 0

    def begin(self, path: str, headers: Any, extra: Any, body: bytes, timeout_s: float) -> Exchange | None:
        answer: Pending[Answer] = Pending()
        self.begun.append((path, answer))
        return Exchange(answer, 0.0, None)

    def end(self, exchange: Exchange) -> None:
        self.ended += 1

    def drop(self, exchange: Exchange) -> None:
        """Nothing is kept."""

    async def post(self, *_: Any) -> Answer:
        raise AssertionError("the straight way begins its exchanges")

    async def aclose(self) -> None:
        """Nothing is open."""


class _Backend:
    """Takes requests, and the client's answers."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.shown: list[str] = []

    async def send(self, message: str, request_id: int | None) -> None:
        self.sent.append(message)

    def send_now(self, line: bytes) -> bool:
        self.sent.append(line.decode())
        return True

    def forget(self, request_id: int) -> None:
        """Nothing is kept."""

    async def aclose(self) -> None:
        """Nothing is open."""


class _Client(_Backend):
    def send(self, message: str) -> None:  # type: ignore[override]
        self.shown.append(message)

    def send_line(self, line: bytes) -> None:
        self.shown.append(line.decode())


def _assembly(home: Path, diagnostics: Diagnostics) -> Assembly:
    environ = {
        "HOME": str(home),
        "AXONFLOW_ENDPOINT": "http://127.0.0.1:9",
        "AXONFLOW_CLIENT_ID": "c",
        "AXONFLOW_BACKENDS": json.dumps([{"id": "one", "command": "true"}]),
        "AXONFLOW_AUDIT_LOG": str(home / "audit.jsonl"),
    }
    settings = load_proxy_settings(environ)
    assembly = assemble(settings, environ, diagnostics)
    host = assembly._host(load_backends(settings)[0], environ, {})
    host.session = Session(host.listener, diagnostics.say)
    catalogue = assembly.fleet.catalogues["one"] = Catalogue(host, assembly.integrity.review, lambda _: None)
    catalogue._known[TOOLS] = {"look": Item("look", {"name": "look"}, "{}")}
    return assembly


def test_plain_call_needs_no_task_and_keeps_the_order(tmp_path: Path) -> None:
    async def call() -> None:
        descriptor = os.open(os.devnull, os.O_WRONLY)
        diagnostics = Diagnostics(descriptor)
        assembly, agent, backend, client = _assembly(tmp_path, diagnostics), _Agent(), _Backend(), _Client()
        router, session = assembly.router, assembly.fleet.catalogues["one"].host.session
        assert session is not None
        assembly.pdp.link, session.transport = agent, backend
        router.link, router.shaken = client, True  # type: ignore[assignment]
        tasks = asyncio.all_tasks()

        def rows() -> list[str]:
            return [json.loads(line)["event"] for line in (tmp_path / "audit.jsonl").read_text().splitlines()]

        def answered(body: dict[str, Any]) -> None:
            agent.begun[-1][1].set_result(Answer(200, {}, json.dumps(body).encode()))

        router.take(b'{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{"name":"look","arguments":{"n":1}}}')
        assert ([path for path, _ in agent.begun], backend.sent, rows()) == ([DECIDE], [], [])
        answered({"verdict": "allow", "decision_id": "d", "trace_id": "t", "evaluated_policies": []})
        assert rows() == ["intent"]
        assert [json.loads(message)["params"] for message in backend.sent] == [{"name": "look", "arguments": {"n": 1}}]
        session.receive('{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"x"}]}}')
        assert [path for path, _ in agent.begun] == [DECIDE, CHECK_OUTPUT]
        assert (rows(), client.shown) == (["intent"], [])
        answered({"allowed": True, "redaction_evaluated": True})
        assert rows() == ["intent", "outcome"]
        (shown,) = client.shown
        assert json.loads(shown) == {"jsonrpc": "2.0", "id": 7, "result": _text("x")}
        assert (agent.ended, asyncio.all_tasks()) == (2, tasks)
        await assembly.aclose()
        diagnostics.close()
        os.close(descriptor)

    asyncio.run(call())


@pytest.mark.parametrize(
    "params",
    [
        pytest.param('{"name":"other"}', id="unknown tool"),
        pytest.param('{"name":"look","arguments":[]}', id="no arguments"),
        pytest.param('{"name":7}', id="no name"),
        pytest.param("[]", id="no params"),
        pytest.param('{"name":"look","arguments":{},"sql":"x"}', id="unknown member"),
        pytest.param('{"_meta":{"note":"x"},"name":"look","arguments":{}}', id="meta that is not the protocol's"),
        pytest.param('{"name":"look","arguments":{},"_meta":{"progressToken":123456789}}', id="large token"),
        pytest.param('{"name":"look","_meta":"x"}', id="no meta"),
        pytest.param('{"name":"look","arguments":{"t":"' + "x" * 20_000 + '"}}', id="long"),
    ],
)
def test_what_is_not_plain_is_left_to_a_task(tmp_path: Path, params: str) -> None:
    async def start() -> None:
        diagnostics = Diagnostics(2)
        assembly, client = _assembly(tmp_path, diagnostics), _Client()
        router = assembly.router
        assembly.pdp.link = agent = _Agent()
        router.link, router.shaken = client, True  # type: ignore[assignment]
        before = asyncio.all_tasks()
        router.take(f'{{"jsonrpc":"2.0","id":7,"method":"tools/call","params":{params}}}'.encode())
        (task,) = asyncio.all_tasks() - before
        assert not agent.begun
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await assembly.aclose()
        diagnostics.close()

    asyncio.run(start())


def test_tool_that_is_gone_is_not_called_any_more(tmp_path: Path) -> None:
    async def calls() -> None:
        diagnostics = Diagnostics(2)
        assembly, agent, backend = _assembly(tmp_path, diagnostics), _Agent(), _Backend()
        router, catalogue = assembly.router, assembly.fleet.catalogues["one"]
        assert catalogue.host.session is not None
        assembly.pdp.link, catalogue.host.session.transport = agent, backend
        router.link, router.shaken = _Client(), True  # type: ignore[assignment]
        for number in range(3):
            line = (
                f'{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"look","arguments":{{}}}}}}'
            )
            before = asyncio.all_tasks()
            router.take(line.encode())
            assert len(agent.begun) == min(number + 1, 2)
            if number == 1:
                catalogue._known[TOOLS] = {}
        (task,) = asyncio.all_tasks() - before
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await assembly.aclose()
        diagnostics.close()

    asyncio.run(calls())
