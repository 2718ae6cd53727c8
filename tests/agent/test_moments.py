"""Times as callers write them."""

from __future__ import annotations

import pytest

from axonflow_hooks.agent.moments import DAY_END, DAY_START, stored_moment


@pytest.mark.parametrize(
    ("text", "time_of_day", "stored"),
    [
        ("2026-01-31", DAY_START, "2026-01-31T00:00:00.000000Z"),
        ("2026-01-31", DAY_END, "2026-01-31T23:59:59.999999Z"),
        ("2026-01-31T10:00:00+02:00", DAY_END, "2026-01-31T08:00:00.000000Z"),
        ("2026-01-31T10:00:00", DAY_END, "2026-01-31T10:00:00.000000Z"),
        ("2026-01-31T10:00:00.5", DAY_START, "2026-01-31T10:00:00.500000Z"),
        ("2026-02-30", DAY_START, None),
        ("10:00", DAY_START, None),
        ("", DAY_START, None),
    ],
)
def test_a_moment(text: str, time_of_day: str, stored: str | None) -> None:
    assert stored_moment(text, time_of_day) == stored
