from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.policy import Placeholders, Span, load_engine, redact

ENGINE = load_engine()
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            '{"ssn": "123-45-6789", "n": 1}', {"ssn": "[REDACTED:ssn#1]", "n": 1}, id="a-string",
        ),
        pytest.param('{"card": 4111111111111111}', {"card": "[REDACTED:card#1]"}, id="a-number-becomes-a-string"),
        pytest.param('["a\\n123-45-6789\\t"]', ["a\n[REDACTED:ssn#1]\t"], id="escapes-stay"),
    ],
)  # fmt: skip
def test_json_stays_json(text: str, expected: object) -> None:
    found = ENGINE.evaluate(text, phase="response", connector_type="claude_code.Bash")

    assert found.redacted is not None
    assert json.loads(found.redacted) == expected


@given(
    st.lists(VALUES, min_size=1) | st.dictionaries(st.text(), VALUES, min_size=1),
    st.lists(st.tuples(st.integers(0, 400), st.integers(1, 60)), min_size=1, max_size=5),
    st.booleans(),
)
def test_any_region_of_any_json_leaves_json_of_the_same_shape(
    value: Any, places: list[tuple[int, int]], ascii_only: bool
) -> None:
    text = json.dumps(value, ensure_ascii=ascii_only)
    spans = [
        (0, Span(start, min(start + length, len(text)), "p", "x")) for start, length in places if start < len(text)
    ]

    masked = redact(text, spans, Placeholders())

    assert masked is None or len(json.loads(masked)) <= len(value)
    if isinstance(value, list) and masked is not None and not any(isinstance(item, dict) for item in value):
        assert len(json.loads(masked)) == len(value)


@given(st.text(alphabet='0123456789- {}[]",:', max_size=60))
def test_what_looks_like_json_and_is_none_is_masked_as_text(text: str) -> None:
    found = ENGINE.evaluate(text + " 123-45-6789", phase="response", connector_type="claude_code.Bash")

    assert found.redacted is None or "123-45-6789" not in found.redacted
