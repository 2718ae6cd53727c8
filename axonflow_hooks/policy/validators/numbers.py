"""Checksums and structure of numbers that identify people, cards and accounts.

python-stdnum has the checksums where it has them; it is imported when the first candidate turns up.
"""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.nearness import named_otherwise
from axonflow_hooks.policy.validators.candidate import Candidate

if TYPE_CHECKING:
    from collections.abc import Callable

_SEPARATORS: Final = str.maketrans("", "", " -.\u00a0")

# issuer ranges (ISO/IEC 7812; the networks' published ranges) with the lengths they issue
_ISSUERS: Final = (
    (re.compile(r"4"), frozenset({13, 16, 19})),
    (re.compile(r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720"), frozenset({16})),
    (re.compile(r"3[47]"), frozenset({15})),
    (re.compile(r"3(?:0[0-5]|095|[689])"), frozenset({14, 16, 19})),
    (re.compile(r"6011|64[4-9]|65"), frozenset({16, 19})),
    (re.compile(r"35(?:2[89]|[3-8])"), frozenset({16, 19})),
    (re.compile(r"62|81"), frozenset({16, 17, 18, 19})),
    (re.compile(r"50[0-9]{2}|5[6-9]|6[37]"), frozenset({16, 18, 19})),
    (re.compile(r"220[0-4]"), frozenset({16})),
)


def digits_of(value: str) -> str:
    """Give the value without the separators that people write."""
    return value.translate(_SEPARATORS)


def payment_card(candidate: Candidate) -> bool:
    """Luhn checksum (ISO/IEC 7812-1) within an issuer's range and length; no part of a longer number."""
    from stdnum import luhn

    digits = re.sub(r"\D", "", candidate.value)
    if len(set(digits)) < 2 or _part_of_number(candidate):
        return False
    if digits == candidate.value and _identifies_otherwise(candidate):
        return False
    issued = any(prefix.match(digits) and len(digits) in lengths for prefix, lengths in _ISSUERS)
    return issued and luhn.is_valid(digits)


def payment_card_part(candidate: Candidate) -> bool:
    """A card number inside an identifier or a magnetic stripe, which says that it is one: no look at what is around."""
    digits = re.sub(r"\D", "", candidate.value)
    return payment_card(Candidate.whole(digits))


_CARD_WORDS: Final = re.compile(r"(?i)card|pan|cc|credit|debit|visa|payment")
_OF_ADDRESS: Final = re.compile(r"(?i)\b(?:https?|s3|gs)://[^\s\"'<>]{0,200}$")
_OF_ID: Final = re.compile(r"(?i)\bids? #?$")
_CARD_TAIL: Final = re.compile(r"/(?:\d{2,4})\b(?!/)")


def _part_of_number(candidate: Candidate) -> bool:
    """Whether the number goes on beyond the match; a validity date or security code behind a slash is none of it."""
    return glued(candidate) and not (_CARD_TAIL.match(candidate.after(6)) and not glued_before(candidate))


def _identifies_otherwise(candidate: Candidate) -> bool:
    """Whether bare digits are the value of an `id`, `offset`, … or part of an address, and no word speaks of a card."""
    before = candidate.before(200)
    address = _OF_ADDRESS.search(before)
    if address is not None:
        return _CARD_WORDS.search(address[0]) is None
    near = before[-40:]
    return named_otherwise(near, _CARD_WORDS) or (_OF_ID.search(near) is not None and not _CARD_WORDS.search(near))


def us_ssn(candidate: Candidate) -> bool:
    """A US social security number (SSA, 2011 randomisation): no area 000, 666 or 9xx, no group 00, no serial 0000."""
    digits = digits_of(candidate.value)
    if len(digits) != 9 or not digits.isascii() or not digits.isdigit() or glued(candidate):
        return False
    if re.match(r"-[A-Za-z0-9]", candidate.after(2)):
        return False  # a part number
    area, group, serial = digits[:3], digits[3:5], digits[5:]
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000" and len(set(digits)) > 1


def us_itin(candidate: Candidate) -> bool:
    """A US individual taxpayer number (IRS): 9xx with group 50-65, 70-88, 90-92 or 94-99."""
    from stdnum.us import itin

    return bool(itin.is_valid(digits_of(candidate.value))) and not glued(candidate)


def aadhaar(candidate: Candidate) -> bool:
    """An Indian Aadhaar number (UIDAI): twelve digits, first 2-9, Verhoeff checksum, no palindrome."""
    from stdnum.in_ import aadhaar as standard

    return bool(standard.is_valid(digits_of(candidate.value))) and not glued(candidate)


def indian_pan(candidate: Candidate) -> bool:
    """An Indian permanent account number: five letters, the fourth naming the holder's kind, four digits, a letter."""
    from stdnum.in_ import pan

    return bool(pan.is_valid(candidate.value.upper()))


_WEIGHTS: Final = (2, 7, 6, 5, 4, 3, 2)
_LETTERS: Final = {"S": "JZIHGFEDCBA", "T": "JZIHGFEDCBA", "F": "XWUTRQPNMLK", "G": "XWUTRQPNMLK"}
_LETTERS_M: Final = "XWUTRQPNJLK"


def singapore_id(candidate: Candidate) -> bool:
    """A Singapore NRIC (S, T) or FIN (F, G, M): seven digits and their check letter (ICA)."""
    value = candidate.value.upper()
    first, digits, letter = value[:1], value[1:-1], value[-1:]
    if len(digits) != 7 or not digits.isascii() or not digits.isdigit():
        return False
    total = sum(weight * int(digit) for weight, digit in zip(_WEIGHTS, digits, strict=True))
    if first == "M":
        return _LETTERS_M[(total + 3) % 11] == letter
    if first not in _LETTERS:
        return False
    return _LETTERS[first][(total + (4 if first in "TG" else 0)) % 11] == letter


def iban(candidate: Candidate) -> bool:
    """An international bank account number (ISO 13616): country, length and mod-97 checksum."""
    from stdnum import iban as standard

    return bool(standard.is_valid(digits_of(candidate.value).upper(), check_country=False))


NATIONAL: Final = (
    "ar.cuit", "at.vnr", "au.abn", "au.acn", "au.tfn", "be.nn", "bg.egn", "br.cnpj", "br.cpf", "ca.sin", "ch.ssn",
    "cl.rut", "cn.ric", "co.nit", "cz.rc", "de.idnr", "dk.cpr", "ec.ci", "ee.ik", "es.cif", "es.dni", "es.nie",
    "fi.hetu", "fr.nir", "gb.nhs", "gb.utr", "gr.amka", "hr.oib", "id.nik", "id.npwp", "ie.pps", "il.idnr",
    "in_.gstin", "is_.kennitala", "it.codicefiscale", "kr.rrn", "lt.asmens", "mx.curp", "my.nric", "nl.bsn",
    "no.fodselsnummer", "pl.nip", "pl.pesel", "pt.nif", "ro.cnp", "ru.inn", "se.personnummer", "si.emso", "th.pin",
    "tr.tckimlik", "us.ein", "us.itin", "za.idnr",
)  # fmt: skip
"""National numbers by the names of their modules in python-stdnum."""


def national(standard: str) -> Callable[[Candidate], bool]:
    """Give the validator of a national number (`NATIONAL`): its length, structure and check digits."""

    def valid(candidate: Candidate) -> bool:
        if len(set(digits_of(candidate.value))) < 3:
            return False
        try:
            module = import_module(f"stdnum.{standard}")
            found = bool(module.is_valid(candidate.value) or module.is_valid(digits_of(candidate.value)))
        except (LookupError, ValueError, TypeError, AttributeError):
            return False  # stdnum trips over some numbers that are none (cn.ric: a region without counties)
        return found and not glued(candidate)

    return valid


def mexican_rfc(candidate: Candidate) -> bool:
    """A Mexican taxpayer code (RFC) of a person or company with its date and check digit (SAT, Anexo 3)."""
    from stdnum.mx import rfc

    return bool(rfc.is_valid(digits_of(candidate.value), validate_check_digits=True)) and not glued(candidate)


def glued(candidate: Candidate) -> bool:
    """Whether the number is part of a longer one, of a decimal or of an identifier."""
    after = candidate.after(2)
    return glued_before(candidate) or after[:1] == "_" or (len(after) == 2 and after[0] in ".-/" and after[1].isdigit())


def glued_before(candidate: Candidate) -> bool:
    """Whether a longer number or an identifier stands right before."""
    before = candidate.before(2)
    return before[-1:] == "_" or (len(before) == 2 and before[1] in ".-/" and before[0].isdigit())
