"""The short form of a pattern finds every text that the pattern finds."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from axonflow_hooks.policy import builtin_packs
from axonflow_hooks.policy.matching import compile_stdlib
from axonflow_hooks.policy.prefilter import NUMBERS, TOKENS, Cut, shorten

PATTERNS = sorted({m.pattern for pack in builtin_packs() for p in pack.policies for m in p.matchers if m.pattern})
EXAMPLES = [e.text for pack in builtin_packs() for p in pack.policies for e in (*p.flag, *p.clean)]


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        pytest.param(r"\bkey_[a-z0-9]{64}\b", "key_" + "a1" * TOKENS.repeat, True, id="long-repeats-are-cut"),
        pytest.param(r"\bkey_[a-z0-9]{64}\b", "kex_" + "a1" * 40, False, id="the-beginning-still-counts"),
        pytest.param(r"(?i)ab(?:c|d{90})e", "ABC", True, id="branches-keep-what-is-short"),
        pytest.param(r"a\z", "a", True, id="end-of-text"),
        pytest.param(r"(?m)^x", "b\nx", True, id="flags"),
    ],
)
def test_short_forms(pattern: str, text: str, found: bool) -> None:
    assert (compile_stdlib(shorten(pattern)).search(text) is not None) is found


@pytest.mark.parametrize("cut", [TOKENS, NUMBERS], ids=["tokens", "numbers"])
def test_every_example_is_found_by_the_short_form_too(cut: Cut) -> None:
    for pattern in PATTERNS:
        whole, short = compile_stdlib(pattern), compile_stdlib(shorten(pattern, cut))
        for text in EXAMPLES:
            if whole.search(text):
                assert short.search(text), (pattern, text)


@pytest.mark.parametrize("cut", [TOKENS, NUMBERS], ids=["tokens", "numbers"])
@settings(max_examples=100)
@given(drawn=st.sampled_from(PATTERNS).flatmap(lambda p: st.tuples(st.just(p), st.from_regex(compile_stdlib(p)))))
def test_whatever_a_pattern_matches_its_short_form_matches(cut: Cut, drawn: tuple[str, str]) -> None:
    pattern, text = drawn

    assert re.search(compile_stdlib(shorten(pattern, cut)), text)
