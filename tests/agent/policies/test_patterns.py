"""Which patterns are accepted, and what they find."""

from __future__ import annotations

import pytest

from axonflow_hooks.agent.policies import patterns
from axonflow_hooks.agent.policies.patterns import Text, first_groups, literal, places, rejection
from axonflow_hooks.wire.policies import MAX_PATTERN_CHARS


@pytest.mark.parametrize(
    "pattern",
    ["prod-db-[0-9]+", r"(?i)\bdrop\s+table\b", r"a{2,50}", "é+", r"^x$"],
    ids=["plain", "flags", "repeat", "unicode", "anchors"],
)
def test_good_patterns(pattern: str) -> None:
    assert rejection(pattern) is None


@pytest.mark.parametrize(
    ("pattern", "fault"),
    [
        ("(", "no valid RE2 expression"),
        ("a(?=b)", "no valid RE2 expression"),
        (r"(a)\1", "no valid RE2 expression"),
        ("a{5000}", "no valid RE2 expression"),
        ("é.{1,900}", "too expensive"),
        ("x" * (MAX_PATTERN_CHARS + 1), "longer than"),
        ("a*", "matches the empty text"),
        (".*", "matches the empty text"),
        ("a\u202eb", "cannot be shown"),
    ],
    ids=["syntax", "look-ahead", "back-reference", "repeat", "program", "length", "star", "anything", "hidden"],
)
def test_bad_patterns_are_told(pattern: str, fault: str) -> None:
    assert fault in (rejection(pattern) or "")


def test_without_re2_repeats_must_not_nest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(patterns, "HAVE_RE2", False)
    judge = rejection.__wrapped__
    assert "repeat within a repeat" in (judge("(a+)+b") or "")
    assert judge("(a{1,3})+b") is None
    assert judge("(ab)+c+") is None


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("a+", "baa a", [(1, 3), (4, 5)]),
        ("é", "xé€é", [(1, 2), (3, 4)]),
        ("key=(\\w+)", "key=abc", [(4, 7)]),
        ("x", "", []),
        ("b", "\ud800b", [(1, 2)]),
    ],
    ids=["ascii", "unicode", "group", "empty", "surrogate"],
)
def test_places(pattern: str, text: str, found: list[tuple[int, int]]) -> None:
    assert places(pattern, Text(text)) == found


@pytest.mark.parametrize("word", ["a.b", "(x", "tab\there", "line\nbreak", "d\u00e9j\u00e0", "#", "a-b_c d", "\\"])
def test_a_literal_finds_itself_only(word: str) -> None:
    assert places(literal([word]), Text(f"--{word}--")) == [(2, 2 + len(word))]
    assert places(literal([word]), Text(f"--{word.upper()}--")) == [(2, 2 + len(word))]
    assert not places(literal([word]), Text("nothing of it"))


@pytest.mark.parametrize(
    ("pattern", "text", "groups"),
    [("(a)(b)?", "xa", ["a", "a", ""]), ("é", "é", ["é"]), ("z", "a", None)],
    ids=["groups", "unicode", "none"],
)
def test_first_groups(pattern: str, text: str, groups: list[str] | None) -> None:
    assert first_groups(pattern, text) == groups
