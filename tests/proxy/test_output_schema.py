"""Masked results and the schemas of their tools: checked beside the proxy, whatever a backend has put into a schema."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from typing import TYPE_CHECKING, Any, Final

import pytest

from axonflow_hooks.proxy import output_schema
from axonflow_hooks.proxy.output_schema import FAILED, FAULTS, LATE, UNFIT, UNUSABLE, OutputSchemas
from tests.proxy.conftest import DEADLINE_S, MASK, SSN, poll
from tests.proxy.test_hostile_backends import hostile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.proxy.conftest import World

UNRESOLVED: Final = FAULTS[b"unresolved"]
ONE: Final = '{"structuredContent":{"a":1}}'
PLAIN: Final = {"type": "object"}
EVIL: Final = {"properties": {"note": {"pattern": "^(a+)+$"}}}
"""Takes for ever to match what EVIL_NOTE is."""
EVIL_NOTE: Final = "a" * 60 + "!"
EVIL_RESULT: Final = json.dumps({"structuredContent": {"note": EVIL_NOTE}})


def run(scene: Callable[[OutputSchemas], Awaitable[None]]) -> None:
    """Play a scene with what checks, and end that."""

    async def play() -> None:
        schemas = OutputSchemas()
        try:
            await scene(schemas)
        finally:
            await schemas.aclose()

    asyncio.run(play())


def pid_of(schemas: OutputSchemas, backend: str = "one") -> int:
    """Give the id of the process that checks for a backend."""
    process = schemas._checkers[backend]._process
    assert process is not None
    return process.pid


async def under_way(schemas: OutputSchemas, result: str, schema: Any) -> asyncio.Future[str]:
    """Begin a check, and give it when its process is at it."""
    asked = asyncio.ensure_future(schemas.fault("one", result, schema))
    while "one" not in schemas._checkers or not schemas._checkers["one"]._turn.locked():
        await asyncio.sleep(0)
    return asked


def is_gone(pid: int) -> bool:
    """Tell whether a process has ended and was waited for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def test_results_against_schemas(tmp_path: Path) -> None:
    (tmp_path / "any.json").write_text("{}")
    doubled = '{"structuredContent":{"a":1,"a":2}}'
    huge = f'{{"structuredContent":{{"a":1{"0" * 5000}}}}}'
    table: list[tuple[str, str, Any, str]] = [
        ("fits", ONE, {"type": "object", "properties": {"a": {"type": "integer"}}}, ""),
        ("does not fit", '{"structuredContent":{"a":"x"}}', {"properties": {"a": {"type": "integer"}}}, UNFIT),
        ("nothing structured", '{"content":[]}', PLAIN, ""),
        ("in several lines", '{"structuredContent":\n{"a":\n1}\n}', PLAIN, ""),
        ("keys that have become one", doubled, PLAIN, UNFIT),
        ("number without end", huge, PLAIN, UNFIT),
        ("no such type", ONE, {"type": "no such type"}, UNUSABLE),
        ("no schema", ONE, "nonsense", UNUSABLE),
        ("itself", ONE, {"$ref": "#"}, UNUSABLE),
        ("infinite", ONE, {"const": float("inf")}, FAILED),
        ("a file", ONE, {"$ref": (tmp_path / "any.json").as_uri()}, UNRESOLVED),
        ("of no known kind", ONE, {"$schema": "https://elsewhere.example/schema", "type": "object"}, ""),
    ]

    async def scene(schemas: OutputSchemas) -> None:
        for name, result, schema, fault in table:
            assert (name, await schemas.fault("one", result, schema)) == (name, fault)

    run(scene)


@pytest.mark.parametrize("schema", [{"$ref": "URL"}, {"properties": {"a": {"$ref": "URL#/x"}}}], ids=["root", "inside"])
def test_nothing_is_fetched(schema: Any) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/schema"
        schema = json.loads(json.dumps(schema).replace("URL", url))

        async def scene(schemas: OutputSchemas) -> None:
            assert await schemas.fault("one", ONE, schema) == UNRESOLVED

        run(scene)
        with pytest.raises(BlockingIOError):
            server.accept()


def test_check_that_takes_long_is_given_up_and_its_process_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(schemas: OutputSchemas) -> None:
        assert await schemas.fault("one", ONE, PLAIN) == ""
        pid = pid_of(schemas)
        monkeypatch.setattr(output_schema, "DEADLINE_S", 0.05)
        assert await schemas.fault("one", EVIL_RESULT, EVIL) == LATE
        assert is_gone(pid)
        monkeypatch.setattr(output_schema, "DEADLINE_S", DEADLINE_S)
        assert await schemas.fault("one", ONE, PLAIN) == ""
        assert pid_of(schemas) != pid

    run(scene)


def test_other_backends_do_not_wait_and_a_cancelled_check_leaves_nothing() -> None:
    async def scene(schemas: OutputSchemas) -> None:
        assert await schemas.fault("one", ONE, PLAIN) == await schemas.fault("two", ONE, PLAIN) == ""
        pid = pid_of(schemas)
        endless = await under_way(schemas, EVIL_RESULT, EVIL)
        queued = asyncio.ensure_future(schemas.fault("one", ONE, PLAIN))
        assert await schemas.fault("two", ONE, PLAIN) == ""
        assert not endless.done()
        assert not queued.done()
        endless.cancel()
        with pytest.raises(asyncio.CancelledError):
            await endless
        assert await queued == ""
        assert is_gone(pid)

    run(scene)


def test_result_waits_for_its_turn_within_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(schemas: OutputSchemas) -> None:
        endless = await under_way(schemas, EVIL_RESULT, EVIL)
        monkeypatch.setattr(output_schema, "TURN_S", 0.0)
        assert await schemas.fault("one", ONE, PLAIN) == LATE
        assert not endless.done()
        endless.cancel()
        await asyncio.gather(endless, return_exceptions=True)
        assert await schemas.fault("one", ONE, PLAIN) == ""

    run(scene)


