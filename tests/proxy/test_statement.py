"""The short ways to a question ask what the long ones do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.proxy.leaves import is_plain_key, leaves_of, sole_text
from axonflow_hooks.proxy.statement import flat_query, query_text

SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
KEYS = st.sampled_from(["a", "text", "type", "data", "blob", "uri", ""]) | st.text(max_size=3)


@given(st.dictionaries(KEYS, SCALARS | st.lists(SCALARS, max_size=2), max_size=4))
def test_flat_query_is_the_query(arguments: dict[str, Any]) -> None:
    query = flat_query("tool", arguments)
    assert query is None or query == query_text("tool", leaves_of(arguments))


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        pytest.param({}, "tool_call: t", id="none"),
        pytest.param(
            {"q": "SELECT 1", "n": 10**20, "f": 1.5}, f"tool_call: t\nq: SELECT 1\nn: {10**20}\nf: 1.5", id="flat"
        ),
        pytest.param({"q": ""}, None, id="empty text"),
        pytest.param({"q": True}, None, id="truth value"),
        pytest.param({"q": ["x"]}, None, id="nested"),
        pytest.param({"type": "text"}, None, id="block type"),
        pytest.param({"q": "x" * 20_000}, None, id="long"),
    ],
)
def test_flat_query(arguments: dict[str, Any], expected: str | None) -> None:
    assert flat_query("t", arguments) == expected


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        pytest.param({"rows": [{"ssn": 1}]}, ["rows.ssn: 1"], id="object in a list"),
        pytest.param({"ssn": {"value": 1}, "n": 2}, ["ssn.value: 1", "n: 2"], id="object"),
        pytest.param({"n": 2, "s": True, "ms": [[]]}, ["s", "ms", "n: 2"], id="without text"),
        pytest.param({"n": 2, "a": None, "b": False, "c": "", "d": [], "e": {}}, ["n: 2"], id="not there"),
        pytest.param({"n": 2, "DROP TABLE x": None, "123": ""}, ["DROP TABLE x", "123", "n: 2"], id="data as keys"),
        pytest.param({"a": {"": "x"}}, ["a: x"], id="key without a name"),
        pytest.param({"a b": {"n": 2}}, ["a b", "n: 2"], id="no step of a path"),
        pytest.param({"a": {"n": 1, "m": 2, "value": 3}}, ["a.n: 1", "m: 2", "a.value: 3"], id="first and generic"),
        pytest.param({"a": {"b": {"n": 1}, "m": 2}}, ["b.n: 1", "a.m: 2"], id="deep"),
        pytest.param({"a": {"x": True}, "b": {"x": True}}, ["a", "x", "b"], id="once"),
    ],
)
def test_keys_stand_before_values(arguments: dict[str, Any], lines: list[str]) -> None:
    assert query_text("t", leaves_of(arguments)) == "\n".join(["tool_call: t", *lines])


BLOCKS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"type": st.sampled_from(["text", "image", "x"])},
    optional={"text": st.text(max_size=5) | st.integers(), "data": st.text(max_size=3), "annotations": st.just({})},
)
RESULTS: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {},
    optional={
        "content": st.lists(BLOCKS, max_size=2) | BLOCKS,
        "isError": st.booleans() | st.text(max_size=2),
        "structuredContent": st.just({"a": "b"}),
    },
)


@given(RESULTS)
def test_sole_text_is_the_only_leaf(result: dict[str, Any]) -> None:
    text = sole_text(result)
    leaves = [(leaf.label, leaf.text, leaf.kind) for leaf in leaves_of(result) if not is_plain_key(leaf)]
    assert text is None or leaves == [("text", text, "text")]


def test_sole_text_of_what_most_tools_answer() -> None:
    block = {"type": "text", "text": "x"}
    assert sole_text({"content": [block]}) == "x"
    assert sole_text({"content": [block], "isError": False}) == "x"
    assert sole_text({"content": [block, block]}) is None
    assert sole_text({"content": [{**block, "_meta": {"a": "b"}}]}) is None
