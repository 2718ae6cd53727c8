"""Accounts, companies, travel documents and wallets: checksums where the standard has one, structure where not."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.validators.numbers import glued

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

_ABA_WEIGHTS: Final = (3, 7, 1, 3, 7, 1, 3, 7, 1)


def us_routing(candidate: Candidate) -> bool:
    """A US bank routing number (ABA): nine digits, Federal Reserve prefix, weighted checksum."""
    value = candidate.value
    if len(value) != 9 or not value.isdigit() or glued(candidate) or len(set(value)) < 3:
        return False
    prefix = int(value[:2])
    if not (prefix <= 12 or 21 <= prefix <= 32 or 61 <= prefix <= 72 or prefix == 80):
        return False
    return sum(weight * int(digit) for weight, digit in zip(_ABA_WEIGHTS, value, strict=True)) % 10 == 0


def singapore_uen(candidate: Candidate) -> bool:
    """A Singapore unique entity number (ACRA): 8 or 9 digits and a check letter, or T, R or S with an entity type."""
    from stdnum.sg import uen

    return bool(uen.is_valid(candidate.value.upper())) and not glued(candidate)


def account_digits(candidate: Candidate) -> bool:
    """An account number: digits that are no run of one digit and no part of a longer number."""
    digits = [character for character in candidate.value if character.isdigit()]
    return len(set(digits)) > 3 and not glued(candidate)


_LICENCE: Final = re.compile(r"^[A-Z]{1,5}9{0,4}(\d)(\d\d)(\d\d)\d[A-Z9]{2}\d[A-Z0-9]{2}(?:\d\d)?$")


def uk_driving_licence(candidate: Candidate) -> bool:
    """A British driver number (DVLA): name, date of birth (50 added to a woman's month), initials, check characters."""
    value = candidate.value.replace(" ", "")
    match = _LICENCE.match(value)
    if match is None or len(value) not in (16, 18):
        return False
    month, day = int(match[2]) % 50, int(match[3])
    return 1 <= month <= 12 and 1 <= day <= 31 and int(match[2]) <= 62


_MRZ_WEIGHTS: Final = (7, 3, 1)


def machine_readable_zone(candidate: Candidate) -> bool:
    """The second line of a passport's machine-readable zone (ICAO 9303-4): its check digits."""
    line = candidate.value
    fields = ((line[0:9], line[9]), (line[13:19], line[19]), (line[21:27], line[27]))
    return len(line) == 44 and all(check.isdigit() and _mrz_check(text) == int(check) for text, check in fields)


def _mrz_check(text: str) -> int:
    total = 0
    for index, character in enumerate(text):
        value = 0 if character == "<" else int(character, 36)
        total += value * _MRZ_WEIGHTS[index % 3]
    return total % 10


_BASE58: Final = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_BECH32: Final = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def base58check(candidate: Candidate) -> bool:
    """A wallet address in Base58Check (Bitcoin P2PKH and P2SH, Litecoin, Dogecoin, Tron): double SHA-256 checksum."""
    number = 0
    for character in candidate.value:
        digit = _BASE58.find(character)
        if digit < 0:
            return False
        number = number * 58 + digit
    try:
        payload = number.to_bytes(25, "big")
    except OverflowError:
        return False
    return hashlib.sha256(hashlib.sha256(payload[:21]).digest()).digest()[:4] == payload[21:]


def bech32(candidate: Candidate) -> bool:
    """A segregated-witness address (BIP 173, BIP 350): the BCH checksum over prefix and data."""
    text = candidate.value.lower()
    prefix, _one, data = text.rpartition("1")
    if len(data) < 8 or any(character not in _BECH32 for character in data):
        return False
    values = [ord(c) >> 5 for c in prefix] + [0] + [ord(c) & 31 for c in prefix] + [_BECH32.index(c) for c in data]
    check = 1
    for value in values:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            if top >> bit & 1:
                check ^= generator
    return check in (1, 0x2BC830A3)


def ethereum(candidate: Candidate) -> bool:
    """An Ethereum address: forty hex digits that vary (the EIP-55 checksum is optional and needs Keccak)."""
    value = candidate.value[2:]
    return len(set(value.lower())) >= 8 and not glued(candidate)
