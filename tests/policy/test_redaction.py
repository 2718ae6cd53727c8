from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.policy import Placeholders, Span, load_engine, redact
from axonflow_hooks.policy.redaction import merge_spans

ENGINE = load_engine()
PLACEHOLDER = re.compile(r"\[REDACTED:[a-z_]+#\d+\]")


def span(start: int, end: int, kind: str = "k") -> Span:
    return Span(start, end, f"policy_{kind}", kind)


def test_overlapping_spans_become_one_named_by_the_most_severe() -> None:
    text = "0123456789"

    masked = redact(text, [(2, span(1, 5, "weak")), (0, span(3, 6, "strong")), (2, span(8, 9, "weak"))], Placeholders())

    assert masked == "0[REDACTED:strong#1]67[REDACTED:weak#1]9"


def test_touching_spans_stay_two() -> None:
    assert [tuple(region) for region in merge_spans([(0, span(0, 2)), (0, span(2, 4))])] == [(0, 2, "k"), (2, 4, "k")]


def test_the_longer_of_two_equally_severe_names_the_region() -> None:
    (region,) = merge_spans([(0, span(2, 4, "short")), (0, span(0, 6, "long"))])

    assert region.kind == "long"


def test_no_spans_give_none() -> None:
    assert redact("text", [], Placeholders()) is None


@given(
    text=st.text(st.characters(exclude_characters="["), max_size=80),
    places=st.lists(st.tuples(st.integers(0, 80), st.integers(0, 80), st.integers(0, 3)), max_size=8),
)
def test_nothing_inside_a_span_stays_and_everything_outside_does(text: str, places: list[tuple[int, int, int]]) -> None:
    spans = [(rank, span(min(a, len(text)), min(b, len(text)))) for a, b, rank in places if a < b]
    inside = {index for _rank, item in spans for index in range(item.start, item.end)}
    outside = "".join(character for index, character in enumerate(text) if index not in inside)

    masked = redact(text, spans, Placeholders())

    assert (masked is None) == (not inside)
    assert PLACEHOLDER.sub("", text if masked is None else masked) == outside
    if masked is not None:
        assert len(PLACEHOLDER.findall(masked)) == len(merge_spans(spans))


@given(
    before=st.text(max_size=40),
    after=st.text(max_size=40),
    value=st.sampled_from(["123-45-6789", "4111 1111 1111 1111", "GB82WEST12345698765432", "S1234567D"]),
)
def test_a_value_never_survives_the_engine(before: str, after: str, value: str) -> None:
    text = f"{before} \n{value}\n {after}"

    evaluation = ENGINE.evaluate(text, phase="response", connector_type="claude_code.Bash")

    assert evaluation.redacted is not None
    assert value not in evaluation.redacted
    assert evaluation.redacted.startswith(text[: evaluation.spans[0].start])
    assert evaluation.redacted.endswith(text[max(found.end for found in evaluation.spans) :])
