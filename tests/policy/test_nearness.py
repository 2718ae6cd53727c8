"""Words near a number: identifiers in every style, heads of columns, labels and units of something else."""

from __future__ import annotations

import pytest

from axonflow_hooks.policy.nearness import Columns, is_near

NUMBER = "536228726"


def near(text: str, words: str = "ssn") -> bool:
    start = text.rindex(NUMBER)
    return is_near(words, text, start, start + len(NUMBER), Columns(text))


@pytest.mark.parametrize(
    "text",
    [
        f"ssn {NUMBER}",
        f"patient_ssn={NUMBER}",
        f'"patientSsn": {NUMBER}',
        f"SSNValue: {NUMBER}",
        f"{NUMBER} is her ssn",
        f"SSN id: {NUMBER}",
        f"name,ssn\n{'x' * 80},1\n{'y' * 80},{NUMBER}",
        f"name | ssn\n---+---\n{'x' * 80} | {NUMBER}",
        f"staff\r\n\r\nname,ssn\r\n{'x' * 80},1\r\n{'y' * 80},{NUMBER}",
        f"ssn {NUMBER}\nrows",
        f"ssn {NUMBER}\r\nrows",
        f"ssn count\n{NUMBER}",
        f"ssn and count:\r\n{NUMBER}",
        f"ssn and id\n{NUMBER}",
    ],
)
def test_the_word_stands_near(text: str) -> None:
    assert near(text)


@pytest.mark.parametrize(
    "text",
    [
        f"lessn {NUMBER}",
        f"ssn_count={NUMBER}",
        f'{{"ssn_required":true,"id":{NUMBER}}}',
        f"ssn service took {NUMBER} ms",
        f"ssn,name\n{'x' * 80},{NUMBER}",
        f"name,ssn\n\n{'x' * 80},{NUMBER}",
        f"name,ssn\r\n\r\n{'x' * 80},{NUMBER}",
    ],
)
def test_the_number_is_another(text: str) -> None:
    assert not near(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"tool_call: list\nsince: {NUMBER}", False),
        (f"tool_call: {NUMBER}", False),
        (f"tool_call: list\ncall: {NUMBER}", True),
        (f"tool_call: call_back\nto: {NUMBER}", True),
        (f"a tool_call: list\nsince: {NUMBER}", True),
    ],
)
def test_the_form_of_a_statement_is_no_word(text: str, expected: bool) -> None:
    assert near(text, "call") is expected
