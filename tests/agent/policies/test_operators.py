"""Every operator that the validator accepts, with what it holds for."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.agent.policies.operators import (
    ALIASES,
    OPERATORS,
    normalised,
    number,
    prepared,
    value_fault,
)
from axonflow_hooks.agent.policies.patterns import Text


def holds(operator: Any, value: Any, *facts: Any) -> bool:
    assert value_fault(operator, value) is None
    return prepared(operator, value).ask(facts)[0]


@pytest.mark.parametrize(
    ("operator", "value", "fact", "expected"),
    [
        ("equals", "admin", "admin", True),
        ("equals", "admin", "Admin", False),
        ("equals", 5, "5.0", True),
        ("equals", "5", 5, True),
        ("equals", True, "TRUE", True),
        ("equals", True, 1, False),
        ("not_equals", "admin", "admin", False),
        ("not_equals", "admin", "dev", True),
        ("contains", "Salary", "the SALARY of", True),
        ("contains", "salary", "sal ary", False),
        ("contains", "5", 1502, True),
        ("not_contains", "debug", "x DEBUG y", False),
        ("not_contains", "debug", "x", True),
        ("contains_any", ["ssn", "salary"], "my ssn", True),
        ("contains_any", ["ssn", "salary"], "nothing", False),
        ("regex", r"prod-\d+", "prod-17", True),
        ("regex", r"prod-\d+", "Prod-17", False),
        ("greater_than", 0.8, 0.81, True),
        ("greater_than", 0.8, 0.8, False),
        ("greater_than", "100", "101", True),
        ("greater_than", 1, "many", False),
        ("less_than", 10, 9.5, True),
        ("less_than", 10, True, False),
        ("in", ["DE", "FR"], "DE", True),
        ("in", ["DE", "FR"], "de", False),
        ("in", [1, 2], "2", True),
        ("not_in", ["DE", "FR"], "DE", False),
        ("not_in", ["DE", "FR"], "US", True),
    ],
)
def test_operators(operator: str, value: Any, fact: Any, expected: bool) -> None:
    assert holds(operator, value, fact) is expected
    if isinstance(fact, str):
        assert holds(operator, value, Text(fact)) is expected


@pytest.mark.parametrize("operator", OPERATORS)
def test_without_a_value_only_negations_hold(operator: str) -> None:
    value = {"contains_any": ["x"], "in": ["x"], "not_in": ["x"], "greater_than": 1, "less_than": 1}.get(operator, "x")
    assert holds(operator, value) is operator.startswith("not_")


def test_one_of_several_texts_is_enough_and_none_may_be_for_a_negation() -> None:
    texts = Text("a"), Text("has ssn"), Text("ssn ssn")
    assert prepared("contains", "ssn").ask(texts) == (True, ((1, [(4, 7)]), (2, [(0, 3), (4, 7)])))
    assert prepared("not_contains", "ssn").ask(texts) == (False, ())
    assert prepared("not_contains", "ssn").ask(texts[:1]) == (True, ())


@pytest.mark.parametrize(("symbol", "operator"), sorted(ALIASES.items()))
def test_symbols_are_operators(symbol: str, operator: str) -> None:
    assert normalised(symbol) == operator
    assert normalised(operator) == operator


@pytest.mark.parametrize("unknown", ["", "has", "EQUALS", "===", "rate"])
def test_unknown_operators(unknown: str) -> None:
    assert normalised(unknown) is None


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("in", "x"),
        ("in", []),
        ("contains", ""),
        ("contains", 5),
        ("contains", ["x"]),
        ("contains_any", ["x", ""]),
        ("greater_than", "many"),
        ("greater_than", True),
        ("regex", "("),
        ("regex", 5),
        ("equals", float("nan")),
        ("in", [float("inf")]),
        ("contains_any", ["a", "\ud800"]),
        ("regex", "\ud800"),
    ],
)
def test_values_that_do_not_suit(operator: Any, value: Any) -> None:
    assert value_fault(operator, value)


@pytest.mark.parametrize(
    ("value", "size"),
    [
        ("12", 12),
        ("-1.5e2", -150.0),
        ("9007199254740993", 9007199254740993),
        (3, 3),
        (10**400, 10**400),
        (True, None),
        ("1e999", None),
        ("0x10", None),
        (" 1", None),
        ("1_000", None),
        ("٣", None),
        (float("nan"), None),
    ],
)
def test_number(value: Any, size: float | None) -> None:
    assert number(value) == size


scalars = st.one_of(
    st.booleans(), st.integers(-5, 5), st.floats(-5, 5), st.sampled_from(["", "a", "A", "5", "-1", "b a"])
)


@given(scalars, scalars)
def test_negations_are_negations(value: Any, fact: Any) -> None:
    for operator in ("equals", "in", "contains"):
        wanted: Any = [value] if operator == "in" else value
        negated: Any = f"not_{operator}"
        if value_fault(negated, wanted) is None:
            assert holds(operator, wanted, fact) is not holds(negated, wanted, fact)
