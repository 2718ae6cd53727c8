"""Times as callers write them: RFC 3339, or a date that stands for its whole day (wire 1.3.1, 1.9)."""

from __future__ import annotations

import re
from typing import Final

from axonflow_hooks.agent.tables.records import format_time, parse_time

DAY_START: Final = "T00:00:00Z"
DAY_END: Final = "T23:59:59.999999Z"

_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_WITHOUT_ZONE: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?", re.ASCII)


def stored_moment(text: str, time_of_day: str) -> str | None:
    """Give a moment as the database has it, None for a text that is none.

    A date stands for `time_of_day` of it. A time without a zone, which the SDK sends for a datetime that has none, is
    read as UTC.
    """
    if _DATE.fullmatch(text):
        text += time_of_day
    elif _WITHOUT_ZONE.fullmatch(text):
        text += "Z"
    moment = parse_time(text)
    return None if moment is None else format_time(moment)
