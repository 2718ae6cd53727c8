"""Trace ids: that of the caller where it sends one, else a new one (wire 1.4, W3C Trace Context)."""

from __future__ import annotations

import re
import secrets
from typing import Final

_TRACEPARENT: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}(-.*)?", re.ASCII)


def trace_id_of(traceparent: str | None) -> str:
    """Take a `traceparent` header, or None, and give the trace id: 32 lower-case hexadecimal digits.

    A header that is malformed counts as none (W3C Trace Context, 4.3): version ff, an id of zeros only, or more after
    the flags in version 00.
    """
    found = _TRACEPARENT.fullmatch((traceparent or "").strip())
    if found is None:
        return new_trace_id()
    version, trace_id, parent_id, rest = found.groups()
    if version == "ff" or (version == "00" and rest) or not trace_id.strip("0") or not parent_id.strip("0"):
        return new_trace_id()
    return trace_id


def new_trace_id() -> str:
    """Give a random trace id."""
    return secrets.token_hex(16)
