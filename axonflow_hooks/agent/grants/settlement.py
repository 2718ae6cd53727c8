"""Settles a verdict that would stop a call: what people have granted is looked up in the decision's own transaction.

So a use is recorded with the decision that it made possible or not at all, and no cache outlives a revocation.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from axonflow_hooks.agent.conclusion import BLOCKING, conclude, is_overridable
from axonflow_hooks.agent.grants.approvals import Hold, hold_or_honour
from axonflow_hooks.agent.grants.events import false_grant
from axonflow_hooks.agent.grants.overrides import record_use
from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.store.grants import live_overrides
from axonflow_hooks.agent.tables.records import now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.grants.approvals import PendingApproval
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import DecisionRecord, MatchRecord
    from axonflow_hooks.wire.audit import Decision


@dataclass(frozen=True, slots=True)
class Settled:
    """A decision with what was granted taken into account; the fields are those of a verdict."""

    record: DecisionRecord
    pending_approval: PendingApproval | None = None
    override_existing_id: str | None = None
    override_available: bool = False
    reasons: tuple[str, ...] = ()


def settle(
    transaction: Transaction, record: DecisionRecord, request_type: str, approval_id: str | None, approval_ttl_s: int
) -> Settled:
    """Take a decision that blocks or needs approval and give it as it stands with overrides and approvals."""
    used = _overrides_for(transaction, record)
    matches = tuple(replace(match, lifted_by=used.get(match.policy_id)) for match in record.matches)
    conclusion = conclude(matches)
    hold = Hold()
    if conclusion.decision == "needs_approval":
        asking = tuple(m for m in matches if m.action == "require_approval" and m.lifted_by is None)
        hold = hold_or_honour(transaction, record, asking, request_type, approval_id, approval_ttl_s)
        if hold.approved:
            matches = tuple(replace(m, lifted_by=hold.approved) if m in asking else m for m in matches)
    blocked = [m for m in matches if m.action in BLOCKING and m.lifted_by is None]
    settled = _concluded(record, matches, used, hold)
    if used and not blocked:
        record_use(transaction, record.caller, used, record.tool_signature, record.decision_id)
    return Settled(
        record=settled,
        pending_approval=hold.pending,
        override_existing_id=next(iter(used.values()), None),
        override_available=bool(blocked) and all(is_overridable(match) for match in blocked),
        reasons=(hold.reason,) if hold.reason else (),
    )


def _overrides_for(transaction: Transaction, record: DecisionRecord) -> Mapping[str, str]:
    policies = [match.policy_id for match in record.matches if is_overridable(match)]
    if not policies:
        return {}
    caller, faults = record.caller, list[tuple[str, str]]()
    found = live_overrides(
        transaction.connection, caller.tenant_id, user_key(caller), record.tool_signature, policies, now(), faults
    )
    for override_id, fault in faults:
        names = {"tool_name": record.tool_signature, "decision_id": record.decision_id}
        transaction.append_audit(false_grant(caller, override_id, fault, **names))
    return found


def _concluded(
    record: DecisionRecord, matches: tuple[MatchRecord, ...], used: Mapping[str, str], hold: Hold
) -> DecisionRecord:
    conclusion = conclude(matches)
    decision, reason = conclusion.decision, conclusion.reason
    if decision == "needs_approval":
        decision, reason = _held(reason, hold)
    elif decision != "blocked" and (used or hold.approved):
        reason = f"{_granted(matches, hold)} {'' if reason == 'No policy matched.' else reason}".rstrip()
    return record._replace(
        decision=decision,
        action=conclusion.action,
        risk_level=conclusion.risk,
        reason=reason,
        # What decided stands first: readers take the first match for the blocker.
        matches=tuple(sorted(matches, key=lambda match: match.lifted_by is not None)),
        override_id=next(iter(used.values()), None),
        approval_id=hold.approval_id,
    )


def _held(reason: str, hold: Hold) -> tuple[Decision, str]:
    if hold.rejected:
        return "blocked", f"{reason} It needs a person's approval, and a person has refused it."
    if hold.pending is None:
        return "blocked", f"{reason} It needs a person's approval, and too many calls wait for one already."
    told = f"{reason} It needs a person's approval: axonflow-hooks approval approve {hold.pending.approval_id}"
    return "needs_approval", told


def _granted(matches: tuple[MatchRecord, ...], hold: Hold) -> str:
    lifted = [match for match in matches if match.lifted_by is not None and match.lifted_by != hold.approved]
    parts = [f"Override {match.lifted_by} lifts {match.policy_name}." for match in lifted]
    if hold.approved:
        parts.append(f"A person has approved it ({hold.approved}).")
    return " ".join(parts)
