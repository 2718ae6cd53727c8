"""A unit says that a number is no identity number only where it stands behind it on the same line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from axonflow_hooks.policy import load_engine

if TYPE_CHECKING:
    from axonflow_hooks.wire.words import Phase

NUMBER: Final = "536228726"
UNITS: Final = "ms ns us µs s sec seconds minutes bytes kb mb gib tib bps rows lines users times px %".split()
OUTPUT: Final[tuple[Phase, str]] = ("response", "claude_code.Bash")
ENGINE: Final = load_engine(pii_action="redact")


def kept(text: str, phase: Phase, connector: str) -> bool:
    """Tell whether the number is left in what the engine gives back."""
    redacted = ENGINE.evaluate(text, phase=phase, connector_type=connector).redacted
    return redacted is None or NUMBER in redacted


@pytest.mark.parametrize(
    ("phase", "connector"),
    [
        pytest.param("request", "claude_code.mcp__db__query", id="request of a tool"),
        pytest.param("request", "postgres", id="request text"),
        pytest.param("response", "claude_code.Bash", id="response"),
    ],
)
@pytest.mark.parametrize("end", [pytest.param("\n", id="lf"), pytest.param("\r\n", id="crlf")])
@pytest.mark.parametrize(
    "form",
    [
        pytest.param("ssn: {number}{end}{unit}", id="bare behind"),
        pytest.param("ssn: {number}{end}{unit}: 1", id="label behind"),
        pytest.param("{unit}{end}ssn: {number}", id="bare before"),
        pytest.param("{unit}: 1{end}ssn: {number}", id="label before"),
        pytest.param("ssn{end}{number}{end}{unit}{end}", id="lines"),
        pytest.param('{{{end}"ssn": {number}{end}, "{unit}": 1{end}}}', id="json"),
        pytest.param("ssn: {number}\t{unit}{end}", id="next cell"),
        pytest.param("ssn={number} {unit}=3{end}", id="next pair"),
        pytest.param("ssn: {number} {unit} : 3{end}", id="next label"),
    ],
)
def test_what_stands_on_another_line_is_no_unit(form: str, end: str, phase: Phase, connector: str) -> None:
    assert [unit for unit in UNITS if kept(form.format(number=NUMBER, unit=unit, end=end), phase, connector)] == []


@pytest.mark.parametrize("blank", ["", " ", "\u00a0"])
def test_a_unit_on_the_same_line_is_one(blank: str) -> None:
    text = "the ssn service took {number}{blank}{unit}\n"
    assert [unit for unit in UNITS if not kept(text.format(number=NUMBER, blank=blank, unit=unit), *OUTPUT)] == []


@pytest.mark.parametrize("rest", ["26name=x", "3D1", "a"])
def test_an_escape_is_no_percent_sign(rest: str) -> None:
    assert not kept(f"ssn={NUMBER}%{rest}", "request", "claude_code.mcp__web__get")
