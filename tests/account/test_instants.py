from __future__ import annotations

import pytest

from axonflow_hooks.account.instants import parse_instant


@pytest.mark.parametrize(
    ("text", "utc"),
    [
        ("2027-01-31T10:20:30Z", 1801390830),
        ("2027-01-31t10:20:30z", 1801390830),
        ("2027-01-31 10:20:30", 1801390830),
        ("2027-01-31T10:20:30.123456789Z", 1801390830),
        ("2027-01-31T11:20:30+01:00", 1801390830),
        (" 2027-01-31T05:20:30-05:00 ", 1801390830),
    ],
)
def test_what_is_read(text: str, utc: int) -> None:
    assert parse_instant(text).timestamp() == utc


@pytest.mark.parametrize("text", ["", "2027-01-31", "soon", "2027-13-31T10:20:30Z", "2027-01-31T10:20Z", "1801390830"])
def test_what_is_not(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller says what was wrong
        parse_instant(text)
