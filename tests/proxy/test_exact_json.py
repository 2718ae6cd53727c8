"""Messages read and written without losing anything."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.proxy.exact_json import (
    UnreadableMessage,
    array_elements,
    one_line,
    read_object,
    read_value,
    with_scalars_replaced,
    write_object,
)
from axonflow_hooks.proxy.leaves import leaves_of

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("{}", {}, id="empty"),
        pytest.param(' { "a" : 1.0 , "b":[1, {"c":"}"}]\n} ', {"a": "1.0", "b": '[1, {"c":"}"}]'}, id="blanks"),
        pytest.param(
            '{"n":123456789012345678901234567890,"e":1E+2}',
            {"n": "1" + "23456789012345678901234567890", "e": "1E+2"},
            id="numbers",
        ),
        pytest.param('{"\\u0061":"\\u00e9\\/"}', {"a": '"\\u00e9\\/"'}, id="escapes"),
    ],
)
def test_members_keep_their_text(text: str, expected: dict[str, str]) -> None:
    assert {name: member.raw for name, member in read_object(text).items()} == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "1",
        "{",
        '{"a":1',
        '{"a":1,}',
        '{"a" 1}',
        "{a:1}",
        '{"a":1}{',
        '{"a":1} x',
        '{"a":1,"a":2}',
        '{"x":{"a":1,"a":2}}',
        '{"a":NaN}',
        '{"a":-Infinity}',
        '{"a":01}',
        '{"a":"\n"}',
        '{"a":' + "[" * 100_000,
        '{"a":' + "9" * 5_000 + "}",
    ],
)
def test_what_is_not_one_plain_object_is_refused(text: str) -> None:
    with pytest.raises(UnreadableMessage):
        read_object(text)


@given(VALUES)
def test_any_value_reads_as_json_does(value: object) -> None:
    text = json.dumps({"v": value})
    member = read_object(text)["v"]
    assert member.value == value
    assert read_value(member.raw) == value


@given(VALUES, st.data())
def test_leaves_are_found_again_by_their_ordinal(value: object, data: st.DataObject) -> None:
    leaves = [leaf for leaf in leaves_of(value) if leaf.kind in {"text", "number"}]
    chosen = {leaf.ordinal: leaf for leaf in leaves if data.draw(st.booleans())}
    raw = json.dumps(value, indent=data.draw(st.sampled_from([None, 1])))
    replaced = json.loads(with_scalars_replaced(raw, {ordinal: f"<{ordinal}>" for ordinal in chosen}))
    after = {leaf.ordinal: leaf for leaf in leaves_of(replaced)}
    for leaf in leaves:
        expected = f"<{leaf.ordinal}>" if leaf.ordinal in chosen else leaf.text
        assert after[leaf.ordinal].text == expected


def test_everything_but_the_replaced_stays_to_the_letter() -> None:
    raw = '{ "a":1.50, "b" : ["x\\u0041", -3e2 ,true,null], "c":"y" }'
    assert with_scalars_replaced(raw, {3: 'q"\n', 6: "z"}) == (
        '{ "a":1.50, "b" : ["q\\"\\n", -3e2 ,true,null], "c":"z" }'
    )
    assert with_scalars_replaced(raw, {}) == raw


def test_elements_and_writing() -> None:
    assert array_elements(' [ 1.0 , {"a":[2]} ,"x"]') == ["1.0", '{"a":[2]}', '"x"']
    assert array_elements("[]") == []
    assert write_object({"a": "1.0", 'q"': "[]"}) == '{"a":1.0,"q\\"":[]}'
    assert json.loads(one_line('{\n"a":\r\n1}')) == {"a": 1}
