"""Which texts of a value are looked at: in schemas, numbers, nested resources, blobs and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.proxy.exact_json import read_value, with_scalars_replaced
from axonflow_hooks.proxy.leaves import MAX_LEAVES, Leaf, TooManyLeaves, is_plain_key, leaves_of

SSN = "536-90-" + "4399"
SCHEMA = {"type": "object", "properties": {"type": {"type": "string", "enum": ["text", SSN]}}}


def looked_at(value: Any) -> list[tuple[str, str, str]]:
    """Give label, text and kind of all leaves but the names of fields."""
    return [(leaf.label, leaf.text, leaf.kind) for leaf in leaves_of(value) if not is_plain_key(leaf)]


@pytest.mark.parametrize(
    ("value", "leaves"),
    [
        pytest.param(SCHEMA, [("enum", "text", "text"), ("enum", SSN, "text")], id="property called type"),
        pytest.param({"type": ["string", "null", SSN]}, [("type", "null", "text"), ("type", SSN, "text")], id="types"),
        pytest.param({"type": {"type": SSN}}, [("type", SSN, "text")], id="type of type"),
        pytest.param({"ssn": 536904399}, [("ssn", "536904399", "number")], id="identifier"),
        pytest.param({"n": -536904399}, [("n", "-536904399", "number")], id="negative"),
        pytest.param({"cards": [[4111111111111111]]}, [("cards", "4111111111111111", "number")], id="nested list"),
        pytest.param({"n": 10**40 + 1}, [("n", "1" + "0" * 39 + "1", "number")], id="large integer"),
        pytest.param({"n": 2**53 + 1}, [("n", "9007199254740993", "number")], id="beyond the integers of a double"),
        pytest.param({"t": True, "f": False, "n": None}, [], id="words of JSON"),
        pytest.param({"empty": ""}, [], id="empty text"),
        pytest.param({SSN: 1}, [("", SSN, "key"), (SSN, "1", "number")], id="key"),
        pytest.param({"a b": {"c": [SSN]}}, [("", "a b", "key"), ("c", SSN, "text")], id="label is the nearest key"),
        pytest.param([[SSN], SSN], [("", SSN, "text"), ("", SSN, "text")], id="no key at all"),
        pytest.param(
            {"code": -32042, "message": "no", "data": {"rows": [["Ann", 5]], "more": {"ssn": SSN}}},
            [("code", "-32042", "number"), ("message", "no", "text"), ("rows", "Ann", "text"), ("rows", "5", "number"),
             ("ssn", SSN, "text")],
            id="error data",
        ),
        pytest.param(
            {"content": [{"type": "resource", "resource": {"uri": "x://y", "text": SSN, "_meta": {"by": "Ann"}}}]},
            [("uri", "x://y", "text"), ("text", SSN, "text"), ("by", "Ann", "text")],
            id="nested resource",
        ),
        pytest.param(
            {"content": [{"type": "resource", "resource": {"uri": "x://y", "blob": "QQ=="}}]},
            [("uri", "x://y", "text"), ("blob", "QQ==", "binary")],
            id="nested blob",
        ),
        pytest.param(
            {"contents": [{"uri": "x://y", "blob": {"text": SSN}}, {"blob": SSN}]},
            [("uri", "x://y", "text"), ("text", SSN, "text"), ("blob", SSN, "text")],
            id="blob that is none",
        ),
        pytest.param(
            {"type": "image", "data": [SSN], "annotations": {"data": SSN}},
            [("data", SSN, "text"), ("data", SSN, "text")],
            id="data that is none",
        ),
        pytest.param(
            {"type": "image", "data": "QQ==", "_meta": {"data": SSN}},
            [("data", "QQ==", "binary"), ("data", SSN, "text")],
            id="data deeper than the block's",
        ),
        pytest.param({"type": "video", "data": SSN}, [("type", "video", "text"), ("data", SSN, "text")], id="no block"),
    ],
)  # fmt: skip
def test_what_is_looked_at(value: Any, leaves: list[tuple[str, str, str]]) -> None:
    assert looked_at(value) == leaves


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param('{"type":"object","properties":{"type":{"type":"string"}},"n":[1,2.50,-3e2],"k":"X"}', id="types"),
        pytest.param('{"a\\u0062":[true,{"":""}],"n":1e400,"m":123456789012345678901234567890,"k":"X"}', id="odd"),
        pytest.param('{"":{"":"","x":[[],{},""]},"esc":"\\"\\\\","k":"X"}', id="empty"),
        pytest.param('{"type":"image","data":"QQ==","mimeType":"text","t":null,"k":"X"}', id="block"),
    ],
)
def test_a_leaf_is_found_again_in_the_text(raw: str) -> None:
    (leaf,) = [leaf for leaf in leaves_of(json.loads(raw)) if leaf.text == "X"]
    masked = with_scalars_replaced(raw, {leaf.ordinal: 'a "mask"'})
    assert masked == raw.replace('"X"', '"a \\"mask\\""')
    assert read_value(masked)["k"] == 'a "mask"'


def test_the_bound_on_leaves() -> None:
    assert len(leaves_of(["x"] * MAX_LEAVES)) == MAX_LEAVES
    with pytest.raises(TooManyLeaves):
        leaves_of(["x"] * (MAX_LEAVES + 1))


def test_nesting_has_no_bound() -> None:
    value: Any = SSN
    for _ in range(100_000):
        value = [value]
    assert leaves_of(value) == [Leaf(0, "", SSN, "text", listed=True)]
