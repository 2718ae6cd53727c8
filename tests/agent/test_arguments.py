"""The arguments inside the text that a gateway makes of a tool's call."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.agent.arguments import embedded_arguments


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        ("list the files", None),
        ('tool_call: run args: {"a":"b\\n\\u0041"}', {"a": "b\nA"}),
        ("run [1, 2]", [1, 2]),
        ('run {"a": "b", "c": "cut he', [{"a": "b"}, {"c": "cut he"}]),
        ('run {"a": "bad \\x", "b": "\\u00e9"', [{"a": "bad \\x"}, {"b": "é"}]),
        ("run {not json}", None),
        ("[" * 5000, None),
    ],
    ids=["none", "object", "array", "cut", "bad escape", "no pairs", "deep"],
)
def test_arguments(text: str, arguments: Any) -> None:
    assert embedded_arguments(text) == arguments


@given(st.text())
def test_no_text_is_too_odd(text: str) -> None:
    embedded_arguments("{" + text)
