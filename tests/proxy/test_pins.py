"""The file of accepted definitions: written once a review, read as far as it can be, and never written unreadably."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import write_private
from axonflow_hooks.proxy import pin_file, pins
from axonflow_hooks.proxy.pin_file import MAX_NESTING, members_apart, nested_too_deeply, read_pins
from axonflow_hooks.proxy.pins import Accepted, Changes, Held, PinStore, definition_hash

if TYPE_CHECKING:
    from pathlib import Path

ENDLESS = "[" * 200_000 + "]" * 200_000
"""No reader of JSON has the stack for it."""


def _definition(name: str, text: str = "") -> dict[str, Any]:
    return {"name": name, "description": text, "inputSchema": {"type": "object"}}


def _accepted(*names: str) -> Changes:
    return Changes(accepted={name: Accepted(_definition(name)) for name in names})


@pytest.fixture
def store(tmp_path: Path) -> PinStore:
    return PinStore(tmp_path / "pins")


def test_all_of_a_review_is_one_write(store: PinStore, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Path] = []

    def write(path: Path, data: bytes) -> None:
        written.append(path)
        write_private(path, data)

    monkeypatch.setattr(pins, "write_private", write)
    names = [f"tool_{number}" for number in range(200)]
    store.record("one", Changes(held={name: Held(_definition(name), "why") for name in names}))
    changes = _accepted("a", "b", "tool_0")
    changes.cleared.update(names[1:100])
    changes.held["c"] = Held(_definition("c"), "it is new")
    store.record("one", changes)
    assert len(written) == 2
    kept = store.read("one")
    assert (sorted(kept.pinned), len(kept.waiting)) == (["a", "b", "tool_0"], 101)
    assert kept.waiting["c"].reason == "it is new"
    assert kept.pinned["a"].hash == definition_hash(_definition("a"))


def test_what_was_accepted_first_stays_accepted(store: PinStore) -> None:
    store.record("one", _accepted("a"))
    store.record("one", Changes(accepted={"a": Accepted(_definition("a", "another one"))}))
    assert store.read("one").pinned["a"].definition == _definition("a")


@pytest.mark.parametrize(
    "name",
    ["plain", "a\ud800b", 'quo"te\\', "{[,:]}", "line\nend\u2028", "pinned", ""],
    ids=["plain", "surrogate", "quotes", "brackets", "line ends", "a key of the file", "empty"],
)
def test_every_name_is_read_back(store: PinStore, name: str) -> None:
    definition = {**_definition(name, name), name: None}
    store.record("one", Changes({name: Accepted(definition, '{"masked":1}')}, {f"{name}2": Held(definition, name)}))
    kept = store.read("one")
    assert kept.pinned[name].definition == definition
    assert kept.pinned[name].masked == '{"masked":1}'
    assert kept.waiting[f"{name}2"].reason == name
    text = (store.folder / "one.json").read_text()
    assert text == text.encode("ascii").decode()
    assert {key: json.loads(raw) for key, raw in members_apart(text).items()} == json.loads(text)


@pytest.mark.parametrize(
    "entry",
    [
        pytest.param("null", id="null"),
        pytest.param('"text"', id="text"),
        pytest.param("{}", id="no hash"),
        pytest.param('{"hash":5}', id="hash that is none"),
        pytest.param('{"hash":"x","definition":[]}', id="definition that is none"),
        pytest.param(f'{{"hash":"x","definition":{ENDLESS}}}', id="nested too deeply"),
    ],
)
def test_one_bad_entry_takes_no_other_along(store: PinStore, entry: str) -> None:
    store.record("one", _accepted("good", "other"))
    path = store.folder / "one.json"
    before = json.loads(path.read_text())["pinned"]
    good = ", ".join(f"{json.dumps(name)}: {json.dumps(pin)}" for name, pin in before.items())
    waiting = f'{{"held": {json.dumps({**before["good"], "reason": "why"})}, "worse": {entry}}}'
    write_private(path, f'{{"waiting": {waiting}, "pinned": {{"bad": {entry}, {good}}}}}'.encode())
    kept = store.read("one")
    assert (sorted(kept.pinned), sorted(kept.waiting), list(kept.unreadable)) == (["good", "other"], ["held"], ["bad"])
    assert store.unreadable() == []
    store.record("one", Changes(held={"bad": Held(_definition("bad"), "lost")}))
    assert list(store.read("one").unreadable) == ["bad"], "it is no new tool"
    assert store.approve("one", "bad", definition_hash(_definition("bad")))
    kept = store.read("one")
    assert (sorted(kept.pinned), kept.unreadable) == (["bad", "good", "other"], {})
    assert json.loads(path.read_text())["pinned"]["good"] == before["good"]


@pytest.mark.parametrize(
    "data",
    [b"", b"{", b"[]", b"\xff", b'{"pinned": []}', b'{"waiting": 5}', b'{"pinned": {"a":', b" " * 1_000_001],
    ids=["empty", "torn", "list", "no text", "no entries", "no waiting", "torn entry", "too large"],
)
def test_a_file_that_cannot_be_read_is_named_and_hides_no_other(store: PinStore, data: bytes) -> None:
    store.record("good", Changes(held={"a": Held(_definition("a"), "why")}))
    write_private(store.folder / "bad.json", data)
    with pytest.raises(CredentialError) as raised:
        store.record("bad", _accepted("a"))
    assert str(store.folder / "bad.json") in str(raised.value)
    assert "delete" not in str(raised.value).lower()
    assert (store.folder / "bad.json").read_bytes() == data
    assert [(backend, name) for backend, name, _, _ in store.all_waiting()] == [("good", "a")]
    ((backend, error),) = store.unreadable()
    assert (backend, str(error)) == ("bad", str(raised.value))


def test_what_there_is_no_room_for_is_told(store: PinStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pin_file, "MAX_FILE_CHARS", 2_000)
    first = Changes(accepted={name: Accepted(_definition(name, "x" * 700), "masked") for name in ("a", "b", "c")})
    assert store.record("one", first) == frozenset()
    kept = store.read("one")
    assert {name: (pin.definition, pin.masked) for name, pin in kept.pinned.items()} == dict.fromkeys("abc", (None, ""))
    many = [f"tool_{number}" for number in range(30)]
    assert store.record("one", _accepted(*many)) == frozenset(many)
    assert sorted(store.read("one").pinned) == ["a", "b", "c"]


def test_of_a_large_definition_the_hash_is_kept(store: PinStore) -> None:
    large = _definition("a", "x" * pins.MAX_KEPT_CHARS)
    store.record("one", Changes(accepted={"a": Accepted(large, "masked"), "b": Accepted(_definition("b"))}))
    kept = store.read("one").pinned
    assert (kept["a"].hash, kept["a"].definition, kept["a"].masked) == (definition_hash(large), None, "")
    assert kept["b"].definition is not None


def test_a_file_of_an_earlier_release_is_read(store: PinStore) -> None:
    deep: Any = 1
    for _ in range(MAX_NESTING + 1):
        deep = {"a": deep}
    old = {"pinned": {"a": {"hash": "x", "since": ""}, "b": {"hash": "y", "definition": deep}}, "waiting": {}}
    kept = read_pins(json.dumps(old, indent=2, sort_keys=True).encode())
    assert {name: (pin.hash, pin.definition) for name, pin in kept.pinned.items()} == {
        "a": ("x", None),
        "b": ("y", None),
    }


@pytest.mark.parametrize(
    ("depth", "deep"),
    [(0, False), (1, False), (MAX_NESTING, False), (MAX_NESTING + 1, True), (100_000, True)],
)
@pytest.mark.parametrize("wrap", [lambda inner: {"a": inner, "b": 1}, lambda inner: [1, inner]], ids=["object", "list"])
def test_depth_is_told_without_recursion(wrap: Any, depth: int, deep: bool) -> None:
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    assert nested_too_deeply(value) is deep
    while isinstance(value, (dict, list)):  # so that nothing recurses when it goes
        value = value["a"] if isinstance(value, dict) else value[1]
