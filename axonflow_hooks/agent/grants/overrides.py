"""Session overrides: one policy lifted for one user, for a while, for a reason (wire 1.8)."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from axonflow_hooks.agent.grants.events import commit_event, grant_event
from axonflow_hooks.agent.grants.liftable import liftable
from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.grants.presence import Question
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.names import kept_name
from axonflow_hooks.agent.policies.catalogue import catalogue_of
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.store import grants
from axonflow_hooks.agent.store.sealed import commitment
from axonflow_hooks.agent.tables.records import Caller, format_time, now
from axonflow_hooks.policy import Placeholders
from axonflow_hooks.wire.overrides import (
    DEFAULT_TTL_S,
    MAX_REASON_CHARS,
    MAX_TTL_S,
    MIN_TTL_S,
    CreateOverride,
    OverrideCreated,
    OverrideRow,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection

    from axonflow_hooks.agent.grants.events import GrantEvent
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.wire.overrides import ClampReason

PURPOSE = "override"
MAX_SIGNATURE_CHARS = 200
MAX_TOLD_S = 2**31 - 1
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an override holds, in seconds; `clamped` says why that is not what was asked for."""

    ttl_seconds: int
    requested: int | None = None
    clamped: ClampReason | None = None


def lifetime(requested: int | None) -> Lifetime:
    """Give the time an override holds: an hour without a wish, else between a minute and a day (wire 1.8).

    What was asked for is told as far as a column holds it.
    """
    if not requested:
        return Lifetime(DEFAULT_TTL_S)
    requested = max(-MAX_TOLD_S, min(requested, MAX_TOLD_S))
    if requested < MIN_TTL_S:
        return Lifetime(MIN_TTL_S, requested, "below_minimum")
    if requested > MAX_TTL_S:
        return Lifetime(MAX_TTL_S, requested, "exceeds_hard_cap")
    return Lifetime(requested)


async def override_question(agent: Agent, caller: Caller, wanted: CreateOverride) -> Question:
    """Check a request for an override and give the question it puts to a person.

    Raises GrantRefused: 400 without a proper reason, 404 for an unknown policy, 403 for one that no override lifts.
    """
    reason = wanted.override_reason.strip()
    if not 1 <= len(reason) <= MAX_REASON_CHARS:
        raise GrantRefused(400, f"override_reason must have 1 to {MAX_REASON_CHARS} characters")
    signature = (wanted.tool_signature or "").strip() or None
    if signature and len(signature) > MAX_SIGNATURE_CHARS:
        raise GrantRefused(400, f"tool_signature must have at most {MAX_SIGNATURE_CHARS} characters")
    policies = await agent.policies_of(caller.tenant_id)
    policy = liftable(policies, await _slug(agent, caller, wanted.policy_id))
    redactor = StorageRedactor(policies.storage, signature or "gateway", Placeholders(), statements=True)
    kept_reason = await agent.compute(len(reason), lambda: redactor.text(reason))
    life = lifetime(wanted.ttl_seconds)
    user = user_key(caller)
    request = {
        "policy_id": policy.id,
        "policy_type": policy.policy_type,
        "tool_signature": None if signature is None else kept_name(agent, signature),
        "override_reason": kept_reason,
        "ttl_seconds": life.ttl_seconds,
        "requested_ttl": life.requested,
        "clamped_reason": life.clamped,
        "user": user,
    }
    scope = request["tool_signature"] or "every tool"
    text = (
        f"Lift the policy {policy.id} ({policy.name}, {policy.severity}) for {scope}, for {user}, "
        f"during {life.ttl_seconds} s. Reason stated: {kept_reason}"
    )
    return Question(PURPOSE, request, text)


def grant_asked(transaction: Transaction, caller: Caller, row: Mapping[str, Any]) -> dict[str, Any]:
    """Make the override that an answered question is about, for whom it was asked; keeps its id with the question."""
    body = grant_override(transaction, caller, json.loads(row["request"]))
    grants.keep_result(transaction.connection, row["code"], body["id"])
    return body


