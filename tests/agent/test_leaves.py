"""Walking over JSON values without changing their shape."""

from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.agent.leaves import Leaf, map_leaves


def collect(value: Any) -> list[Leaf]:
    seen: list[Leaf] = []
    map_leaves(value, "v", lambda leaf: seen.append(leaf))
    return seen


def test_every_text_number_and_key_is_a_leaf() -> None:
    value = {"a": "x", "b": [1, 2.5, {"c": "y"}], "d": [True, None]}
    assert collect(value) == [
        Leaf("v.key()", "", "a"),
        Leaf("v.a", "a", "x"),
        Leaf("v.key()", "", "b"),
        Leaf("v.b[0]", "b", "1"),
        Leaf("v.b[1]", "b", "2.5"),
        Leaf("v.b[2].key()", "", "c"),
        Leaf("v.b[2].c", "c", "y"),
        Leaf("v.key()", "", "d"),
    ]


@pytest.mark.parametrize(
    "value",
    ["x", 1, 1.5, True, None, [], {}, [[{}]], {"a": [1, {"b": None}]}],
    ids=repr,
)
def test_what_nothing_changes_stays_equal(value: Any) -> None:
    assert map_leaves(value, "v", lambda _leaf: None) == value


def test_changed_leaves_are_replaced_where_they_stand() -> None:
    def change(leaf: Leaf) -> str | None:
        return "***" if leaf.text in {"secret", "12345"} else None

    value = {"a": "secret", "b": [12345, "12345", 1], "secret": {"c": "open"}}
    assert map_leaves(value, "v", change) == {"a": "***", "b": ["***", "***", 1], "***": {"c": "open"}}


def test_keys_that_become_equal_lose_no_entry() -> None:
    value = {"k1": 1, "k2": 2, "k (2)": 3}
    mapped = map_leaves(value, "v", lambda leaf: "k" if leaf.text in {"k1", "k2"} else None)
    assert mapped == {"k": 1, "k (2)": 2, "k (2) (2)": 3}


def test_the_value_itself_is_left_alone() -> None:
    value = {"a": ["x"]}
    map_leaves(value, "v", lambda _leaf: "y")
    assert value == {"a": ["x"]}
