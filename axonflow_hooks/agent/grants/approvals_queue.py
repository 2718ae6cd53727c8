"""The queue as people and programs see it: list, look, put in, approve, reject (/api/v1/hitl, wire 1.17)."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.grants.approvals import (
    MAX_APPROVAL_TTL_S,
    MAX_PENDING,
    WaitingCall,
    new_row,
    public_status,
)
from axonflow_hooks.agent.grants.events import GrantEvent, commit_event, grant_event
from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.grants.presence import Question, require_person
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.names import kept_name, kept_user
from axonflow_hooks.agent.privacy import StorageRedactor, statement_hash
from axonflow_hooks.agent.store import grants
from axonflow_hooks.agent.store.sealed import commitment
from axonflow_hooks.agent.tables.records import format_time, now, parse_time, storable
from axonflow_hooks.policy import Placeholders
from axonflow_hooks.wire.approvals import ApprovalRequest, ApprovalStats

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.rows import Row
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller
    from axonflow_hooks.wire.approvals import ApprovalQuery, CreateApproval, Review

PURPOSE: Final = "approval"
USE_WITHIN_S: Final = 900
"""Seconds that an approved call has at least to be tried again."""

MAX_NAME_CHARS: Final = 200
MAX_ID_CHARS: Final = 128
MAX_TYPE_CHARS: Final = 32
_NOT_FOUND: Final = "Approval request not found"
_REVIEWED: Final = ("reviewer_id", "reviewer_email", "review_comment")
_EXTRAS: Final = {
    "request_context",
    "user_id",
    "notify_url",
    "eu_ai_act_article",
    "compliance_framework",
    "risk_classification",
}


async def listed(agent: Agent, caller: Caller, wanted: ApprovalQuery) -> dict[str, Any]:
    """Give a page of the tenant's queue, newest first."""
    at = now()

    def query(connection: Connection) -> tuple[list[Row], int]:
        return grants.list_approvals(
            connection,
            caller.tenant_id,
            at,
            status=wanted.status,
            severity=wanted.severity,
            limit=wanted.limit,
            offset=wanted.offset,
        )

    rows, total = await agent.read(query)
    meta = {"total": total, "limit": wanted.limit, "offset": wanted.offset}
    return {"success": True, "data": [request_body(row, at) for row in rows], "meta": meta}


async def find(agent: Agent, caller: Caller, approval_id: str) -> dict[str, Any]:
    """Give one entry of the queue. Raises GrantRefused 404."""
    row = await _row(agent, caller, approval_id)
    return {"success": True, "data": request_body(row, now())}


async def stats(agent: Agent, caller: Caller) -> dict[str, Any]:
    """Give how many calls wait, and for how long the oldest does."""
    counts, oldest = await agent.read(lambda connection: grants.count_pending(connection, caller.tenant_id, now()))
    since = parse_time(oldest) if oldest else None
    hours = None if since is None else round((datetime.now(timezone.utc) - since).total_seconds() / 3600, 3)
    told = ApprovalStats(
        total_pending=sum(counts.values()),
        high_priority=counts.get("high", 0),
        critical_priority=counts.get("critical", 0),
        oldest_pending_hours=hours,
    )
    return {"success": True, "data": told.model_dump(exclude_none=True)}


async def put_in(agent: Agent, caller: Caller, given: CreateApproval, size: int) -> dict[str, Any]:
    """Put a call into the queue on a program's behalf. Raises GrantRefused 429 when too many wait."""
    call = await _waiting_call(agent, caller, given, size)
    row = new_row(call, min(given.expires_in_seconds or agent.approval_ttl_s, MAX_APPROVAL_TTL_S))

    def keep(transaction: Transaction) -> bool:
        waiting, _ = grants.count_pending(transaction.connection, caller.tenant_id, now())
        if sum(waiting.values()) >= MAX_PENDING:
            return False
        made = grants.add_approval(transaction.connection, row)
        _record(transaction, "approval_requested", caller, made, "Put into the queue")
        return True

    if not await agent.writer.submit(keep):
        raise GrantRefused(429, f"{MAX_PENDING} calls wait for a person already")
    return {"success": True, "data": request_body(row, now())}