def grant_override(transaction: Transaction, caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
    """Make the override that a person has agreed to and give the body of the answer (201).

    Call it only where presence is proven for exactly this `request`.
    """
    created = now()
    row = {
        "id": f"ovr_{uuid.uuid4().hex}",
        "policy_id": request["policy_id"],
        "policy_type": request["policy_type"],
        "tenant_id": caller.tenant_id,
        "client_id": caller.client_id,
        "user_key": request["user"],
        "override_reason": request["override_reason"],
        "tool_signature": request["tool_signature"],
        "ttl_seconds": request["ttl_seconds"],
        "requested_ttl": request["requested_ttl"],
        "clamped_reason": request["clamped_reason"],
        "created_at": created,
        "expires_at": format_time(datetime.now(timezone.utc) + timedelta(seconds=request["ttl_seconds"])),
        "created_by": user_key(caller),
    }
    made = grants.add_override(transaction.connection, row)
    summary = f"Override of {row['policy_id']}: {row['override_reason']}"
    _record(transaction, "override_created", caller, made, summary)
    return created_body(made)


def record_use(
    transaction: Transaction, caller: Caller, used: Mapping[str, str], tool_signature: str, decision_id: str
) -> None:
    """Put the overrides (policy → id) by which a call was allowed into the audit trail."""
    for policy_id, override_id in used.items():
        transaction.append_audit(
            grant_event(
                "override_used",
                caller,
                f"Override of {policy_id} used",
                {"policy_id": policy_id},
                tool_name=tool_signature,
                override_id=override_id,
                decision_id=decision_id,
            )
        )


async def revoke(agent: Agent, caller: Caller, override_id: str) -> dict[str, str]:
    """End an override before its time, which makes things stricter and so needs no proof. Raises GrantRefused 404."""

    def end(transaction: Transaction) -> str | None:
        at = now()
        row = grants.revoke_override(transaction.connection, override_id, caller.tenant_id, at, user_key(caller))
        if row is None:
            return None
        _record(transaction, "override_revoked", caller, row, f"Override of {row['policy_id']} revoked")
        return at

    revoked_at = await agent.writer.submit(end)
    if revoked_at is None:
        raise GrantRefused(404, "Override not found or already revoked")
    return {"id": override_id, "revoked_at": revoked_at}


async def find(agent: Agent, caller: Caller, override_id: str) -> dict[str, Any]:
    """Give one override of the caller's tenant. Raises GrantRefused 404."""
    row = await agent.read(lambda connection: grants.find_override(connection, override_id, caller.tenant_id))
    if row is None:
        raise GrantRefused(404, "Override not found")
    return row_body(row)


async def listed(agent: Agent, caller: Caller, policy_id: str | None, *, include_revoked: bool) -> dict[str, Any]:
    """Give the overrides of the caller's tenant, newest first; with `include_revoked` also those that are over."""

    def query(connection: Connection) -> Sequence[Mapping[str, Any]]:
        return grants.list_overrides(
            connection, caller.tenant_id, now(), policy_id=policy_id or None, past=include_revoked
        )

    rows = [row_body(row) for row in await agent.read(query)]
    return {"overrides": rows, "count": len(rows)}


def created_body(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give the answer to a creation (wire 1.8)."""
    clamped = row["clamped_reason"] is not None
    created = OverrideCreated.model_validate({**row, "clamped": True if clamped else None})
    return created.model_dump(exclude_none=True)


def row_body(row: Mapping[str, Any]) -> dict[str, Any]:
    """Give an override as lists show it (wire 1.8)."""
    shown = {**row, "organization_id": row["tenant_id"], "action_override": "allow"}
    return OverrideRow.model_validate(shown).model_dump(exclude_none=True)


async def _slug(agent: Agent, caller: Caller, policy_id: str) -> str:
    """Give the readable id of a policy: those of the tenant may be named by their UUID too (wire 1.8)."""
    if agent.policies is None or not _UUID.fullmatch(policy_id):
        return policy_id
    own = (await catalogue_of(agent, caller.tenant_id)).own
    return next((policy.policy_id for policy in own if policy.id == policy_id), policy_id)


def _record(transaction: Transaction, kind: GrantEvent, caller: Caller, row: Mapping[str, Any], summary: str) -> None:
    event = grant_event(
        kind,
        caller,
        summary,
        {name: row[name] for name in _TOLD},
        tool_name=row["tool_signature"] or "",
        override_id=row["id"],
        commits=commitment(grants.overrides, row),
    )
    commit_event(transaction, event)


_TOLD = (
    "policy_id", "policy_type", "user_key", "override_reason", "tool_signature", "ttl_seconds", "expires_at",
    "revoked_by",
)  # fmt: skip
