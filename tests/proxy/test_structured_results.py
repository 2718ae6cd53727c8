"""A structured result is masked as the built-in policies mask the same object as JSON text: no less, and no more."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.proxy.engine_agent import EngineAgent, checked, masks_as_text, masks_as_values

NUMBER = "53690" + "4399"
PASSPORT = "C01X" + "00T47"
NIK = "3171" + "0127" + "0990" + "0001"
IBAN = "DE89" + "37040044" + "0532013000"

KEYS = (
    "ssn", "SSN#", "ssn (us)", "Número de SSN", "employee/ssn", "ssn_2024", "ssn:", "social security number (US)",
    "身份证 ssn", "employeeSsn",
)  # fmt: skip

PERSONAL = {
    **{f"{key}, {kind.__name__}": ({key: kind(NUMBER)}, 1) for key in KEYS for kind in (str, int)},
    "passport with a sign": ({"passport#": PASSPORT}, 1),
    "object below the key": ({"ssn": {"value": NUMBER}}, 1),
    "deep below the key": ({"ssn": {"a": {"b": NUMBER}}}, 1),
    "list below the key": ({"ssn": [int(NUMBER)]}, 1),
    "named by a neighbour": ({"field": "ssn", "value": NUMBER}, 1),
    "named by its type": ({"type": "ssn", "value": int(NUMBER)}, 1),
    "named by a note": ({"note": "his social security number:", "x": int(NUMBER)}, 1),
    "named behind": ({"x": NUMBER, "kind": "ssn"}, 1),
    "people": ({"people": [{"id": "1"}, {"id": "2", "ssn": NUMBER}, {"id": "3", "nik": NIK}]}, 2),
    "columns and a row": ({"columns": ["id", "ssn"], "rows": [["1", NUMBER]]}, 1),
    "JSON in a text": ({"body": json.dumps({"ssn": int(NUMBER)}), "status": 200}, 1),
    "JSON in JSON, escaped": ({"body": json.dumps({"ssn": NUMBER}).replace("5", "\\u0035"), "status": 200}, 1),
    "blank by an escape": ({"iban": IBAN[:4] + "\\u00a0" + IBAN[4:], "id": 5}, 1),
    "number on its own": ({"cards": ["4111" + "1111" + "1111" + "1111"], "n": 1}, 1),
}

CLEAN = {
    "order": {"order_id": 536904399, "total": 59.9, "currency": "EUR", "created_at": "2024-05-01T12:00:00Z"},
    "order numbers": {"orders": [{"id": "415-555-2671-0001", "qty": 2}, {"id": "415-555-2671-0002", "qty": 1}]},
    "timestamps": {"iat": 1700000000, "exp": 1700003600, "nbf": 1700000000, "ts": 1700000000123},
    "identifiers": {"id": 5369043990, "parent_id": 1234567890123456, "uuid": "123e4567-e89b-12d3-a456-426614174000"},
    "prices": {"items": [{"sku": "A-100-20", "price": 1999, "tax": 379.81}, {"sku": "B-7", "price": 123456789}]},
    "files": {"files": [{"name": "report 2024.pdf", "size": 536904399, "mtime": 1714564800}], "total": 1},
    "table": {
        "columns": ["id", "amount", "day"],
        "rows": [[536904399, 10.5, "2024-05-01"], [536904400, 7, "2024-05-02"]],
    },
    "first row of names": [["id", "bytes"], [1, 536904399], [2, 536904400]],
    "schema": {"type": "object", "properties": {"ssn": {"type": "string"}, "age": {"type": "integer"}}},
    "form": {"fields": [{"name": "ssn", "required": True}, {"name": "passport", "required": False}], "version": 3},
    "commit": {"sha": "9fceb02d0ae598e95dc970b74767f19372d61af8", "parents": 1, "date": "2024-05-01", "files": 12},
    "weather": {"city": "Bonn", "lat": 50.7374, "lon": 7.0982, "temp": [12.5, 13.1], "at": "2024-05-01T12:00:00+02:00"},
    "measured": {"count": 123456789, "duration_ms": 123456789, "bytes": 987654321, "rows": [100, 200, 300]},
    "versions": {"python": "3.11.9", "build": 536904399, "kernel": "6.1.0-21-amd64"},
    "pages": {
        "page": 1,
        "per_page": 50,
        "next": "https://api.example.com/v1/orders?after=536904399",
        "total": 123456789,
    },
    "log": {"level": "info", "data": {"msg": "listening", "port": 8080, "pid": 536904}, "logger": "app"},
    "tracking": {"carrier": "UPS", "tracking": "1Z999AA10123456784", "eta": "2024-05-03", "status": "in transit"},
    "password asked for": {"prompt": "Enter your password", "field": "password", "length": 12, "hint": "at least 8"},
    "graph": {"entities": [{"name": "Ann", "entityType": "person", "observations": ["likes tea", "lives in Bonn"]}]},
    "isbn": {"books": [{"isbn": "978-3-16-148410-0", "year": 2001, "shelf": 536}]},
}


@pytest.mark.parametrize(("value", "count"), PERSONAL.values(), ids=PERSONAL)
def test_personal_data_is_masked_as_in_a_text(value: Any, count: int) -> None:
    assert (masks_as_values(value), masks_as_text(value)) == (count, count)


@pytest.mark.parametrize("value", CLEAN.values(), ids=CLEAN)
def test_ordinary_results_are_not_masked(value: Any) -> None:
    assert (masks_as_values(value), masks_as_text(value)) == (0, 0)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"columns": ["id", "ssn"], "rows": [[n, 536904300 + n] for n in range(40)]}, id="columns"),
        pytest.param([["id", "ssn"], *([n, 536904300 + n] for n in range(40))], id="first row"),
        pytest.param([{"id": n, "SSN#": 536904300 + n} for n in range(40)], id="records"),
    ],
)
def test_all_rows_of_a_table_are_masked(value: Any) -> None:
    agent = EngineAgent()
    result = checked(value, agent)
    assert result.redactions == 40
    assert len(agent.questions) == 1
    assert "5369043" not in result.raw
    assert result.raw.index("ssn#1]") < result.raw.index("ssn#40]")


def test_a_value_is_masked_and_counted_once_and_keeps_its_number() -> None:
    first, second = "53690" + "4399", "53690" + "4398"
    value = {"ssn": first, "more": [{"field": "ssn", "value": second}, {"field": "ssn", "value": int(first)}]}
    result = checked(value)
    assert json.loads(result.raw) == {
        "ssn": "[REDACTED:ssn#1]",
        "more": [{"field": "ssn", "value": "[REDACTED:ssn#2]"}, {"field": "ssn", "value": "[REDACTED:ssn#1]"}],
    }
    assert result.redactions == 3
