"""Masks are found again by what is left of a text, and hide all that any of two masked forms hides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.claude_code.masks import Mask, joined, masks_of, masks_or_one, with_masks, with_more_masked

A, B = "[REDACTED:ssn#1]", "[REDACTED:card#2]"


@pytest.mark.parametrize(
    ("text", "masked", "expected"),
    [
        pytest.param("no 1", "no 1", [], id="unmasked"),
        pytest.param("no 12 here", f"no {A} here", [Mask(3, 5, A)], id="inside"),
        pytest.param("12", A, [Mask(0, 2, A)], id="whole"),
        pytest.param("1, 22, 3", f"{A}, {B}, {A}", [Mask(0, 1, A), Mask(3, 5, B), Mask(7, 8, A)], id="several"),
        pytest.param('{"n": 12}', f'{{"n": "{A}"}}', [Mask(6, 8, f'"{A}"')], id="number of JSON"),
        pytest.param("12 34", f"{A}{B}", [Mask(0, 5, A + B)], id="one behind the other"),
        pytest.param(f"{A} 12", f"{A} {B}", [Mask(0, len(A), A), Mask(len(A) + 1, len(A) + 3, B)], id="masked before"),
        pytest.param("a b c d", f"{A} {B}", None, id="in more than one way"),
        pytest.param("no 12", f"yes {A}", None, id="another beginning"),
        pytest.param("no 12", f"no {A} more", None, id="another end"),
        pytest.param("no 12", "no 13", None, id="another text"),
        pytest.param("no ", f"no {A}", None, id="nothing is masked"),
    ],
)  # fmt: skip
def test_masks_of(text: str, masked: str, expected: list[Mask] | None) -> None:
    assert masks_of(text, masked) == expected


@given(
    st.lists(st.text("ab1 ,", max_size=4), min_size=1, max_size=5), st.lists(st.text("ab1 ,", min_size=1), max_size=4)
)
def test_masks_that_are_told_give_the_masked_text(between: list[str], values: list[str]) -> None:
    values = values[: len(between) - 1]
    between = between[: len(values) + 1]
    text = "".join(f"{kept}{value}" for kept, value in zip(between, [*values, ""], strict=True))
    masked = "".join(f"{kept}{shown}" for kept, shown in zip(between, [*[A] * len(values), ""], strict=True))
    masks = masks_of(text, masked)
    assert masks is None or with_masks(text, masks) == masked
    hidden = with_masks(text, masks_or_one(text, masked))
    left = sum(map(len, between)) + len(A) * len(values)
    assert len(hidden) <= max(left, len(text))


@pytest.mark.parametrize(
    ("text", "masked", "more", "expected"),
    [
        pytest.param("1 2", None, [], None, id="nothing"),
        pytest.param("1 2", f"{A} 2", [], f"{A} 2", id="nothing more"),
        pytest.param("1 2", None, [Mask(2, 3, B)], f"1 {B}", id="only more"),
        pytest.param("1 2", f"{A} 2", [Mask(2, 3, B)], f"{A} {B}", id="both"),
        pytest.param("1 2", f"{A} 2", [Mask(0, 1, B)], f"{A} 2", id="the same under another name"),
        pytest.param("123 2", f"{A} 2", [Mask(1, 3, B)], f"{A} 2", id="a part of it"),
        pytest.param("123 2", f"1{A} 2", [Mask(0, 3, B)], f"{B} 2", id="more of it"),
        pytest.param("12345 2", f"{A}45 2", [Mask(2, 5, B)], f"{A} 2", id="in part the same"),
        pytest.param("a b c 9", f"{A} {B} 9", [Mask(6, 7, B)], f"{A} {B}", id="in more than one way"),
        pytest.param("1\n2", f"{A}\n2", [Mask(0, 1, A)], f"{A}\n2", id="lines stay"),
        pytest.param("123 45 67", f"{A} {B} 67", [Mask(1, 3, B), Mask(4, 5, A)], f"{A} {B} 67", id="parts of two"),
        pytest.param("12 34 56 7", f"12 {A} 56 7", [Mask(0, 2, B), Mask(3, 4, B)], f"{B} {A} 56 7", id="one before"),
        pytest.param("12 34 56 7", f"12 {A} 56 7", [Mask(3, 5, B), Mask(6, 8, B)], f"12 {A} {B} 7", id="one behind"),
    ],
)
def test_with_more_masked(text: str, masked: str | None, more: list[Mask], expected: str | None) -> None:
    assert with_more_masked(text, masked, more) == expected


def test_joined_masks_stand_apart() -> None:
    found = joined([Mask(0, 2, A), Mask(8, 9, A)], [Mask(1, 5, B), Mask(5, 6, A)])
    assert found == [Mask(0, 5, B), Mask(5, 6, A), Mask(8, 9, A)]
