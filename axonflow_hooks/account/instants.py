"""Points in time as agents and licences write them."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Final

_RFC_3339: Final = re.compile(r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?([Zz]|[+-]\d\d:\d\d)?")


def parse_instant(text: str) -> datetime:
    """Take an RFC 3339 time (fractions of a second are dropped, no offset means UTC) and give it with its offset.

    Raises ValueError for anything else. `datetime.fromisoformat` cannot read the nanoseconds of some agents.
    """
    match = _RFC_3339.fullmatch(text.strip())
    if match is None:
        raise ValueError("not an RFC 3339 time")
    day, clock, offset = match.groups()
    if offset in {None, "Z", "z"}:
        return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=timezone.utc)
    return datetime.fromisoformat(f"{day}T{clock}{offset}")
