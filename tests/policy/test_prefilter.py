"""The short form of a pattern finds every text that the pattern finds."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from axonflow_hooks.policy import builtin_packs, load_engine
from axonflow_hooks.policy.matching import compile_stdlib
from axonflow_hooks.policy.prefilter import NUMBERS, TOKENS, Cut, needed, shorten
from devtools.short_forms import FILE, short_forms

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
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.sampled_from(PATTERNS).flatmap(lambda p: st.tuples(st.just(p), st.from_regex(compile_stdlib(p)))))
def test_whatever_a_pattern_matches_its_short_form_matches(cut: Cut, drawn: tuple[str, str]) -> None:
    pattern, text = drawn

    assert re.search(compile_stdlib(shorten(pattern, cut)), text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        pytest.param(r"\b[a-z]{40}KEY9[a-z]{4}\b", "KEY9", id="in-the-middle"),
        pytest.param(r"a(?:bc|d)ef", "ef", id="branches-are-left-out"),
        pytest.param(r"(?:abc)?d", "d", id="what-may-be-missing-is-left-out"),
        pytest.param(r"(abc){2,3}d", "abc", id="repeats"),
        pytest.param(r"a(?i:bcd)", "a", id="letters-of-any-case-are-left-out"),
        pytest.param(r"(?i)abc", "", id="all-letters-of-any-case"),
        pytest.param(r"\bé\.€€\z", "é.€€", id="characters-beyond-ascii"),
        pytest.param(r"[0-9]+", "", id="nothing-plain"),
    ],
)
def test_needed_texts(pattern: str, text: str) -> None:
    assert needed(pattern) == text


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(drawn=st.sampled_from(PATTERNS).flatmap(lambda p: st.tuples(st.just(p), st.from_regex(compile_stdlib(p)))))
def test_whatever_a_pattern_matches_holds_what_it_needs(drawn: tuple[str, str]) -> None:
    pattern, text = drawn

    assert needed(pattern) in text


def test_the_short_forms_of_built_in_patterns_are_at_hand() -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == short_forms(), "run: python -m devtools.short_forms"


def test_no_built_in_pattern_has_to_be_shortened_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("axonflow_hooks.policy.prefilter.short_form", lambda pattern, cut: pytest.fail(pattern))
    shorten.cache_clear()
    load_engine()
