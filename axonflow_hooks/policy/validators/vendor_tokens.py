"""Tokens whose issuers give them a form: checksums where they have one, and what documentation writes instead."""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.validators.tokens import entropy

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

_STAND_IN: Final = re.compile(
    r"(?i)example|placeholder|change_?me|your[-_ ]|x{5,}|\*{3,}|\.{3}|redacted|dummy|<[^>]*>|\$\{|\{\{|"
    r"(?:^|[-_])(?:fake|insert|todo)[-_]"
)
_NUMERAL: Final = re.compile(r"^0x[0-9A-Fa-f]+$")
_RUN: Final = re.compile(r"(.)\1{11,}")
_BASE62: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK_LENGTH: Final = 6
_COLOUR: Final = re.compile(r"\x1b\[[\d;]*m$")


def structured_token(candidate: Candidate) -> bool:
    """The form of a token with something in it: no placeholder, no run of one character."""
    value = candidate.value
    if _STAND_IN.search(value) or _RUN.search(value.lstrip("A")):
        return False
    return len(set(value)) >= 7 and entropy(value) >= 2.5


def any_token(candidate: Candidate) -> bool:
    """The form alone says it all (an encoded prefix): anything but a placeholder."""
    return not _STAND_IN.search(candidate.value)


def mixed_token(candidate: Candidate) -> bool:
    """Generated text with upper case, lower case and digits, which no digest and no word has."""
    value = candidate.value
    kinds = any(map(str.isdigit, value)) and any(map(str.islower, value)) and any(map(str.isupper, value))
    return kinds and structured_token(candidate)


def keyed_token(candidate: Candidate) -> bool:
    """A value behind the name of a key: letters and digits mixed, or varied letters; no word, path or expression."""
    value = candidate.value
    if _STAND_IN.search(value) or _NUMERAL.match(value) or len(set(value)) < 7 or "/" in value.strip("/"):
        return False
    digits = sum(map(str.isdigit, value))
    return (digits >= 2 and digits < len(value)) or (len(value) >= 20 and value.isalpha() and entropy(value) >= 3.0)


def prefixed_token(candidate: Candidate) -> bool:
    """The token starts a word of its own (`sk-…`, not `task-…`)."""
    before = candidate.before(12)
    free = not before or not (before[-1].isalnum() or before[-1] in "_-") or _COLOUR.search(before) is not None
    return free and structured_token(candidate)


def checksummed_token(candidate: Candidate) -> bool:
    """A token that ends in the CRC32 of its random part (GitHub, npm), or at least looks generated.

    Six base-62 characters close the token. A right checksum proves a real token whatever it looks like; a wrong one
    only means that nothing is proven (test data, an older format).
    """
    return crc32_valid(candidate.value) or structured_token(candidate)


def crc32_valid(token: str) -> bool:
    """Whether the last six characters are the CRC32 of the characters after the prefix (`ghp_…`, `npm_…`)."""
    body = token.partition("_")[2]
    if len(body) <= _CHECK_LENGTH or not body.isascii() or not body.isalnum():
        return False
    number = zlib.crc32(body[:-_CHECK_LENGTH].encode("ascii"))
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(_CHECK_LENGTH, "0") == body[-_CHECK_LENGTH:]


def basic_credentials(candidate: Candidate) -> bool:
    """Base64 of `user:password` (RFC 7617) that is no placeholder."""
    try:
        decoded = base64.b64decode(candidate.value, validate=True).decode("utf-8")
    except (ValueError, binascii.Error):
        return False
    user, colon, password = decoded.partition(":")
    return bool(colon and user) and len(password) >= 6 and decoded.isprintable() and not _STAND_IN.search(decoded)


def atlassian_token(candidate: Candidate) -> bool:
    """A Jira or Confluence personal access token: base64 of an id in digits, a colon and random bytes."""
    try:
        decoded = base64.b64decode(candidate.value, validate=True)
    except (ValueError, binascii.Error):
        return False
    number, colon, _random = decoded.partition(b":")
    return bool(colon) and 8 <= len(number) <= 14 and number.isdigit()
