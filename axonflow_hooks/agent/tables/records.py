"""Decisions and audit entries as the agent thinks of them, and the rows that they become."""

from __future__ import annotations

import json
import json.encoder
import math
import os
import re
import time
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.wire.audit import Decision
    from axonflow_hooks.wire.words import Action, Phase, RiskLevel

LOCAL_TENANT: Final = "default"
"""The tenant of everybody on an agent that serves one user (wire 1.1, community)."""

MAX_SHORT_CHARS: Final = 256
"""What the columns for names and headers hold; longer ones are cut, for PostgreSQL would refuse them."""

_RFC3339: Final = re.compile(r"(\d{4}-\d{2}-\d{2})[Tt ](\d{2}:\d{2}:\d{2})(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)


class Caller(NamedTuple):
    """Who asked: the authenticated client, and what its headers say of tool session, developer and software."""

    client_id: str
    tenant_id: str = LOCAL_TENANT
    session_id: str | None = None
    user_email: str | None = None
    client_software: str | None = None

    def columns(self) -> Mapping[str, str | None]:
        """Give the columns that both tables have of a caller."""
        return _columns_of(self)


@lru_cache(maxsize=256)
def _columns_of(caller: Caller) -> Mapping[str, str | None]:
    return {
        "client_id": _short(caller.client_id),
        "tenant_id": caller.tenant_id,
        "session_id": _short(caller.session_id),
        "user_email": _short(caller.user_email),
        "client_software": _short(caller.client_software),
    }


@dataclass(frozen=True, slots=True)
class SpanRecord:
    """Characters `start` to `end` of the text at `field`; never the text itself."""

    field: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class MatchRecord:
    """One policy that matched, with the places it matched at.

    `quote` is the text at the first place, secrets and personal data replaced. `lifted_by` is the override or the
    approval by which it did not count.
    """

    policy_id: str
    policy_name: str
    category: str
    action: Action
    risk_level: RiskLevel
    allow_override: bool
    policy_description: str
    spans: tuple[SpanRecord, ...]
    quote: str | None = None
    lifted_by: str | None = None

    def value(self) -> dict[str, Any]:
        """Give the match as it stands in `policy_matches`."""
        return {
            "policy_id": self.policy_id,
            "policy_name": self.policy_name,
            "category": self.category,
            "action": self.action,
            "risk_level": self.risk_level,
            "allow_override": self.allow_override,
            "policy_description": self.policy_description,
            "spans": [{"field": span.field, "start": span.start, "end": span.end} for span in self.spans],
            **({"quote": storable(self.quote)} if self.quote is not None else {}),
            **({"lifted_by": self.lifted_by} if self.lifted_by is not None else {}),
        }


class DecisionRecord(NamedTuple):
    """One verdict. `excerpt` has secrets and personal data replaced; `statement_hash` is keyed.

    `unseen_chars` is how many characters of what was judged the excerpt does not show; the approval that it asks
    for keeps it, for the person who decides (see `hold_or_honour`).
    """

    decision_id: str
    timestamp: str
    plane: Phase
    decision: Decision
    action: Action
    risk_level: RiskLevel | None
    reason: str
    matches: tuple[MatchRecord, ...]
    policies_evaluated: int
    tool_signature: str
    statement_hash: str
    excerpt: str | None
    excerpt_offset: int | None
    caller: Caller
    duration_ms: float
    stage: str | None = None
    trace_id: str | None = None
    context: Mapping[str, str] = {}
    context_truncated: bool = False
    override_id: str | None = None
    approval_id: str | None = None
    expires_at: str | None = None
    unseen_chars: int = 0

    def row(self) -> dict[str, Any]:
        """Give the values of the `decisions` table."""
        return {
            "decision_id": self.decision_id,
            "timestamp": self.timestamp,
            "plane": self.plane,
            "decision": self.decision,
            "action": self.action,
            "risk_level": self.risk_level,
            "reason": storable(self.reason),
            "primary_policy": self.matches[0].policy_id if self.matches else None,
            "policy_matches": to_json([match.value() for match in self.matches]) if self.matches else "[]",
            "policies_evaluated": self.policies_evaluated,
            "tool_signature": _short(self.tool_signature),
            "statement_hash": self.statement_hash,
            "excerpt": storable(self.excerpt),
            "excerpt_offset": self.excerpt_offset,
            **self.caller.columns(),
            "duration_ms": self.duration_ms + 0.0,
            "stage": self.stage,
            "trace_id": self.trace_id,
            "context": to_json(self.context) if self.context else None,
            "context_truncated": int(self.context_truncated),
            "override_id": self.override_id,
            "approval_id": self.approval_id,
            "expires_at": self.expires_at,
        }


class AuditRecord(NamedTuple):
    """One event of the audit trail: a verdict, or a tool call that an enforcement point reports.

    Every text in it has passed the storage redaction already.
    """

    id: str
    timestamp: str
    request_type: str
    tool_name: str
    query: str
    caller: Caller
    policy_details: Mapping[str, Any] = {}
    query_hash: str | None = None
    policy_decision: Decision | None = None
    decision_id: str | None = None
    plane: Phase | None = None
    request_body: Any = None
    response_body: Any = None
    redacted_fields: tuple[str, ...] = ()
    error_message: str | None = None
    response_time_ms: float | None = None
    override_id: str | None = None
    correlation_id: str | None = None

    def row(self) -> dict[str, Any]:
        """Give the values of the `audit_log` table, all but `sequence`, which the writer assigns."""
        return {
            "id": self.id,
            "timestamp": self.timestamp,
            "request_type": self.request_type,
            "tool_name": _short(self.tool_name),
            "query": storable(self.query),
            "query_hash": self.query_hash,
            "policy_decision": self.policy_decision,
            "policy_details": to_json(self.policy_details),
            "decision_id": self.decision_id,
            "plane": self.plane,
            "request_body": None if self.request_body is None else to_json(self.request_body),
            "response_body": None if self.response_body is None else to_json(self.response_body),
            "redacted_fields": to_json(self.redacted_fields) if self.redacted_fields else None,
            "error_message": storable(self.error_message),
            **self.caller.columns(),
            # SQLite keeps no sign of a zero; without it here either, the row reads back as it was hashed.
            "response_time_ms": None if self.response_time_ms is None else self.response_time_ms + 0.0,
            "override_id": self.override_id,
            "correlation_id": storable(self.correlation_id),
        }


_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_quoted: Final = json.encoder.encode_basestring_ascii
_COLUMN: Final = json.JSONEncoder(separators=(",", ":"))


def canonical_row(row: Mapping[str, Any]) -> bytes:
    """Give the bytes that stand for a row: JSON, keys sorted, ASCII, nothing between the tokens, without NULLs.

    The one serialisation that commitments over the audit trail may use. NULLs are left out, so that a column which a
    later release adds does not change what older rows stand for. Raises ValueError for a number that is not finite,
    TypeError for what is neither text nor number.
    """
    # By hand, for it is done twice for every verdict: the encoder takes half as long again to come to the same.
    members = [
        label + (_quoted(value) if type(value) is str else _token(value))
        for name, label in _labels(tuple(row))
        if (value := row[name]) is not None
    ]
    return ("{" + ",".join(members) + "}").encode("ascii")


@lru_cache(maxsize=64)
def _labels(names: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Give the names of the columns of a row as they stand in its canonical form: sorted, each with its JSON."""
    return tuple((name, f"{_quoted(name)}:") for name in sorted(names))


def _token(value: Any) -> str:
    if type(value) is int or (type(value) is float and math.isfinite(value)):
        return repr(value)
    return _CANONICAL.encode(value)


def to_json(value: Any) -> str:
    """Give a value as JSON text for a column; ASCII, so that every database stores it as it is."""
    return _COLUMN.encode(value)


def storable(text: str | None) -> Any:
    """Give text that every database can store: NUL and lone surrogates become the replacement character."""
    if text is None:
        return None
    if not text.isascii():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text.replace("\x00", "\ufffd") if "\x00" in text else text


def _short(text: str | None) -> Any:
    if text is None:
        return None
    stored = storable(text)
    return stored if len(stored) <= MAX_SHORT_CHARS else stored[:MAX_SHORT_CHARS]


def format_time(moment: datetime) -> str:
    """Give a moment as RFC 3339 in UTC with microseconds: fixed width, so that texts compare as times do."""
    return moment.astimezone(timezone.utc).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_time(text: str) -> datetime | None:
    """Take an RFC 3339 time, with any number of digits after the second, and give the moment; None if it is none."""
    parts = _RFC3339.fullmatch(text)
    if parts is None:
        return None
    date, time, fraction, zone = parts.groups()
    micros = f"{fraction or '.'}000000"[:7]
    try:
        return datetime.fromisoformat(f"{date}T{time}{micros}{zone.upper().replace('Z', '+00:00')}").astimezone(
            timezone.utc
        )
    except (ValueError, OverflowError):
        return None


def now() -> str:
    """Give this moment as `format_time` writes it."""
    global _second  # noqa: PLW0603 - replaced as a whole, whichever thread comes first
    seconds, microseconds = divmod(time.time_ns() // 1_000, 1_000_000)
    known = _second
    if known[0] != seconds:
        known = _second = (seconds, datetime.fromtimestamp(seconds, timezone.utc).isoformat()[:-6])
    return f"{known[1]}.{microseconds:06d}Z"


_second: tuple[int, str] = (-1, "")
"""The second that was last told, as it is written: there are many moments in one."""


_RANDOM_BYTES: Final = 10
_random: Final[list[bytes]] = []
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_random.clear)


def _random_bytes() -> bytes:
    """Give ten random bytes of the operating system, fetched many at once: each fetch lets other threads run."""
    try:
        return _random.pop()
    except IndexError:
        fetched = os.urandom(100 * _RANDOM_BYTES)
        _random.extend(fetched[at : at + _RANDOM_BYTES] for at in range(_RANDOM_BYTES, len(fetched), _RANDOM_BYTES))
        return fetched[:_RANDOM_BYTES]


def new_audit_id() -> str:
    """Give an id for an audit entry (wire 1.9: `audit_…`); ids grow with time, see `new_decision_id`."""
    return f"audit_{time.time_ns():016x}{_random_bytes()[:8].hex()}"


def new_decision_id() -> str:
    """Give an id for a decision: a UUID of version 7 (RFC 9562), 74 bits of it random.

    Ids that grow with time lie side by side in the indexes, so that a commit writes a few pages and not one per row.
    """
    value = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(_random_bytes(), "big")
    value = value & ~(0xF << 76) | 0x7 << 76  # the version
    value = value & ~(0x3 << 62) | 0x2 << 62  # the variant
    digits = f"{value:032x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def milliseconds(seconds: float) -> float:
    """Give a duration in milliseconds with three decimals, which every database gives back unchanged."""
    return math.floor(seconds * 1e6) / 1e3
