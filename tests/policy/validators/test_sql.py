from __future__ import annotations

import pytest

from axonflow_hooks.policy.validators import Candidate, sql


@pytest.mark.parametrize(
    ("text", "fragment"),
    [
        ("SELECT 1", False),
        ("  (select 1) union select 2", False),
        ("-- why\nSELECT 1", False),
        ("/* a */ /* b */ WITH t AS (SELECT 1) SELECT 2", False),
        ("/* open", True),
        ("1' OR 1=1", True),
        ("selection union select", True),
        ("", True),
    ],
)
def test_fragment(text: str, fragment: bool) -> None:
    assert sql.fragment(Candidate.whole(text)) is fragment


def test_many_comments_before_a_fragment_do_not_multiply() -> None:
    assert sql.fragment(Candidate.whole("/**/" * 1_000 + "x"))


def test_a_long_text_is_no_fragment() -> None:
    assert not sql.fragment(Candidate.whole("a line of prose\n" * 20))
    assert not sql.fragment(Candidate.whole("x" * 5_000))


@pytest.mark.parametrize(
    ("text", "constant"),
    [
        ("or 1=1", True),
        ("OR 2 > 1", True),
        ("' or 'a'='a", True),
        ("or a = b", False),
        ("or id = 5", False),
        ("x", False),
    ],
)
def test_comparison_of_constants(text: str, constant: bool) -> None:
    assert sql.comparison_of_constants(Candidate.whole(text)) is constant