async def approve(agent: Agent, caller: Caller, approval_id: str, review: Review, header: str | None) -> dict[str, Any]:
    """Approve a call, which takes a person's proof in `header`. Raises GrantRefused: 403 with the challenge without."""
    row = await _row(agent, caller, approval_id)
    _check_open(row)
    if await agent.read(lambda connection: grants.approval_fault(connection, row)):
        raise GrantRefused(409, "The call's record was not written by this agent: see axonflow-hooks audit verify")
    question = _question(row, await _reviewed(agent, caller, review))
    return await require_person(
        agent, caller, header, question, lambda transaction: _approve(transaction, caller, question.request)
    )


def approve_asked(transaction: Transaction, caller: Caller, row: Mapping[str, Any]) -> dict[str, Any]:
    """Approve the call that an answered question is about. Raises GrantRefused when it does not wait any more."""
    request = json.loads(row["request"])
    body = _approve(transaction, caller, request)
    grants.keep_result(transaction.connection, row["code"], request["approval_id"])
    return body


async def reject(agent: Agent, caller: Caller, approval_id: str, review: Review) -> dict[str, Any]:
    """Refuse a call, which makes things stricter and so needs no proof. Raises GrantRefused 404, 409."""
    row = await _row(agent, caller, approval_id)
    _check_open(row, and_approved=True)
    values = {**await _reviewed(agent, caller, review), "status": "rejected"}

    def keep(transaction: Transaction) -> dict[str, Any] | None:
        at = now()
        changed = {**values, "reviewed_at": at}
        kept = grants.change_approval(transaction.connection, row["id"], row["tenant_id"], row["status"], at, changed)
        if kept is not None:
            _record(transaction, "approval_rejected", caller, kept, "Rejected")
        return kept

    kept = await agent.writer.submit(keep)
    if kept is None:
        raise GrantRefused(409, "The call does not wait any more")
    return {"success": True, "data": request_body(kept, now())}


def request_body(row: Mapping[str, Any], at: str) -> dict[str, Any]:
    """Give an approval as the contract's clients read it."""
    policies = json.loads(row["policy_ids"])
    details = json.loads(row["details"])
    user = row["user_key"]
    context = {
        **details.pop("request_context", {}),
        "tool_signature": row["tool_signature"],
        "statement_hash": row["statement_hash"],
        "plane": row["plane"],
        **({"session_id": row["session_id"]} if row["session_id"] else {}),
        **({"decision_id": details.pop("decision_id")} if "decision_id" in details else {}),
    }
    shown = {
        **row,
        **details,
        "request_id": row["id"],
        "org_id": row["tenant_id"],
        "user_id": details.get("user_id") or user,
        "triggered_policy_id": policies[0] if policies else "",
        "triggered_policy_name": row["policy_name"],
        "request_context": context,
        "status": public_status(row, at),
    }
    return ApprovalRequest.model_validate(shown).model_dump(exclude_none=True)


def _question(row: Mapping[str, Any], reviewed: Mapping[str, str | None]) -> Question:
    request = {
        "approval_id": row["id"],
        "policy_ids": json.loads(row["policy_ids"]),
        "tool_signature": row["tool_signature"],
        "statement_hash": row["statement_hash"],
        "user": row["user_key"],
        **reviewed,
    }
    details = json.loads(row["details"])
    others = ", ".join(name for name in details.get("matching", []) if name != row["policy_name"])
    unseen = details.get("unseen_chars", 0)
    text = (
        f"Allow {row['tool_signature']} once, for {row['user_key']}, although {row['policy_name']} asks about it"
        f"{f' (and {others} match)' if others else ''}: {row['original_query']}"
        f"{f' (… {unseen} more characters, not shown)' if unseen else ''}"
    )
    return Question(PURPOSE, request, text, f"In a terminal of your own: axonflow-hooks approval approve {row['id']}")


