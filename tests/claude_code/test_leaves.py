from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.claude_code.leaves import Leaf, decoded, leaves_of, masked_in_place, still_json, with_leaves

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda children: st.lists(children, max_size=4) | st.dictionaries(st.text(), children, max_size=4),
    max_leaves=25,
)


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        ("text", [Leaf((), "text")]),
        ("", []),
        (None, []),
        ({"stdout": "out", "stderr": "", "interrupted": False}, [Leaf(("stdout",), "out")]),
        (
            [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
            [Leaf((0, "text"), "a"), Leaf((1, "text"), "b")],
        ),
        ([{"type": "image", "data": "aGk=", "mimeType": "image/png"}], []),
        ([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "aGk="}}], []),
        (
            [{"type": "resource", "resource": {"uri": "file:///a", "blob": "aGk=", "mimeType": "text/plain"}}],
            [Leaf((0, "resource", "uri"), "file:///a")],
        ),
        ({"blob": "a name", "data": "123-45-6789"}, [Leaf(("blob",), "a name"), Leaf(("data",), "123-45-6789")]),
        (
            {"type": "123-45-6789", "status": "Bearer X"},
            [Leaf(("type",), "123-45-6789"), Leaf(("status",), "Bearer X")],
        ),
        ([["x"], [["y"]]], [Leaf((0, 0), "x"), Leaf((1, 0, 0), "y")]),
    ],
)
def test_leaves_of(output: Any, expected: list[Leaf]) -> None:
    assert leaves_of(output) == expected


@given(json_values)
def test_nothing_replaced_is_nothing_changed(output: Any) -> None:
    assert with_leaves(output, {leaf.path: leaf.text for leaf in leaves_of(output)}) == output


@given(json_values, st.data())
def test_only_the_named_leaves_change(output: Any, data: st.DataObject) -> None:
    before = json.dumps(output)
    leaves = leaves_of(output)
    chosen = data.draw(st.sets(st.sampled_from(range(len(leaves))))) if leaves else set()
    replacements = {leaves[index].path: f"<{index}>" for index in chosen}
    after = with_leaves(output, replacements)
    assert json.dumps(output) == before, "the original is left as it was"
    expected = [Leaf(leaf.path, replacements.get(leaf.path, leaf.text)) for leaf in leaves]
    assert [leaf for leaf in leaves_of(after) if leaf.path] == [leaf for leaf in expected if leaf.path]


def test_output_nested_deeper_than_an_encoder_goes() -> None:
    output: Any = "leaf"
    for _ in range(5_000):
        output = [output]
    (leaf,) = leaves_of(output)
    changed = with_leaves(output, {leaf.path: "masked"})
    assert leaves_of(changed) == [Leaf(leaf.path, "masked")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain \\u0031", "plain 1"),
        (r'Result: {"ssn":"\u0031\u0032"}', 'Result: {"ssn":"12"}'),
        (r'```json\n{"ssn":"\u0031"}', r'```json\n{"ssn":"1"}'),
        (r'{"a": "{\"b\": \"\\u0031\\\\u0032\"}"}', r'{"a": "{\"b\": \"12\"}"}'),
        (r'Row: {"iban":"DE89\u00a03704"}', 'Row: {"iban":"DE89\u00a03704"}'),
        ("\\" * 40 + "u0031", "\\" * 24 + "1"),
        (r'{"a": "\u0031\u0032"}', '{"a": "12"}'),
        (r'["\u00e9"]', '["é"]'),
        (r'"\u0031"', '"1"'),
        (r'{"a": "\\u0031"}', '{"a": "1"}'),
        (r'{"a": "\u0022 \u005c \u000a \ud83d\ude00 \u200b"}', r'{"a": "\u0022 \u005c \u000a \ud83d\ude00 \u200b"}'),
        ('{"a": 1.0e5, "a": "\\u0031"}', '{"a": 1.0e5, "a": "1"}'),
        ('{"a": "\\u0031"}\n{"a": "\\u0032"}\n', '{"a": "1"}\n{"a": "2"}\n'),
        (r'{"a": "\u00', r'{"a": "\u00'),
    ],
)
def test_decoded(text: str, expected: str) -> None:
    assert decoded(text) == expected


@given(json_values)
def test_decoded_json_stays_json(value: Any) -> None:
    json.loads(decoded(json.dumps([value])))


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        (r'say "\u00e9" of \u0031\u0032 \n', "12", r'say "\u00e9" of [REDACTED] \n'),
        (r'{"a": "\u00e9", "n": "1\u0032"}', "12", r'{"a": "\u00e9", "n": "[REDACTED]"}'),
        (r'{"a": "\u00e9", "n": 12}', "12", r'{"a": "\u00e9", "n": "[REDACTED]"}'),
        (r'x {"a": "{\"n\": \"\\u0031\\u0032\"}"} \u00e9', "12", r'x {"a": "{\"n\": \"[REDACTED]\"}"} \u00e9'),
        (r"\u0031\u0032", "12", "[REDACTED]"),
        (r"\u00e9 12", "12", r"\u00e9 [REDACTED]"),
        ("no escape 12", "12", "no escape [REDACTED]"),
    ],
)
def test_masked_in_place(text: str, value: str, expected: str) -> None:
    assert masked_in_place(text, decoded(text).replace(value, "[REDACTED]")) == expected


def test_masks_that_cannot_be_placed_are_those_of_the_decoded_text() -> None:
    assert masked_in_place(r"\u0061 b c d", "[REDACTED] [REDACTED]") == "[REDACTED] [REDACTED]"


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ('{"n": 1}', '{"n": [REDACTED:card#1]}', '{"n": "[REDACTED:card#1]"}'),
        (
            '{"n": 1, "s": "x 1 y", "t": "1"}',
            '{"n": [REDACTED:card#1], "s": "x [REDACTED:card#1] y", "t": "[REDACTED:card#1]"}',
            '{"n": "[REDACTED:card#1]", "s": "x [REDACTED:card#1] y", "t": "[REDACTED:card#1]"}',
        ),
        ('{"n": "\\" 1", "m": 1}', '{"n": "\\" 1", "m": [REDACTED]}', '{"n": "\\" 1", "m": "[REDACTED]"}'),
        ('{"n": "1"}', '{"n": "[REDACTED]"}', '{"n": "[REDACTED]"}'),
        ("no json 1", "no json [REDACTED]", "no json [REDACTED]"),
        ("{broken 1", "{broken [REDACTED]", "{broken [REDACTED]"),
    ],
)
def test_still_json(before: str, after: str, expected: str) -> None:
    assert still_json(before, after) == expected
