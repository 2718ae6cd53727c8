"""Calls that wait for a person: held once, decided once, honoured once (wire 1.4).

An approval is bound to the tenant, the user, the plane, the tool, the statement and the policies that asked for it.
The same call finds it by these, with or without its id.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.grants.events import commit_event, false_grant, grant_event
from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.store import grants
from axonflow_hooks.agent.store.records import format_time, now, storable
from axonflow_hooks.agent.store.sealed import commitment
from axonflow_hooks.errors import SettingsError
from axonflow_hooks.wire.approvals import MAX_QUERY_CHARS
from axonflow_hooks.wire.decide import APPROVAL_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.store.records import DecisionRecord, MatchRecord
    from axonflow_hooks.agent.store.writer import Transaction

APPROVAL_TTL: Final = "AXONFLOW_AGENT_APPROVAL_TTL_SECONDS"
DEFAULT_APPROVAL_TTL_S: Final = 3_600
MIN_APPROVAL_TTL_S: Final = 60
MAX_APPROVAL_TTL_S: Final = 86_400

MAX_NAMES: Final = 10
"""Policies that a person is told of by name; more of them match the same call rarely."""

MAX_PENDING: Final = 200
"""Calls that may wait in a tenant; one more is not held but refused."""


@dataclass(frozen=True, slots=True)
class PendingApproval:
    """A call that is held until a person decides (wire 1.4)."""

    approval_id: str
    status: str
    plane: str
    expires_at: str

    def body(self) -> dict[str, Any]:
        """Give the object `pending_approval` of a reply, with the ways to name the approval on the retry."""
        return {
            "approval_id": self.approval_id,
            "status": self.status,
            "plane": self.plane,
            "expires_at": self.expires_at,
            "retry": {"header": APPROVAL_HEADER, "argument": "approval_id", "body_field": "approval_id"},
        }


@dataclass(frozen=True, slots=True)
class Hold:
    """What became of a call that needs approval: `approved` is the id of the approval that was used up for it.

    Else `pending` is what it waits for, `rejected` the id of a person's no, and neither where the queue is full.
    `reason` is a code of wire 1.4.
    """

    approved: str | None = None
    pending: PendingApproval | None = None
    rejected: str | None = None
    reason: str | None = None

    @property
    def approval_id(self) -> str | None:
        """The approval that the decision is about."""
        return self.approved or self.rejected or (self.pending.approval_id if self.pending else None)


def approval_ttl(environ: Mapping[str, str]) -> int:
    """Give the seconds that a held call waits for a person. Raises SettingsError."""
    value = environ.get(APPROVAL_TTL, "").strip()
    if not value:
        return DEFAULT_APPROVAL_TTL_S
    number = int(value[:9]) if value.isascii() and value.isdigit() else 0
    if not MIN_APPROVAL_TTL_S <= number <= MAX_APPROVAL_TTL_S:
        raise SettingsError(
            f"{APPROVAL_TTL} is not a number of seconds: {value[:40]!r}.",
            remedy=f"Set it to {MIN_APPROVAL_TTL_S} to {MAX_APPROVAL_TTL_S}, or unset it for an hour.",
        )
    return number


def hold_or_honour(
    transaction: Transaction,
    record: DecisionRecord,
    asking: tuple[MatchRecord, ...],
    request_type: str,
    approval_id: str | None,
    ttl_s: int,
) -> Hold:
    """Use up the approval of a call, or hold the call until a person decides. Runs in the decision's transaction.

    `asking` are the matches that ask for approval, `approval_id` what the retry has named.
    """
    at = now()
    binding = _binding(record)
    row = grants.latest_approval(transaction.connection, binding, at)
    reason = None
    if approval_id is not None:
        named = grants.find_approval(transaction.connection, approval_id, record.caller.tenant_id)
        reason = _fault_of_named(named, binding, asking, at)
        row = named if reason in {None, "approval_pending", "approval_rejected"} else row
    if row is not None and not _is_genuine(transaction, record, row):
        row, reason = None, "approval_not_found" if approval_id else None
    if row is not None and row["status"] == "approved" and reason is None and _covers(row, asking):
        if _use(transaction, record, row, at):
            return Hold(approved=row["id"])
        row, reason = None, "approval_already_consumed"
    if row is not None and row["status"] == "rejected" and _covers(row, asking):
        return Hold(rejected=row["id"], reason="approval_rejected")
    if row is not None and row["status"] == "pending" and _covers(row, asking):
        return Hold(pending=_pending(row), reason=reason or "approval_pending")
    held = _hold(transaction, record, asking, request_type, ttl_s)
    return Hold(pending=held, reason=reason)


def public_status(row: Mapping[str, Any], at: str) -> str:
    """Give the status of an approval as people see it: used ones were approved, forgotten ones have expired."""
    if row["status"] == "consumed":
        return "approved"
    return "expired" if row["status"] == "pending" and row["expires_at"] <= at else str(row["status"])


def new_row(
    *,
    tenant_id: str,
    client_id: str,
    user: str,
    session_id: str | None,
    plane: str,
    tool_signature: str,
    statement_hash: str,
    query: str,
    request_type: str,
    policies: tuple[tuple[str, str], ...],
    reason: str,
    severity: str,
    ttl_s: int,
    details: Mapping[str, Any],
) -> dict[str, Any]:
    """Give the row of a call that waits; `policies` are the (id, name) of those that ask."""
    created = datetime.now(timezone.utc)
    unseen = details.get("unseen_chars", 0) + max(0, len(query) - MAX_QUERY_CHARS)
    return {
        "id": f"apr_{uuid.uuid4().hex}",
        "tenant_id": tenant_id,
        "client_id": client_id,
        "user_key": user,
        "session_id": session_id,
        "plane": plane,
        "tool_signature": storable(tool_signature),
        "statement_hash": statement_hash,
        "original_query": storable(query[:MAX_QUERY_CHARS]),
        "request_type": request_type,
        "policy_ids": json.dumps([policy_id for policy_id, _ in policies]),
        "policy_name": storable(policies[0][1] if policies else ""),
        "trigger_reason": storable(reason),
        "severity": severity,
        "details": json.dumps({**details, "unseen_chars": unseen}, separators=(",", ":")),
        "status": "pending",
        "created_at": format_time(created),
        "updated_at": format_time(created),
        "expires_at": format_time(created + timedelta(seconds=ttl_s)),
    }


def _fault_of_named(
    row: Mapping[str, Any] | None, binding: Mapping[str, str], asking: tuple[MatchRecord, ...], at: str
) -> str | None:
    """Say why a named approval does not let this call pass (wire 1.4), None when it does."""
    if row is None or row["user_key"] != binding["user_key"]:
        return "approval_not_found"
    if any(row[name] != value for name, value in binding.items()) or not _covers(row, asking):
        return "bound_input_changed"
    if row["status"] == "consumed":
        return "approval_already_consumed"
    if row["status"] == "rejected":
        return "approval_rejected"
    if row["expires_at"] <= at:
        return "approval_expired"
    return "approval_pending" if row["status"] == "pending" else None


def _binding(record: DecisionRecord) -> dict[str, str]:
    return {
        "tenant_id": record.caller.tenant_id,
        "user_key": user_key(record.caller),
        "plane": record.plane,
        "tool_signature": storable(record.tool_signature),
        "statement_hash": record.statement_hash,
    }


def _covers(row: Mapping[str, Any], asking: tuple[MatchRecord, ...]) -> bool:
    # A policy that has come to match since then is one that nobody was asked about.
    return {match.policy_id for match in asking} <= set(json.loads(row["policy_ids"]))


def _use(transaction: Transaction, record: DecisionRecord, row: Mapping[str, Any], at: str) -> bool:
    values = {"status": "consumed", "consumed_at": at}
    used = grants.change_approval(transaction.connection, row["id"], row["tenant_id"], "approved", at, values)
    if used is None:
        return False
    event = grant_event(
        "approval_used",
        record.caller,
        f"Approval {row['id']} used",
        {"approval_id": row["id"], "reviewer_id": row["reviewer_id"]},
        tool_name=record.tool_signature,
        decision_id=record.decision_id,
        commits=commitment(grants.approvals, used),
    )
    commit_event(transaction, event)
    return True


def _is_genuine(transaction: Transaction, record: DecisionRecord, row: Mapping[str, Any]) -> bool:
    fault = grants.approval_fault(transaction.connection, row)
    if fault is not None:
        names = {"tool_name": record.tool_signature, "decision_id": record.decision_id}
        transaction.append_audit(false_grant(record.caller, str(row["id"]), fault, **names))
    return fault is None


def _hold(
    transaction: Transaction, record: DecisionRecord, asking: tuple[MatchRecord, ...], request_type: str, ttl_s: int
) -> PendingApproval | None:
    caller = record.caller
    waiting, _ = grants.count_pending(transaction.connection, caller.tenant_id, now())
    if sum(waiting.values()) >= MAX_PENDING:
        return None
    row = new_row(
        tenant_id=caller.tenant_id,
        client_id=caller.client_id,
        user=user_key(caller),
        session_id=caller.session_id,
        plane=record.plane,
        tool_signature=record.tool_signature,
        statement_hash=record.statement_hash,
        query=record.excerpt or "",
        request_type=request_type,
        policies=tuple((match.policy_id, match.policy_name) for match in asking),
        reason=asking[0].policy_description,
        severity=asking[0].risk_level,
        ttl_s=ttl_s,
        details={
            "decision_id": record.decision_id,
            "unseen_chars": record.unseen_chars,
            "matching": [match.policy_name for match in record.matches[:MAX_NAMES]],
        },
    )
    made = grants.add_approval(transaction.connection, row)
    event = grant_event(
        "approval_requested",
        caller,
        f"Held for approval: {asking[0].policy_name}",
        {"approval_id": row["id"], "policy_ids": json.loads(row["policy_ids"]), "expires_at": row["expires_at"]},
        tool_name=record.tool_signature,
        decision_id=record.decision_id,
        commits=commitment(grants.approvals, made),
    )
    commit_event(transaction, event)
    return _pending(row)


def _pending(row: Mapping[str, Any]) -> PendingApproval:
    return PendingApproval(row["id"], row["status"], row["plane"], row["expires_at"])
