from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import pytest

from axonflow_hooks.policy import Placeholders


def test_the_same_value_has_the_same_placeholder() -> None:
    placeholders = Placeholders()

    assert placeholders.placeholder("ssn", "123-45-6789") == "[REDACTED:ssn#1]"
    assert placeholders.placeholder("ssn", "536-22-8726") == "[REDACTED:ssn#2]"
    assert placeholders.placeholder("ssn", "123-45-6789") == "[REDACTED:ssn#1]"


@pytest.mark.parametrize("spelling", ["123 45 6789", "123456789", "123-45-6789", "\uff11\uff12\uff13-45-6789"])
def test_spellings_of_one_value_agree(spelling: str) -> None:
    placeholders = Placeholders()
    placeholders.placeholder("ssn", "123-45-6789")

    assert placeholders.placeholder("ssn", spelling) == "[REDACTED:ssn#1]"


def test_kinds_are_counted_apart() -> None:
    placeholders = Placeholders()

    assert placeholders.placeholder("ssn", "1234") == "[REDACTED:ssn#1]"
    assert placeholders.placeholder("card", "1234") == "[REDACTED:card#1]"


def test_two_sessions_share_nothing() -> None:
    one, two = Placeholders(), Placeholders()
    one.placeholder("ssn", "a")

    assert two.placeholder("ssn", "b") == "[REDACTED:ssn#1]"


def test_memory_is_bounded_and_numbers_are_never_given_twice() -> None:
    placeholders = Placeholders(capacity=3)
    given = [placeholders.placeholder("k", value) for value in "abcd"]

    assert len(placeholders) == 3
    assert placeholders.placeholder("k", "d") == given[3]
    assert placeholders.placeholder("k", "a") == "[REDACTED:k#5]"


def test_raw_values_are_not_kept() -> None:
    placeholders = Placeholders()
    placeholders.placeholder("ssn", "123-45-6789")

    reachable = gc.get_referents(*gc.get_referents(placeholders))

    assert not any("6789" in repr(item) for item in reachable)


def test_threads_agree() -> None:
    placeholders = Placeholders()
    values = [str(number % 50) for number in range(2_000)]

    with ThreadPoolExecutor(8) as pool:
        given = list(pool.map(lambda value: placeholders.placeholder("k", value), values))

    assert len(set(given)) == 50
    assert all(given[index] == given[index % 50] for index in range(len(given)))
