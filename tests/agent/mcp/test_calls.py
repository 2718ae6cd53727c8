"""The text of a tool's result."""

from __future__ import annotations

import json
from typing import Any

import pytest

from axonflow_hooks.agent.mcp.calls import result_text


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"allowed": True, "decision_id": "019a", "policies_evaluated": 110}, id="an-allowed-verdict"),
        pytest.param({"a": False, "b": -1, "c": ""}, id="falsy-members"),
        pytest.param({'"\\\n\x00\u2028': 'é"\\\t\x7f\U0001f600'}, id="characters-that-are-escaped"),
        pytest.param({"a": 1.5, "b": None}, id="a-number-with-a-fraction-and-null"),
        pytest.param({"a": {"b": []}, "c": [{"d": True}], "e": ()}, id="nested"),
        pytest.param({1: "x"}, id="a-name-that-is-a-number"),
        pytest.param({}, id="an-empty-object"),
        pytest.param([1, "x"], id="a-list"),
        pytest.param("x", id="a-text"),
    ],
)
def test_the_text_of_a_result_is_indented_json(value: Any) -> None:
    assert result_text(value) == json.dumps(value, indent=2, ensure_ascii=False)


def test_what_has_no_utf_8_form_is_escaped() -> None:
    value = {"a": "\ud800", "b": "é"}
    assert result_text(value) == json.dumps(value, indent=2)