def _approve(transaction: Transaction, caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
    connection, approval_id, at = transaction.connection, request["approval_id"], now()
    row = grants.find_approval(connection, approval_id, caller.tenant_id)
    if row is None:
        raise GrantRefused(404, _NOT_FOUND)
    until = format_time(datetime.now(timezone.utc) + timedelta(seconds=USE_WITHIN_S))
    values = {
        "status": "approved",
        "reviewed_at": at,
        "expires_at": max(until, row["expires_at"]),
        **{name: request.get(name) for name in _REVIEWED},
    }
    approved = grants.change_approval(connection, approval_id, caller.tenant_id, "pending", at, values)
    if approved is None:
        raise GrantRefused(409, "The call does not wait any more")
    _record(transaction, "approval_approved", caller, approved, "Approved")
    return {"success": True, "data": request_body(approved, at)}


async def _waiting_call(agent: Agent, caller: Caller, given: CreateApproval, size: int) -> WaitingCall:
    """Give what a program has put in as it may be stored; `size` is the number of bytes of its request."""
    storage = (await agent.policies_of(caller.tenant_id)).storage
    redactor = StorageRedactor(storage, "gateway", Placeholders(), statements=True)
    extras = given.model_dump(include=_EXTRAS, exclude_none=True)
    query, reason, name, details = await agent.compute(
        size,
        lambda: (
            redactor.text(given.original_query),
            redactor.text(given.trigger_reason or "Asked for by a program"),
            redactor.text(given.triggered_policy_name or ""),
            redactor.tree(extras, "details"),
        ),
    )
    return WaitingCall(
        caller=caller,
        plane="request",
        tool_signature=kept_name(agent, given.request_type),
        statement_hash=statement_hash(agent.database, {"original_query": given.original_query}),
        query=query,
        request_type=kept_name(agent, given.request_type)[:MAX_TYPE_CHARS],
        policies=((kept_name(agent, (given.triggered_policy_id or "")[:MAX_ID_CHARS]), name),),
        reason=reason,
        severity=given.severity or "medium",
        details=details,
    )


async def _row(agent: Agent, caller: Caller, approval_id: str) -> Row:
    row = await agent.read(lambda connection: grants.find_approval(connection, approval_id, caller.tenant_id))
    if row is None:
        raise GrantRefused(404, _NOT_FOUND)
    return row


def _check_open(row: Mapping[str, Any], *, and_approved: bool = False) -> None:
    status = public_status(row, now())
    if status == "pending" or (and_approved and row["status"] == "approved"):
        return
    raise GrantRefused(409, f"The call does not wait any more: it is {status}")


async def _reviewed(agent: Agent, caller: Caller, review: Review) -> dict[str, str | None]:
    storage = (await agent.policies_of(caller.tenant_id)).storage
    redactor = StorageRedactor(storage, "gateway", Placeholders())
    comment = review.comment or ""
    kept = await agent.compute(len(comment), lambda: redactor.text(comment)) if comment else None
    email = kept_user(agent, review.reviewer_email or caller.user_email or "")
    return {
        "reviewer_id": storable(kept_user(agent, review.reviewer_id or user_key(caller))[:MAX_NAME_CHARS]),
        "reviewer_email": storable(email[:MAX_NAME_CHARS]) or None,
        "review_comment": storable(kept),
    }


def _record(transaction: Transaction, kind: GrantEvent, caller: Caller, row: Mapping[str, Any], what: str) -> None:
    details = {"approval_id": row["id"], "policy_ids": json.loads(row["policy_ids"]), "reviewer": user_key(caller)}
    summary = f"{what}: {row['policy_name'] or row['request_type']}"
    commits = commitment(grants.approvals, row)
    commit_event(
        transaction, grant_event(kind, caller, summary, details, tool_name=row["tool_signature"], commits=commits)
    )
