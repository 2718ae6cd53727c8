"""Audit entries of what people grant. They have no verdict, so that they are no part of verdict statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from axonflow_hooks.agent.store.sealed import MAC
from axonflow_hooks.agent.tables.records import AuditRecord, new_audit_id, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.store.sealed import Commitment
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller

GrantEvent = Literal[
    "override_created",
    "override_used",
    "override_revoked",
    "approval_requested",
    "approval_approved",
    "approval_rejected",
    "approval_used",
    "presence_enrolled",
    "presence_confirmed",
    "presence_refused",
    "grant_not_genuine",
]


def grant_event(
    kind: GrantEvent,
    caller: Caller,
    summary: str,
    details: Mapping[str, Any],
    *,
    tool_name: str = "",
    override_id: str | None = None,
    decision_id: str | None = None,
    about: str | None = None,
    commits: Commitment | None = None,
) -> AuditRecord:
    """Give the entry of an event; `summary` and `details` hold no secrets and no personal data any more.

    `about` names the question that it answers. An entry that `commits` says what the row of a grant is from now on.
    """
    if commits is not None:
        details, about = {**details, MAC: commits.mac}, commits.subject
    return AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=kind,
        tool_name=tool_name,
        query=summary,
        caller=caller,
        policy_details={name: value for name, value in details.items() if value is not None},
        override_id=override_id,
        decision_id=decision_id,
        correlation_id=about,
    )


def false_grant(caller: Caller, grant_id: str, fault: str, *, tool_name: str, decision_id: str) -> AuditRecord:
    """Give the entry of a call that a row would have let through, had this agent written it."""
    summary = f"{grant_id} was not honoured: {fault}. See: axonflow-hooks audit verify"
    details = {"grant_id": grant_id, "fault": fault}
    return grant_event("grant_not_genuine", caller, summary, details, tool_name=tool_name, decision_id=decision_id)


def commit_event(transaction: Transaction, event: AuditRecord) -> None:
    """Append an entry that commits to a row; what comes after it in the same batch has to find it there."""
    transaction.append_audit(event)
    transaction.flush()
