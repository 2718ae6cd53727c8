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
from axonflow_hooks.agent.runtime import APPROVAL_TTL_S
from axonflow_hooks.agent.store import grants
from axonflow_hooks.agent.store.sealed import commitment
from axonflow_hooks.agent.tables.records import format_time, now, storable
from axonflow_hooks.setting_values import read, set_in, whole_number
from axonflow_hooks.wire.approvals import MAX_QUERY_CHARS
from axonflow_hooks.wire.decide import APPROVAL_HEADER

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller, DecisionRecord, MatchRecord

APPROVAL_TTL: Final = "AXONFLOW_AGENT_APPROVAL_TTL_SECONDS"
MIN_APPROVAL_TTL_S: Final = 60
MAX_APPROVAL_TTL_S: Final = 86_400

MAX_NAMES: Final = 10
"""Policies that a person is told of by name; more of them match the same call rarely."""

MAX_PENDING: Final = 200
"""Calls that may wait in a tenant; one more is not held but refused."""

_STANDING: Final = frozenset({None, "approval_pending", "approval_rejected"})
"""Faults of a named approval with which it is still the one that the call is about."""


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
class WaitingCall:
    """A call that a person is to decide about, of a verdict or put in by a program.

    `policies` are the (id, name) of those that ask, `reason` and `severity` what they say of it; `query` and `details`
    may be stored as they are.
    """

    caller: Caller
    plane: str
    tool_signature: str
    statement_hash: str
    query: str
    request_type: str
    policies: tuple[tuple[str, str], ...]
    reason: str
    severity: str
    details: Mapping[str, Any]


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
    remedy = f"Set it to {MIN_APPROVAL_TTL_S} to {MAX_APPROVAL_TTL_S}, or unset it for an hour."
    parse = whole_number(MIN_APPROVAL_TTL_S, MAX_APPROVAL_TTL_S, "seconds", remedy)
    return read(set_in(environ, (APPROVAL_TTL,)), APPROVAL_TTL, parse, APPROVAL_TTL_S)


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
    row, fault = _chosen(transaction, record, asking, approval_id, at)
    if row is not None and _covers(row, asking):
        if row["status"] == "pending":
            return Hold(pending=_pending(row), reason=fault or "approval_pending")
        if row["status"] == "rejected":
            return Hold(rejected=row["id"], reason="approval_rejected")
        if row["status"] == "approved" and fault is None:
            if _use(transaction, record, row, at):
                return Hold(approved=row["id"])
            fault = "approval_already_consumed"  # between the look and the use
    return Hold(pending=_hold(transaction, record, asking, request_type, ttl_s), reason=fault)


def public_status(row: Mapping[str, Any], at: str) -> str:
    """Give the status of an approval as people see it: used ones were approved, forgotten ones have expired."""
    if row["status"] == "consumed":
        return "approved"
    return "expired" if row["status"] == "pending" and row["expires_at"] <= at else str(row["status"])


def new_row(call: WaitingCall, ttl_s: int) -> dict[str, Any]:
    """Give the row of a call that waits for at most `ttl_s` seconds."""
    created = datetime.now(timezone.utc)
    unseen = call.details.get("unseen_chars", 0) + max(0, len(call.query) - MAX_QUERY_CHARS)
    return {
        "id": f"apr_{uuid.uuid4().hex}",
        "tenant_id": call.caller.tenant_id,
        "client_id": call.caller.client_id,
        "user_key": user_key(call.caller),
        "session_id": call.caller.session_id,
        "plane": call.plane,
        "tool_signature": storable(call.tool_signature),
        "statement_hash": call.statement_hash,
        "original_query": storable(call.query[:MAX_QUERY_CHARS]),
        "request_type": call.request_type,
        "policy_ids": json.dumps([policy_id for policy_id, _ in call.policies]),
        "policy_name": storable(call.policies[0][1] if call.policies else ""),
        "trigger_reason": storable(call.reason),
        "severity": call.severity,
        "details": json.dumps({**call.details, "unseen_chars": unseen}, separators=(",", ":")),
        "status": "pending",
        "created_at": format_time(created),
        "updated_at": format_time(created),
        "expires_at": format_time(created + timedelta(seconds=ttl_s)),
    }


def _chosen(
    transaction: Transaction, record: DecisionRecord, asking: tuple[MatchRecord, ...], approval_id: str | None, at: str
) -> tuple[Mapping[str, Any] | None, str | None]:
    """Give the approval that a call is about, and why the one that it names does not let it pass (wire 1.4)."""
    binding = _binding(record)
    row: Mapping[str, Any] | None = grants.latest_approval(transaction.connection, binding, at)
    fault = None
    if approval_id is not None:
        named = grants.find_approval(transaction.connection, approval_id, record.caller.tenant_id)
        fault = _fault_of_named(named, binding, asking, at)
        row = named if fault in _STANDING else row
    if row is None or _is_genuine(transaction, record, row):
        return row, fault
    return None, "approval_not_found" if approval_id else None


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
    call = WaitingCall(
        caller=caller,
        plane=record.plane,
        tool_signature=record.tool_signature,
        statement_hash=record.statement_hash,
        query=record.excerpt or "",
        request_type=request_type,
        policies=tuple((match.policy_id, match.policy_name) for match in asking),
        reason=asking[0].policy_description,
        severity=asking[0].risk_level,
        details={
            "decision_id": record.decision_id,
            "unseen_chars": record.unseen_chars,
            "matching": [match.policy_name for match in record.matches[:MAX_NAMES]],
        },
    )
    row = new_row(call, ttl_s)
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
