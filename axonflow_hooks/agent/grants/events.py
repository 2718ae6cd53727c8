"""Audit entries of what people grant. They have no verdict, so that they are no part of verdict statistics."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from axonflow_hooks.agent.store.records import AuditRecord, new_audit_id, now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.store.records import Caller

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
) -> AuditRecord:
    """Give the entry of an event; `summary` and `details` hold no secrets and no personal data any more."""
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
    )
