from __future__ import annotations

from typing import Any

import pytest

from axonflow_hooks.claude_code.masked_input import masked_input
from axonflow_hooks.claude_code.statements import Statement, argument_lines

CARD = "4111 1111 1111 1111"
MASK = "[REDACTED:card#1]"


def statement(given: dict[str, Any]) -> Statement:
    return Statement("claude_code.mcp__kit__x", "\n".join(argument_lines(given)))


@pytest.mark.parametrize(
    "given",
    [
        pytest.param({"a": CARD}, id="one"),
        pytest.param({"a": f"x{CARD}y{CARD}", "b": 1, "c": CARD}, id="several"),
        pytest.param({"a": [{"b": "no"}, {"b": f"{CARD}\nsecond\n"}], "c": ""}, id="nested, with line ends"),
        pytest.param({"a": f"[REDACTED:ssn#1] {CARD}"}, id="beside an earlier placeholder"),
        pytest.param({"k" * 300: {"b": CARD, "c": "d"}}, id="below a long key"),
        pytest.param({"": CARD}, id="empty key"),
        pytest.param({"a": {}, "b": [], "c": None, "d": f"{CARD}."}, id="beside empty values"),
    ],
)
def test_texts_are_masked_in_their_places(given: dict[str, Any]) -> None:
    asked = statement(given)
    masked = masked_input(given, asked, asked.text.replace(CARD, MASK))
    assert masked is not None
    assert statement(masked).text == asked.text.replace(CARD, MASK)
    assert [type(value) for value in masked.values()] == [type(value) for value in given.values()]
    assert masked.keys() == given.keys()


def test_the_input_itself_is_not_changed() -> None:
    given = {"a": [CARD]}
    assert masked_input(given, statement(given), f"a[0]: {MASK}") == {"a": [MASK]}
    assert given == {"a": [CARD]}


@pytest.mark.parametrize(
    ("given", "masked"),
    [
        pytest.param({"a": "x"}, "a: x", id="nothing masked"),
        pytest.param({CARD: "x"}, f"{MASK}: x", id="key"),
        pytest.param({"a": 4111111111111111}, f"a: {MASK}", id="number"),
        pytest.param({"a": "x"}, "a: y", id="another text"),
        pytest.param({"a": f"x {CARD}"}, f"a: y {MASK}", id="other text before a placeholder"),
        pytest.param({"a": f"{CARD} x"}, f"a: {MASK} y", id="other text behind a placeholder"),
        pytest.param({"a": f"{CARD} x {CARD}"}, f"a: {MASK} y {MASK}", id="other text between placeholders"),
        pytest.param({"a": "xy"}, f"a: xy{MASK}xy", id="more than there was"),
        pytest.param({"a": CARD, "b": "x"}, f"a: {MASK}", id="cut short"),
        pytest.param({"a": CARD}, f"a: {MASK}\nb: more", id="longer"),
        pytest.param({"a": f"1\nb: {CARD}", "b": "x"}, f"a: 1\nb: {MASK}\nb: x", id="text that looks like a line"),
        pytest.param({"a": CARD}, "a: ****", id="no placeholder"),
        pytest.param({"a": CARD}, "", id="empty"),
        pytest.param({}, MASK, id="no arguments"),
    ],
)
def test_what_cannot_be_put_back_is_not(given: dict[str, Any], masked: str) -> None:
    assert masked_input(given, statement(given), masked) is None


def test_a_field_is_replaced_where_what_stands_before_it_is_unchanged() -> None:
    asked = Statement("claude_code.Write", f"/srv/a\n{CARD}", "content", len("/srv/a\n"))
    given = {"file_path": "/srv/a", "content": CARD}
    assert masked_input(given, asked, f"/srv/a\n{MASK}") == {"file_path": "/srv/a", "content": MASK}
    assert masked_input(given, asked, f"/srv/{MASK}\n{CARD}") is None
