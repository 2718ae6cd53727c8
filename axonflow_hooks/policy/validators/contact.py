"""Telephone numbers, e-mail addresses, network addresses, dates of birth: what reaches or describes a person."""

from __future__ import annotations

import ipaddress
import re
from datetime import date
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.validators.numbers import glued

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate


def phone(candidate: Candidate) -> bool:
    """A telephone number of 8 to 15 digits (ITU-T E.164) that is not one digit over and over."""
    value = candidate.value
    digits = [character for character in value if character.isdigit()]
    if candidate.before(1).isalnum() or (value == f"+{''.join(digits)}" and len(digits) < _MIN_WITH_COUNTRY):
        return False
    return 8 <= len(digits) <= 15 and len(set(digits)) > 2 and not glued(candidate)


_MIN_WITH_COUNTRY: Final = 9
"""Digits of a number with its country code, below which a plus and digits are a difference."""


def email(candidate: Candidate) -> bool:
    """An e-mail address of bounded length (RFC 5321 4.5.3.1) that is no reserved example and no file or package."""
    local, _at, domain = candidate.value.rpartition("@")
    if not 0 < len(local) <= 64 or len(domain) > 253 or ".." in candidate.value or local.startswith("."):
        return False
    if local == "git":
        return False  # a remote repository
    labels = domain.lower().split(".")
    return labels[-1] not in _NO_DOMAIN and len(labels) > 1 and all(0 < len(label) <= 63 for label in labels)


_NO_DOMAIN: Final = frozenset({
    "png", "jpg", "jpeg", "gif", "svg", "webp", "py", "js", "ts", "json", "css", "html", "md", "txt", "yml", "yaml",
    "local", "localhost", "invalid", "test", "internal", "lock", "service", "timer", "socket", "whl", "tgz", "gz",
})  # fmt: skip


def public_ipv4(candidate: Candidate) -> bool:
    """An IPv4 address that can be reached from the Internet: it may stand for a person (recital 30 GDPR)."""
    try:
        address = ipaddress.IPv4Address(candidate.value)
    except ValueError:
        return False
    return address.is_global and not glued(candidate) and candidate.before(1) not in ("v", "=")


_NUMERIC_DATE: Final = re.compile(r"^(\d{1,4})[-/. ](\d{1,2})[-/. ](\d{1,4})$")


def birth_date(candidate: Candidate) -> bool:
    """A calendar date between 1900 and 2020 in day-month-year, month-day-year or year-month-day order."""
    match = _NUMERIC_DATE.match(candidate.value)
    if match is None:
        return True  # a month in words: the pattern has judged it
    first, middle, last = (int(part) for part in match.groups())
    orders = ((first, middle, last), (last, middle, first), (last, first, middle))
    return any(1900 <= year <= 2020 and _exists(year, month, day) for year, month, day in orders)


def _exists(year: int, month: int, day: int) -> bool:
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True
