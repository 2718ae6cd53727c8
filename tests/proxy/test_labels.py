"""The label of a text says what it is, and holds no data itself."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.proxy.labels import MAX_LABEL_CHARS, label_of, safe_label
from axonflow_hooks.proxy.leaves import is_plain_key, leaves_of

SSN = "536-90-" + "4399"


@pytest.mark.parametrize(
    ("key", "label"),
    [
        pytest.param("ssn", "ssn", id="plain"),
        pytest.param("SSN#", "SSN", id="sign"),
        pytest.param("ssn (us)", "ssn us", id="brackets"),
        pytest.param("Número de SSN", "Número de SSN", id="other letters"),
        pytest.param("身份证 ssn", "身份证 ssn", id="other script"),
        pytest.param("employee/ssn", "employee ssn", id="path"),
        pytest.param("ssn_2024", "ssn_", id="long number"),
        pytest.param("ssn_v2", "ssn_v2", id="short number"),
        pytest.param(SSN, "90", id="data"),
        pytest.param("a1b2c3d4", "a1b2c d", id="many digits"),
        pytest.param("jane@example.com", "jane example.com", id="address"),
        pytest.param("", "value", id="none"),
        pytest.param("###", "value", id="no letter"),
        pytest.param("number of her card of social security", "number of her card of social security", id="long"),
        pytest.param("x" * 50 + " social security", "social security", id="too long"),
        pytest.param("x" * 80, "x" * MAX_LABEL_CHARS, id="one long word"),
    ],
)  # fmt: skip
def test_safe_label(key: str, label: str) -> None:
    assert safe_label(key) == label


@given(st.text())
def test_label_holds_no_data(key: str) -> None:
    label = safe_label(key)
    assert 0 < len(label) <= MAX_LABEL_CHARS
    assert sum(character.isdecimal() for character in label) <= 2
    assert "@" not in label
    assert "\n" not in label


@pytest.mark.parametrize(
    ("value", "labels"),
    [
        pytest.param({"person": {"ssn": 1}}, ["ssn"], id="its own key tells"),
        pytest.param({"ssn": {"value": 1}}, ["ssn value"], id="its own key tells nothing"),
        pytest.param({"ssn": [{"value": 1}, 2]}, ["ssn value", "ssn"], id="in a list"),
        pytest.param({"content": [{"text": "x"}]}, ["text"], id="neither key tells"),
        pytest.param([[1]], ["value"], id="no key"),
        pytest.param({"columns": ["id", "ssn"], "rows": [[1, 2], [3, 4]]},
                     ["columns", "columns", "rows id", "rows ssn", "rows id", "rows ssn"], id="table"),
        pytest.param({"columns": [{"name": "id"}, {"name": "ssn"}], "rows": [[1, 2]]},
                     ["columns name", "columns name", "rows id", "rows ssn"], id="described columns"),
        pytest.param([["id", "ssn"], [1, 2]], ["id", "ssn", "id", "ssn"], id="first row"),
        pytest.param([[1, 2], [3, 4]], ["value"] * 4, id="no names"),
        pytest.param({"columns": ["id"], "rows": [[1, 2]]}, ["columns", "rows id", "rows id"], id="one column"),
        pytest.param({"columns": ["id"], "rows": [[1, 2], [3, 4]]},
                     ["columns", "rows id", "rows", "rows id", "rows"], id="too few names"),
        pytest.param({"columns": ["id", "ssn"], "rows": [[1], [2, 3]]},
                     ["columns", "columns", "rows id", "rows id", "rows ssn"], id="rows of other lengths"),
        pytest.param({"names": ["a", "b"], "pairs": ["c", "d"]}, ["names", "names", "pairs", "pairs"], id="no rows"),
    ],
)  # fmt: skip
def test_label_of(value: object, labels: list[str]) -> None:
    assert [label_of(leaf) for leaf in leaves_of(value) if not is_plain_key(leaf)] == labels
