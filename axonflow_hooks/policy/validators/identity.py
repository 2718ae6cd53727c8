"""Numbers of people that python-stdnum has no checksum for, and sets of national numbers that share a name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.validators.numbers import digits_of, glued

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate


def japanese_my_number(candidate: Candidate) -> bool:
    """A Japanese individual number (Ordinance 85 of 2014, article 5): twelve digits, the last a check digit mod 11."""
    digits = digits_of(candidate.value)
    if len(digits) != 12 or not digits.isdigit() or len(set(digits)) < 3 or glued(candidate):
        return False
    weights = (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)
    rest = sum(weight * int(digit) for weight, digit in zip(weights, digits, strict=False)) % 11
    return int(digits[-1]) == (0 if rest <= 1 else 11 - rest)


_TAIWAN_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


def taiwan_id(candidate: Candidate) -> bool:
    """A Taiwanese national or resident number: letter of the county, 1, 2, 8 or 9, seven digits, check digit."""
    value = candidate.value.upper()
    if not re.fullmatch(r"[A-Z][1289]\d{8}", value):
        return False
    county = _TAIWAN_LETTERS.index(value[0]) + 10
    total = county // 10 + county % 10 * 9
    total += sum(int(digit) * weight for digit, weight in zip(value[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1), strict=True))
    return total % 10 == 0


def hong_kong_id(candidate: Candidate) -> bool:
    """A Hong Kong identity card number: one or two letters, six digits and a check digit, mod 11."""
    value = re.sub(r"[() -]", "", candidate.value.upper())
    match = re.fullmatch(r"([A-Z]{1,2})(\d{6})([0-9A])", value)
    if match is None:
        return False
    head = (match[1].rjust(2)) + match[2]
    values = [36 if character == " " else int(character, 36) for character in head]
    total = sum(value * weight for value, weight in zip(values, range(9, 1, -1), strict=True))
    return (total + int(match[3], 36)) % 11 == 0


def australian_medicare(candidate: Candidate) -> bool:
    """An Australian Medicare card number: first digit 2 to 6, ninth a check digit, tenth the issue, perhaps a line."""
    digits = digits_of(candidate.value.replace("/", ""))
    if not re.fullmatch(r"[2-6]\d{8}[1-9]\d?", digits) or glued(candidate):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, (1, 3, 7, 9, 1, 3, 7, 9), strict=False))
    return total % 10 == int(digits[8])


def russian_snils(candidate: Candidate) -> bool:
    """A Russian pension insurance number (SNILS): nine digits and two check digits, mod 101."""
    digits = digits_of(candidate.value)
    if len(digits) != 11 or not digits.isdigit() or len(set(digits)) < 3:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1), strict=False)) % 101
    return total % 100 == int(digits[9:])


def us_npi(candidate: Candidate) -> bool:
    """A US national provider identifier (45 CFR 162.406): ten digits from 1 or 2, Luhn behind the prefix 80840."""
    from stdnum import luhn

    return len(candidate.value) == 10 and not glued(candidate) and bool(luhn.is_valid(f"80840{candidate.value}"))


_CALL: Final = re.compile(r"\w\($")


def record_number(candidate: Candidate) -> bool:
    """A number of a record, licence or policy, which has no checksum: digits that vary."""
    digits = "".join(character for character in candidate.value if character.isdigit())
    if _CALL.search(candidate.before(2)):
        return False
    return len(digits) >= 5 and len(set(digits)) > 3 and not glued(candidate)
