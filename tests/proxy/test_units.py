"""A number is masked, or its call denied, whatever stands beside it: no key reads as the unit of what it follows."""

from __future__ import annotations

import json
from functools import partial
from typing import Any, Final

import pytest

from axonflow_hooks.policy import load_engine
from axonflow_hooks.proxy.leaves import leaves_of
from axonflow_hooks.proxy.statement import flat_query, query_text
from tests.proxy.engine_agent import admitted, checked

NUMBER: Final = "536228726"
UNITS: Final = ("ms", "s", "seconds", "bytes", "rows", "lines", "users", "times", "px")
CONNECTORS: Final = ("one.run", "claude_code.mcp__one__run")
BLOCKING: Final = load_engine(pii_action="block")

SHAPES: Final = [
    pytest.param({"ssn": NUMBER, "UNIT": 1}, id="number behind"),
    pytest.param({"ssn": NUMBER, "UNIT": "x"}, id="text behind"),
    pytest.param({"UNIT": 1, "ssn": NUMBER}, id="number before"),
    pytest.param({"ssn": NUMBER, "UNIT": []}, id="empty list behind"),
    pytest.param({"ssn": NUMBER, "UNIT": {}}, id="empty object behind"),
    pytest.param({"ssn": NUMBER, "UNIT": None}, id="nothing behind"),
    pytest.param({"ssn": NUMBER, "UNIT": True}, id="truth value behind"),
    pytest.param({"UNIT": True, "ssn": NUMBER}, id="truth value before"),
    pytest.param({"UNIT": [{"ssn": NUMBER}]}, id="list around"),
    pytest.param({"UNIT": {"ssn": NUMBER}}, id="object around"),
    pytest.param({"UNIT": [{"name": "Ann", "ssn": NUMBER}, {"name": "Bob"}]}, id="list of objects around"),
    pytest.param({"ssn": {"value": NUMBER}, "UNIT": 1}, id="object that tells"),
    pytest.param({"note": "x" * 100, "ssn": {"of": NUMBER}, "UNIT": []}, id="object far behind"),
    pytest.param({"ssn": int(NUMBER), "UNIT": 1}, id="as a number"),
]


def denied(query: str, connector: str) -> bool:
    """Tell whether the built-in policies block a call of this query."""
    return BLOCKING.evaluate(query, phase="request", connector_type=connector).action == "block"


def beside(value: Any, unit: str) -> Any:
    """Give a value with a unit in the place of its key UNIT."""
    return json.loads(json.dumps(value).replace("UNIT", unit))


@pytest.mark.parametrize("arguments", SHAPES)
def test_a_call_is_denied(arguments: dict[str, Any]) -> None:
    queries = {unit: query_text("run", leaves_of(beside(arguments, unit))) for unit in UNITS}
    assert [unit for unit in UNITS if flat_query("run", beside(arguments, unit)) not in (None, queries[unit])] == []
    assert [unit for unit, query in queries.items() if not all(map(partial(denied, query), CONNECTORS))] == []


@pytest.mark.parametrize("result", SHAPES)
def test_a_result_is_masked(result: dict[str, Any]) -> None:
    shown = {unit: checked({"content": [], "structuredContent": beside(result, unit)}).raw for unit in UNITS}
    assert [unit for unit, raw in shown.items() if NUMBER in raw] == []


@pytest.mark.parametrize("end", [pytest.param("\n", id="lf"), pytest.param("\r\n", id="crlf")])
@pytest.mark.parametrize(
    "form",
    ["name: Ann{end}ssn: {number}{end}{unit}: 3", "{unit}{end}ssn: {number}{end}{unit}", "ssn: {number}{end}{unit}"],
)
def test_a_text_is_masked(form: str, end: str) -> None:
    given = {unit: form.format(number=NUMBER, unit=unit, end=end) for unit in UNITS}
    shown = {unit: checked({"content": [{"type": "text", "text": text}]}).raw for unit, text in given.items()}
    assert [unit for unit, raw in shown.items() if NUMBER in raw] == []


@pytest.mark.parametrize("arguments", [{"since": 1700000000}, {"order": "4155552671", "n": 1}])
def test_that_it_is_a_call_is_no_word_about_a_number(arguments: dict[str, Any]) -> None:
    assert admitted(arguments).raw == json.dumps(arguments)
    assert admitted({"call": "4155552671"}).redactions == 1
