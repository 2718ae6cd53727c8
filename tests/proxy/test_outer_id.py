"""The id of a message that is nested too deeply to be read."""

from __future__ import annotations

import pytest

from axonflow_hooks.proxy import outer_id
from axonflow_hooks.proxy.outer_id import Outer, outer_of

DEPTH = 100_000
LISTS = "[" * DEPTH + "]" * DEPTH
OBJECTS = '{"id":3,"a":' * 1_000 + "1" + "}" * 1_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f'{{"id":5,"result":{LISTS}}}', Outer("5", False, True), id="before"),
        pytest.param(f'{{"result":{LISTS},"id" : "x-1" }}', Outer('"x-1"', False, True), id="behind"),
        pytest.param(f'{{"method":"m","params":{OBJECTS},"id":7}}', Outer("7", True, True), id="ids inside"),
        pytest.param('{"a":"\\"id\\":5,{[","id":-7}', Outer("-7", False, False), id="text that looks like one"),
        pytest.param('{"id":"method","x":1}', Outer('"method"', False, False), id="value that reads like a key"),
        pytest.param('{"id":1,"id":2}', Outer(), id="two"),
        pytest.param('{"id":1.5}', Outer(), id="fraction"),
        pytest.param('{"id":null}', Outer(), id="null"),
        pytest.param('{"id":{"a":1}}', Outer(), id="object"),
        pytest.param(f'[{{"id":1,"a":{LISTS}}}]', Outer(), id="list"),
        pytest.param('{"id":1,"a":[', Outer(), id="open end"),
        pytest.param('{"id":1,"a":"', Outer(), id="open text"),
        pytest.param("", Outer(), id="nothing"),
    ],
)
def test_ids_of_the_outermost_object(text: str, expected: Outer) -> None:
    assert outer_of(text) == expected


@pytest.mark.parametrize(
    ("text", "raw_id"),
    [
        pytest.param(f'{{"id":5,"result":{OBJECTS}}}', "5", id="before"),
        pytest.param(f'{{"result":{OBJECTS},"id":6}}\r', "6", id="behind"),
        pytest.param(f'{{"result":{OBJECTS},"id":6,"x":1}}', "", id="among the rest"),
    ],
)
def test_the_search_is_bounded(monkeypatch: pytest.MonkeyPatch, text: str, raw_id: str) -> None:
    monkeypatch.setattr(outer_id, "MAX_TOKENS", 500)
    assert outer_of(text) == Outer(raw_id, False, True)


@pytest.mark.parametrize(("raw_id", "value"), [("5", 5), ('"\\u0061"', "a"), ("", None)])
def test_ids_as_values(raw_id: str, value: object) -> None:
    assert Outer(raw_id).identifier == value
