"""The review of a list of tools: shown as masked, hidden where it cannot be kept, and written down at once."""

from __future__ import annotations

import asyncio
import json
import threading
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks import private_files
from axonflow_hooks.policy import load_engine
from axonflow_hooks.proxy import pin_file, pins
from axonflow_hooks.proxy.catalogue import TOOLS, Item
from axonflow_hooks.proxy.integrity import HOLDS_MASKED, LOST, NO_ROOM, TOO_DEEP, Integrity
from axonflow_hooks.proxy.pin_file import MAX_NESTING
from axonflow_hooks.proxy.pins import Changes, Held, PinStore, definition_hash
from axonflow_hooks.proxy.refusals import unavailable
from axonflow_hooks.proxy.response_plane import ResponsePlane
from tests.e2e.proxy.known_tools import TOOLS as KNOWN_TOOLS
from tests.proxy import engine_agent
from tests.proxy.engine_agent import EngineAgent

if TYPE_CHECKING:
    from pathlib import Path

MAIL = "someone@example.com"


def _tool(name: str, description: str = "", **more: Any) -> dict[str, Any]:
    return {"name": name, "description": description, "inputSchema": {"type": "object"}, **more}


def _deep(name: str, depth: int) -> str:
    return f'{{"name":"{name}","inputSchema":{"[" * (depth - 1)}{"]" * (depth - 1)}}}'


class Agent(EngineAgent):
    """The built-in policies, or nobody."""

    down: bool = False

    async def check_output(self, target: Any, **more: Any) -> Any:
        if self.down:
            raise unavailable("nobody is there")
        return await super().check_output(target, **more)


@dataclass
class Scene:
    """The reviews of one backend by proxies that come after one another."""

    folder: Path
    agent: Agent = field(default_factory=Agent)
    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.store = PinStore(self.folder / "pins")
        self.restart()

    def restart(self) -> None:
        plane: Any = ResponsePlane(self.agent)  # type: ignore[arg-type]
        self.integrity = Integrity(self.store, plane, SimpleNamespace(say=self.said.append))  # type: ignore[arg-type]

    def review(self, *tools: dict[str, Any] | str) -> dict[str, Item]:
        """Give what may be seen of a list, by name; a tool may be given as its JSON text."""
        host: Any = SimpleNamespace(id="one", spec=SimpleNamespace(exposes=lambda _: True))
        raws = [tool if isinstance(tool, str) else json.dumps(tool) for tool in tools]
        values = [json.loads(raw) for raw in raws]
        items = [Item(value["name"], value, raw) for value, raw in zip(values, raws, strict=True)]
        return {item.name: item for item in asyncio.run(self.integrity.review(host, TOOLS, items))}

    def hidden(self, name: str) -> str:
        return self.integrity.hidden["one", name]


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


@pytest.mark.parametrize("posture", [None, "redact"])
def test_no_known_tool_is_hidden(scene: Scene, monkeypatch: pytest.MonkeyPatch, posture: Any) -> None:
    monkeypatch.setattr(engine_agent, "ENGINE", load_engine(pii_action=posture) if posture else load_engine())
    seen = scene.review(*KNOWN_TOOLS)
    assert (len(seen), scene.integrity.hidden) == (len(KNOWN_TOOLS), {})


@pytest.mark.parametrize(
    "tool",
    [
        pytest.param(_tool("mail", f"Gmail syntax, e.g. 'from:{MAIL} is:unread'"), id="address"),
        pytest.param(_tool("dns", "default resolver 8.8.8.8"), id="IP address"),
        pytest.param(_tool("sms", "E.164, e.g. +14155552671"), id="phone number"),
        pytest.param(_tool("pay", "a test card is 4242 4242 4242 4242"), id="card"),
        pytest.param(
            _tool("event", inputSchema={"type": "object", "properties": {"to": {"description": f"e.g. {MAIL}"}}}),
            id="in the schema",
        ),
    ],
)
def test_a_definition_is_shown_as_policy_masks_it(scene: Scene, tool: dict[str, Any]) -> None:
    name, plain = tool["name"], _tool("plain", "Says nothing.")
    raw = json.dumps({**tool, "_meta": {"size": 1}}).replace('"size": 1}', '"size": 1.50e0, "n": 12345678901234567890}')
    seen = scene.review(raw, plain)
    assert seen["plain"].raw == json.dumps(plain)
    shown = seen[name]
    assert json.loads(shown.raw) == shown.value
    assert "[REDACTED" in shown.raw
    assert '"size": 1.50e0, "n": 12345678901234567890}' in shown.raw
    pin = scene.store.read("one").pinned[name]
    assert (pin.hash, pin.definition, pin.masked) == (definition_hash(json.loads(raw)), json.loads(raw), shown.raw)
    assert (scene.integrity.hidden, scene.store.all_waiting()) == ({}, [])
    scene.agent.down = True  # it is known by now
    scene.restart()
    assert scene.review(raw, plain) == seen


