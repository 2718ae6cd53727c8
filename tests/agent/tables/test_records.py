"""How moments, texts and rows are written down."""

from __future__ import annotations

import json
import time
import uuid
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from axonflow_hooks.agent.tables.records import (
    AuditRecord,
    Caller,
    canonical_row,
    format_time,
    new_audit_id,
    new_decision_id,
    now,
    parse_time,
    storable,
)

UTC = timezone.utc


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-01-31T12:00:00Z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31t12:00:00z", datetime(2026, 1, 31, 12, tzinfo=UTC)),
        ("2026-01-31 12:00:00+02:00", datetime(2026, 1, 31, 10, tzinfo=UTC)),
        ("2026-01-31T12:00:00.5Z", datetime(2026, 1, 31, 12, 0, 0, 500_000, tzinfo=UTC)),
        ("2026-01-31T12:00:00.123456789Z", datetime(2026, 1, 31, 12, 0, 0, 123_456, tzinfo=UTC)),
        ("2026-01-31T12:00:00", None),
        ("2026-01-31", None),
        ("2026-02-30T12:00:00Z", None),
        ("2026-01-31T25:00:00Z", None),
        ("0001-01-01T00:00:00+14:00", None),
        ("9999-12-31T23:59:59-14:00", None),
        ("٢٠٢٦-01-31T12:00:00Z", None),
        ("", None),
    ],
)
def test_times_are_read_as_rfc_3339_says(text: str, moment: datetime | None) -> None:
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 1, 31, 12, tzinfo=UTC),
        datetime(2026, 1, 31, 12, 0, 0, 7, tzinfo=timezone(timedelta(hours=5))),
        datetime(101, 1, 1, tzinfo=UTC),
    ],
)
def test_times_are_written_with_a_fixed_width(moment: datetime) -> None:
    text = format_time(moment)
    assert len(text) == len("2026-01-31T12:00:00.000000Z")
    assert parse_time(text) == moment


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (None, None),
        ("plain", "plain"),
        ("a\x00b", "a\ufffdb"),
        ("\ud800", "\ufffd"),
        ("x\udc80y", "x\ufffdy"),
        ("\U0001f600 é", "\U0001f600 é"),
    ],
)
def test_text_that_no_database_takes_is_replaced(text: str | None, stored: str | None) -> None:
    assert storable(text) == stored


def audit_row(**changes: Any) -> dict[str, Any]:
    values: dict[str, Any] = {
        "id": "audit_1",
        "timestamp": "2026-01-31T12:00:00.000000Z",
        "request_type": "check_policy",
        "tool_name": "Bash",
        "query": "ls é",
        "caller": Caller("local"),
        "policy_details": {"b": 1, "a": [2]},
        **changes,
    }
    return AuditRecord(**values).row()


def test_the_canonical_form_depends_on_the_values_only() -> None:
    row = audit_row()
    again = dict(reversed(row.items()))
    assert canonical_row(row) == canonical_row(again)
    assert canonical_row(row) != canonical_row(audit_row(query="ls e"))
    assert canonical_row(row).isascii()


@pytest.mark.parametrize(
    "value",
    ["", "ls -la", 'say "é"\n\t\\ \x00\x7f\u2028', "\U0001f600", "\ud800", 0, -1, 2**63, 0.0, 0.345, 1e-07, 1e22, True],
    ids=repr,
)
def test_the_canonical_form_is_json_as_the_encoder_writes_it(value: Any) -> None:
    row = {"value": value, "a": None, 'odd "name"': 1, "B": "upper case comes first"}
    given = {name: value for name, value in row.items() if value is not None}
    expected = json.dumps(given, sort_keys=True, separators=(",", ":"), allow_nan=False)
    assert canonical_row(row) == expected.encode("ascii")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_has_no_canonical_form(value: float) -> None:
    with pytest.raises(ValueError, match="JSON"):
        canonical_row(audit_row(response_time_ms=value))


def test_what_is_neither_text_nor_number_has_no_canonical_form() -> None:
    with pytest.raises(TypeError):
        canonical_row({"query": b"bytes"})


def test_nulls_do_not_count_so_that_later_columns_change_nothing() -> None:
    row = audit_row()
    assert canonical_row({**row, "a_later_column": None}) == canonical_row(row)
    assert canonical_row({**row, "query": ""}) != canonical_row(row)


def test_a_zero_has_no_sign() -> None:
    assert str(audit_row(response_time_ms=-0.0)["response_time_ms"]) == "0.0"


@pytest.mark.parametrize("column", ["client_id", "session_id", "user_email", "client_software", "tool_name"])
def test_names_fit_into_their_columns(column: str) -> None:
    caller = Caller("c" * 999, session_id="s" * 999, user_email="u" * 999, client_software="x" * 999)
    assert len(audit_row(caller=caller, tool_name="t" * 999)[column]) == 256


def test_ids_grow_with_time_and_differ() -> None:
    audit = [new_audit_id() for _ in range(1000)]
    assert len(set(audit)) == 1000
    assert all(len(name) <= 40 and name.startswith("audit_") for name in audit)
    decided = [uuid.UUID(new_decision_id()) for _ in range(100)]
    assert len(set(decided)) == 100
    assert {it.version for it in decided} == {7}
    milliseconds = [it.int >> 80 for it in decided]
    assert milliseconds == sorted(milliseconds)
    assert abs(milliseconds[0] / 1000 - datetime.now(UTC).timestamp()) < 3600


def test_now_is_this_moment_as_times_are_written(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = [
        1_767_225_599_999_999_999,
        1_767_225_600_000_000_000,
        1_767_225_600_000_123_456,
        1_767_225_599_000_000_000,
    ]
    for moment in moments:  # over the end of a second, and back: a clock may be set
        monkeypatch.setattr(time, "time_ns", lambda moment=moment: moment)
        seconds, rest = divmod(moment, 1_000_000_000)
        assert now() == format_time(datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=rest // 1000))
