"""Checksums and structure: published test numbers that hold, the same with one character changed that do not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from axonflow_hooks.policy.validators import Candidate, contact, numbers

Validator = Callable[[Candidate], bool]


@pytest.mark.parametrize(
    ("validator", "value", "holds"),
    [
        (numbers.payment_card, "4111111111111111", True),
        (numbers.payment_card, "4111 1111 1111 1111", True),
        (numbers.payment_card, "4111-1111-1111-1112", False),
        (numbers.payment_card, "378282246310005", True),
        (numbers.payment_card, "30569309025904", True),
        (numbers.payment_card, "2223003122003222", True),
        (numbers.payment_card, "6011111111111117", True),
        (numbers.payment_card, "3530111333300000", True),
        (numbers.payment_card, "0000000000000000", False),
        (numbers.payment_card, "1234567812345670", False),
        (numbers.payment_card, "411111111111116", False),
        (numbers.us_ssn, "123-45-6789", True),
        (numbers.us_ssn, "123456789", True),
        (numbers.us_ssn, "000-45-6789", False),
        (numbers.us_ssn, "666-45-6789", False),
        (numbers.us_ssn, "900-45-6789", False),
        (numbers.us_ssn, "999-45-6789", False),
        (numbers.us_ssn, "123-00-6789", False),
        (numbers.us_ssn, "123-45-0000", False),
        (numbers.us_itin, "912-90-3456", True),
        (numbers.us_itin, "123-45-6789", False),
        (numbers.aadhaar, "2341 2341 2346", True),
        (numbers.aadhaar, "234123412347", False),
        (numbers.aadhaar, "123412341234", False),
        (numbers.indian_pan, "ACUPA7085R", True),
        (numbers.indian_pan, "ABMPA0000R", False),
        (numbers.indian_pan, "ACUXA7085R", False),
        (numbers.singapore_id, "S1234567D", True),
        (numbers.singapore_id, "s1234567d", True),
        (numbers.singapore_id, "S1234567E", False),
        (numbers.singapore_id, "T0000001E", True),
        (numbers.singapore_id, "F1234567N", True),
        (numbers.singapore_id, "F1234567D", False),
        (numbers.singapore_id, "G1234567X", True),
        (numbers.singapore_id, "M1234567K", True),
        (numbers.singapore_id, "M1234567L", False),
        (numbers.singapore_id, "A1234567D", False),
        (numbers.singapore_id, "S12345678D", False),
        (numbers.iban, "GB82 WEST 1234 5698 7654 32", True),
        (numbers.iban, "DE89370400440532013000", True),
        (numbers.iban, "DE89370400440532013001", False),
        (numbers.iban, "XX89370400440532013000", False),
        (contact.phone, "+1 415 555 2671", True),
        (contact.phone, "+1", False),
        (contact.phone, "+11 111 111 111", False),
        (contact.email, "jo@example.com", True),
        (contact.email, "logo@2x.png", False),
        (contact.email, "a..b@example.com", False),
        (contact.email, "a" * 65 + "@example.com", False),
        (contact.email, "jo@" + "a" * 64 + ".com", False),
    ],
)
def test_number(validator: Validator, value: str, holds: bool) -> None:
    assert validator(Candidate.whole(value)) is holds


@pytest.mark.parametrize(
    "text",
    ["1.4111111111111111", "4111111111111111.5", "x_4111111111111111", "12-4111111111111111", "4111111111111111/7"],
)
def test_a_part_of_something_longer_is_no_card(text: str) -> None:
    start = text.index("4111")

    assert not numbers.payment_card(Candidate(text, start, start + 16))


@pytest.mark.parametrize("digit", range(16))
def test_every_single_digit_error_in_a_card_is_caught(digit: int) -> None:
    value = "4111111111111111"
    wrong = value[:digit] + str((int(value[digit]) + 1) % 10) + value[digit + 1 :]

    assert not numbers.payment_card(Candidate.whole(wrong))


@pytest.mark.parametrize("digit", range(12))
def test_every_single_digit_error_in_an_aadhaar_is_caught(digit: int) -> None:
    value = "234123412346"
    wrong = value[:digit] + str((int(value[digit]) + 1) % 10) + value[digit + 1 :]

    assert not numbers.aadhaar(Candidate.whole(wrong))
