"""Keys without a text behind them: what is not there tells nothing of what stands beside it."""

from __future__ import annotations

from typing import Any, Final

import pytest

from axonflow_hooks.proxy.leaves import leaves_of
from axonflow_hooks.proxy.refusals import Refusal
from tests.proxy.engine_agent import admitted, checked

SSN: Final = "536228726"
PASSPORT: Final = "C01X00T47"


def checked_values(value: Any) -> str:
    """Give what is forwarded of a structured result."""
    return checked({"content": [], "structuredContent": value}).raw


@pytest.mark.parametrize(
    ("value", "bare"),
    [
        pytest.param(None, "null", id="null"),
        pytest.param(False, "null", id="false"),
        pytest.param("", "null", id="empty text"),
        pytest.param([], "null", id="empty list"),
        pytest.param({}, "null", id="empty object"),
        pytest.param(True, "true", id="true"),
        pytest.param(0, "", id="zero"),
        pytest.param(0.0, "", id="zero with a point"),
        pytest.param(1, "", id="one"),
        pytest.param("x", "", id="text"),
        pytest.param([None], "", id="list"),
        pytest.param({"": 1}, "", id="object"),
    ],
)
def test_what_stands_instead_of_a_text(value: Any, bare: str) -> None:
    assert leaves_of({"key": value})[0].bare == bare


@pytest.mark.parametrize(
    ("key", "beside"),
    [
        pytest.param("account_number", {"txn": 123456789012}, id="account"),
        pytest.param("phone", {"account": "1234567890"}, id="telephone"),
        pytest.param("Phone number", {"account": "1234567890"}, id="key with a blank"),
        pytest.param("aadhaar", {"order": "234123412346"}, id="aadhaar"),
        pytest.param("driver_license", {"sku": "D1234567"}, id="licence"),
        pytest.param("passport", {"ref": PASSPORT}, id="passport"),
    ],
)
@pytest.mark.parametrize("nothing", [None, False, "", [], {}], ids=["null", "false", "text", "list", "object"])
def test_what_is_not_there_masks_no_neighbour(key: str, beside: dict[str, Any], nothing: Any) -> None:
    (neighbour,) = beside.values()
    written = f'"{neighbour}"' if isinstance(neighbour, str) else str(neighbour)
    assert written in checked_values({key: nothing, **beside, "note": "none"})
    assert written in checked_values({**beside, key: nothing, "note": "none"})
    assert written not in checked_values({key: {"of": neighbour}, "note": "none"})


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"field": "ssn", "note": None, "value": SSN}, id="between the two"),
        pytest.param({"ssn": None, "of": {"ssn": SSN}}, id="the same key again"),
        pytest.param({"is_ssn": True, "held": SSN}, id="true tells"),
    ],
)
def test_what_tells_of_a_number_still_does(value: Any) -> None:
    assert SSN not in checked_values(value)


@pytest.mark.parametrize("mark", [None, True, "", []], ids=["null", "true", "text", "list"])
def test_a_number_as_a_key_is_not_overlooked(mark: Any) -> None:
    with pytest.raises(Refusal) as refused:
        checked_values({"passport": {PASSPORT: mark, "note": "none"}})
    assert "name of a field" in refused.value.message


@pytest.mark.parametrize("nothing", [None, False, "", [], {}], ids=["null", "false", "text", "list", "object"])
def test_what_is_not_there_masks_no_other_argument(nothing: Any) -> None:
    arguments = {"phone": nothing, "account": "1234567890", "note": "none"}
    assert admitted(arguments).redactions == 0
    assert admitted({"phone": {"of": "1234567890"}, "note": nothing}).redactions == 1