def test_process_is_kept_ended_when_idle_and_started_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(schemas: OutputSchemas) -> None:
        assert await schemas.fault("one", ONE, PLAIN) == ""
        pid = pid_of(schemas)
        assert await schemas.fault("one", ONE, PLAIN) == ""
        await asyncio.sleep(0)  # it has begun to wait for the next
        monkeypatch.setattr(output_schema, "IDLE_S", 0.0)
        assert await schemas.fault("one", ONE, PLAIN) == ""
        assert pid_of(schemas) == pid
        idle = schemas._checkers["one"]._idle
        assert idle is not None
        await asyncio.wait_for(idle, DEADLINE_S)
        assert is_gone(pid)
        assert await schemas.fault("one", ONE, PLAIN) == ""

    run(scene)


def test_process_that_has_died_is_replaced() -> None:
    async def scene(schemas: OutputSchemas) -> None:
        assert await schemas.fault("one", ONE, PLAIN) == ""
        process = schemas._checkers["one"]._process
        assert process is not None
        os.kill(process.pid, signal.SIGKILL)
        await process.wait()
        assert await schemas.fault("one", ONE, PLAIN) == ""

    run(scene)


def test_process_that_dies_at_a_check_has_said_nothing() -> None:
    async def scene(schemas: OutputSchemas) -> None:
        assert await schemas.fault("one", ONE, PLAIN) == ""
        asked = await under_way(schemas, EVIL_RESULT, EVIL)
        os.kill(pid_of(schemas), signal.SIGKILL)
        assert await asked == FAILED
        assert await schemas.fault("one", ONE, PLAIN) == ""

    run(scene)


@pytest.mark.parametrize("program", ["/nowhere/to/be/found", ""], ids=["missing", "unknown"])
def test_without_a_process_nothing_passes(monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    async def scene(schemas: OutputSchemas) -> None:
        monkeypatch.setattr(sys, "executable", program)
        assert await schemas.fault("one", ONE, PLAIN) == FAILED

    run(scene)


def test_process_that_does_not_come_up_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene(schemas: OutputSchemas) -> None:
        monkeypatch.setattr(output_schema, "START_S", 0.0)
        assert await schemas.fault("one", ONE, PLAIN) == FAILED
        monkeypatch.setattr(output_schema, "START_S", DEADLINE_S)
        assert await schemas.fault("one", ONE, PLAIN) == ""

    run(scene)


def test_process_sees_none_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    told = f"import os; open({str(tmp_path / 'told')!r}, 'w').write(repr(sorted(os.environ))); print('ready')"
    monkeypatch.setattr(output_schema, "_PROGRAM", told)
    monkeypatch.setenv("AXONFLOW_CLIENT_SECRET", "hush")
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hush@127.0.0.1:9")

    async def scene(schemas: OutputSchemas) -> None:
        await schemas.fault("one", ONE, PLAIN)

    run(scene)
    told_names = (tmp_path / "told").read_text()
    assert "AXONFLOW" not in told_names
    assert "PROXY" not in told_names


def listing(world: World, schema: Any, name: str = "one") -> dict[str, Any]:
    """Describe a backend whose tool `say` has an output schema."""
    described = hostile(world, name)
    tool = {"name": "say", "description": "say", "inputSchema": {"type": "object"}, "outputSchema": schema}
    (world.folder / name / "answers.json").write_text(json.dumps({"tools/list": json.dumps({"tools": [tool]})}))
    return described


@pytest.mark.parametrize(
    ("schema", "given", "fault"),
    [
        pytest.param(PLAIN, {"note": SSN}, "", id="fits"),
        pytest.param({"properties": {"ssn": {"type": "integer"}}}, {"ssn": 123456789}, UNFIT, id="unfit"),
        pytest.param(EVIL, {"note": EVIL_NOTE, "ssn": SSN}, LATE, id="late"),
    ],
)
def test_backends_schema_holds_nobody_up(world: World, schema: Any, given: Any, fault: str) -> None:
    if fault == LATE:
        world.waits["output_schema.DEADLINE_S"] = 1.0
    client = world.client(listing(world, schema), hostile(world, "two"))
    assert client.tools() == ["one__say", "two__say"]
    result = {"content": [], "structuredContent": given}
    asked = client.ask("tools/call", {"name": "one__say", "arguments": {"result": result}})
    assert client.request("ping")["result"] == {}
    assert "result" in client.call("two__say")
    answer = client.answer(asked)
    assert SSN not in json.dumps(answer)
    if fault:
        assert answer["error"]["code"] == -32003
        assert answer["error"]["message"] == f"The result holds what must be masked, and {fault}; it is withheld."
        assert answer["error"]["data"]["executed"] is True
    else:
        assert answer["result"]["structuredContent"] == {"note": MASK}


def test_tool_that_refers_elsewhere_is_shown_noted_once_and_its_masked_results_are_withheld(world: World) -> None:
    url = "http://127.0.0.1:9/schema"
    client = world.client(listing(world, {"properties": {"x": {"$ref": url}}}))
    assert client.tools() == client.tools() == ["say"]
    masked = {"content": [], "structuredContent": {"x": 1, "note": SSN}}
    assert UNRESOLVED in client.call("say", {"result": masked})["error"]["message"]
    result = {"content": [], "structuredContent": {"x": 1, "note": "clean"}}
    assert client.call("say", {"result": result})["result"] == result
    noted = poll(lambda: [line for line in client.errors if url in line])
    assert len(noted) == 1
    assert "backend one: the outputSchema of the tool 'say' refers to" in noted[0]