@pytest.mark.parametrize(
    ("tool", "fault"),
    [
        pytest.param(_tool("a", inputSchema={"properties": {MAIL: {}}}), "the name of a field", id="property"),
        pytest.param(_tool(MAIL), "its name", id="name"),
        pytest.param(_tool("a", inputSchema={"enum": [MAIL]}), "`enum` in its inputSchema", id="enum"),
    ],
)
def test_what_would_be_another_definition_stays_hidden(scene: Scene, tool: dict[str, Any], fault: str) -> None:
    assert list(scene.review(tool, _tool("plain"))) == ["plain"]
    assert scene.hidden(tool["name"]).startswith(f"{HOLDS_MASKED}: {fault}. Run ")
    ((_, name, held, _),) = scene.store.all_waiting()
    assert scene.store.approve("one", name, held.hash)
    assert scene.review(tool, _tool("plain"))[name].value == tool


def test_what_an_earlier_release_has_hidden_is_looked_at_again(scene: Scene) -> None:
    tool = _tool("mail", f"e.g. {MAIL}")
    scene.store.record("one", Changes(held={"mail": Held(tool, HOLDS_MASKED), "bad": Held(_tool("bad"), "poison")}))
    assert list(scene.review(tool, _tool("bad"))) == ["mail"]
    assert [name for _, name, _, _ in scene.store.all_waiting()] == ["bad"]


def test_a_masked_text_that_was_not_kept_is_asked_for_again(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pins, "MAX_KEPT_CHARS", 10)
    tool = _tool("mail", f"e.g. {MAIL}")
    first = scene.review(tool)
    assert scene.store.read("one").pinned["mail"].masked == ""
    written = scene.store.state()
    assert scene.review(tool)["mail"].raw.startswith('{"name": "mail", "description": "e.g. [REDACTED:email')
    assert scene.store.state() == written
    scene.agent.down = True
    assert scene.review(tool) == {}
    assert "could not be checked yet" in scene.hidden("mail")
    assert MAIL not in first["mail"].raw


@pytest.mark.parametrize("count", [1, 100])
def test_a_review_is_one_write_and_none_of_it_on_the_loop(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    written: list[bool] = []
    write, read = private_files.write_private, private_files.read_private

    def writing(path: Path, data: bytes) -> None:
        written.append(threading.current_thread() is threading.main_thread())
        write(path, data)

    def reading(path: Path) -> bytes | None:
        assert threading.current_thread() is not threading.main_thread()
        return read(path)

    monkeypatch.setattr(pins, "write_private", writing)
    monkeypatch.setattr(pins, "read_private", reading)
    names = [f"tool_{number}" for number in range(count)]
    first = [_tool(name) for name in names]
    assert len(scene.review(*first)) == count
    assert scene.review(*(_tool(name, "It is another one") for name in names)) == {}
    assert len(scene.integrity.hidden) == count
    assert scene.review(*(_tool(name, "It is another one") for name in names)) == {}
    assert len(scene.review(*first)) == count
    assert scene.integrity.hidden == {}
    assert written == [False] * 3, "accepted, held, and nothing waits any more"


@pytest.mark.parametrize("depth", [MAX_NESTING + 1, 500, 900])
def test_a_definition_nested_too_deeply_is_hidden_and_never_written(scene: Scene, depth: int) -> None:
    seen: list[dict[str, Any] | str] = [_tool("plain"), _deep("deep", MAX_NESTING)]
    for _ in range(2):
        assert list(scene.review(*seen, _deep("deeper", depth))) == ["plain", "deep"]
        assert scene.hidden("deeper") == TOO_DEEP
    assert len([line for line in scene.said if TOO_DEEP in line]) == 1
    scene.restart()
    assert list(scene.review(*seen, _deep("deeper", depth))) == ["plain", "deep"]
    assert "deeper" not in (scene.store.folder / "one.json").read_text()
    assert (scene.store.all_waiting(), scene.store.unreadable()) == ([], [])


def test_a_tool_whose_acceptance_cannot_be_read_is_no_new_tool(scene: Scene) -> None:
    scene.review(_tool("a"), _tool("b"))
    path = scene.store.folder / "one.json"
    value = json.loads(path.read_text())
    value["pinned"]["b"] = "?"
    path.write_text(json.dumps(value))
    for _ in range(2):
        assert list(scene.review(_tool("a"), _tool("b", "It is another one"))) == ["a"]
        assert scene.hidden("b").startswith(LOST)
    ((_, name, held, before),) = scene.store.all_waiting()
    assert (name, held.reason, before) == ("b", LOST, None)
    assert scene.store.approve("one", "b", held.hash)
    assert list(scene.review(_tool("a"), _tool("b", "It is another one"))) == ["a", "b"]


def test_what_there_is_no_room_for_is_hidden(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    known = [_tool("a"), _tool("b")]
    scene.review(*known)
    monkeypatch.setattr(pin_file, "MAX_FILE_CHARS", 1_000)
    many = [_tool(f"tool_{number}") for number in range(50)]
    for _ in range(2):
        assert list(scene.review(*known, *many)) == ["a", "b"]
        assert {scene.hidden(tool["name"]) for tool in many} == {NO_ROOM}
    assert len([line for line in scene.said if NO_ROOM in line]) == 1


def test_what_is_hidden_stays_so_while_a_list_is_reviewed(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    scene.review(_tool("a"))
    scene.review(_tool("a", "It is another one"))
    asked: list[bool] = []
    check = scene.agent.check_output

    async def slow(target: Any, **more: Any) -> Any:
        asked.append(("one", "a") in scene.integrity.hidden)
        return await check(target, **more)

    monkeypatch.setattr(scene.agent, "check_output", slow)
    scene.review(_tool("a", "It is another one"), _tool("b"))
    assert asked == [True]
