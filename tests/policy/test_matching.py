"""Both engines behind the pattern sets give the same places."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import builtin_packs
from axonflow_hooks.policy.matching import (
    FALLBACK_CHARS,
    Haystack,
    PatternSet,
    Re2Set,
    StdlibSet,
    pattern_fault,
)

BOTH = pytest.mark.parametrize("make", [Re2Set, StdlibSet])
Make = Callable[[Sequence[str]], PatternSet]


def places(patterns: PatternSet, text: str) -> dict[int, list[tuple[int, int]]]:
    haystack = Haystack(text)
    found = {index: list(patterns.find(index, haystack)) for index in patterns.hits(haystack)}
    return {index: where for index, where in found.items() if where}


@BOTH
def test_hits_and_places(make: Make) -> None:
    patterns = make([r"\bab+\b", r"(?i)KEY=(\w+)", r"é\d", r"never", r"z\z"])

    found = places(patterns, "abb é1 key=xyz ab é2 z")

    assert found == {0: [(0, 3), (15, 17)], 1: [(11, 14)], 2: [(4, 6), (18, 20)], 4: [(21, 22)]}


@BOTH
def test_word_boundaries_and_classes_are_ascii(make: Make) -> None:
    assert places(make([r"\b\d+\b"]), "é12é ١٢ 34") == {0: [(1, 3), (8, 10)]}


@BOTH
def test_no_hit_is_empty(make: Make) -> None:
    assert list(make(["a"]).hits(Haystack("b"))) == []


@BOTH
def test_a_refused_pattern_is_a_pack_error(make: Make) -> None:
    with pytest.raises(PolicyPackError, match="refused"):
        make(["("])


def test_look_ahead_is_refused_even_where_re_would_take_it() -> None:
    assert pattern_fault("(?=a)") is not None
    assert pattern_fault("a+") is None


def test_the_fallback_sees_what_lies_across_two_pieces() -> None:
    text = "x" * (FALLBACK_CHARS - 3) + " needle " + "y" * 100 + " needle"

    assert places(StdlibSet([r"\bneedle\b"]), text) == places(Re2Set([r"\bneedle\b"]), text)


@given(st.text(max_size=200))
def test_byte_offsets_map_back(text: str) -> None:
    haystack = Haystack(text)
    at = 0
    for index, character in enumerate(text):
        assert haystack.offset(at) == index
        at += len(character.encode("utf-8", "surrogatepass"))
    assert haystack.offset(at) == len(text)


def test_byte_offsets_map_back_beyond_the_index_step() -> None:
    text = "a€🎉é" * 1_500

    haystack = Haystack(text)

    for index in range(0, len(text), 37):
        assert haystack.offset(len(text[:index].encode())) == index


def test_built_in_patterns_agree_in_both_engines() -> None:
    for pack in builtin_packs():
        for policy in pack.policies:
            patterns = [matcher.pattern for matcher in policy.matchers if matcher.pattern is not None]
            texts = [example.text for example in (*policy.flag, *policy.clean)]
            for text in texts if patterns else []:
                assert places(Re2Set(patterns), text) == places(StdlibSet(patterns), text), (policy.id, text)
