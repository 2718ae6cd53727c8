"""Writes policies: every change is a version, an entry of the audit trail and a count, in one transaction."""

from __future__ import annotations

import json
import re
import secrets
import uuid
from typing import TYPE_CHECKING, Any, Final, Literal

from axonflow_hooks.agent.errors import PolicyRefused
from axonflow_hooks.agent.grants.events import commit_event
from axonflow_hooks.agent.grants.people import user_key
from axonflow_hooks.agent.grants.presence import AGENT_ITSELF
from axonflow_hooks.agent.store import policies as store
from axonflow_hooks.agent.store.sealed import MAC, subject_of
from axonflow_hooks.agent.tables.records import (
    MAX_SHORT_CHARS,
    AuditRecord,
    Caller,
    new_audit_id,
    now,
    storable,
    to_json,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.wire.policies import ChangeType

Kind = Literal["static", "dynamic"]

MAX_POLICIES: Final = 500
"""Policies of each kind that a tenant may write: all of them are looked at in every call."""

_SLUG_CHARS: Final = 48
_PREFIX: Final = {"static": "custom", "dynamic": "dyn"}


def new_policy_id(kind: Kind, name: str) -> str:
    """Take a name without secrets and personal data, and give a readable id that nobody else has."""
    words = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")[:_SLUG_CHARS].strip("_")
    return "_".join(filter(None, (_PREFIX[kind], words, secrets.token_hex(4))))


def author(caller: Caller) -> str:
    """Give the name under which a caller's changes are kept."""
    return str(storable(user_key(caller)))[:MAX_SHORT_CHARS]


def create(
    transaction: Transaction, caller: Caller, kind: Kind, policy_id: str, document: Mapping[str, Any]
) -> dict[str, Any]:
    """Add a policy and give its row. Raises PolicyRefused 403 when the tenant has as many as it may."""
    connection = transaction.connection
    store.bump_revision(connection, caller.tenant_id)
    if store.count_policies(connection, caller.tenant_id, kind) >= MAX_POLICIES:
        raise PolicyRefused(403, f"This tenant has {MAX_POLICIES} {kind} policies already")
    moment = now()
    row = {
        "id": str(uuid.uuid4()),
        "tenant_id": caller.tenant_id,
        "kind": kind,
        "policy_id": policy_id,
        "document": to_json(document),
        "version": 1,
        "created_at": moment,
        "updated_at": moment,
        "created_by": author(caller),
        "updated_by": author(caller),
    }
    made = store.add_policy(connection, row)
    _noted(transaction, caller, made, "created", "created")
    return made


def update(
    transaction: Transaction,
    caller: Caller,
    kind: Kind,
    key: str,
    change: Callable[[dict[str, Any]], Mapping[str, Any]],
) -> dict[str, Any]:
    """Change the document of a policy with `change` and give its row; no change makes no version.

    Raises PolicyRefused 404, or what `change` raises.
    """
    connection = transaction.connection
    store.bump_revision(connection, caller.tenant_id)
    row = _found(transaction, caller, kind, key)
    before = json.loads(row["document"])
    after = change(dict(before))
    changed = sorted(name for name in after if after[name] != before.get(name))
    if not changed:
        return row
    values = {
        "document": to_json(after),
        "version": row["version"] + 1,
        "updated_at": now(),
        "updated_by": author(caller),
    }
    if store.altered_policies(connection, [row]):
        raise PolicyRefused(409, "The policy was changed past the agent: delete it, and write it anew")
    written = store.change_policy(connection, row, values)
    change_type: ChangeType = "updated"
    if changed == ["enabled"]:
        change_type = "enabled" if after["enabled"] else "disabled"
    _noted(transaction, caller, written, change_type, f"changed: {', '.join(changed)}")
    return written


def remove(transaction: Transaction, caller: Caller, kind: Kind, key: str) -> None:
    """Delete a policy; its versions stay. Raises PolicyRefused 404."""
    connection = transaction.connection
    store.bump_revision(connection, caller.tenant_id)
    row = _found(transaction, caller, kind, key)
    store.remove_policy(connection, row["id"])
    _noted(transaction, caller, {**row, "version": row["version"] + 1}, "deleted", "deleted")


def override(transaction: Transaction, caller: Caller, row: Mapping[str, Any], *, replaces: str = "") -> None:
    """Keep an override: the columns of the table `policy_overrides`, its texts without secrets.

    Raises PolicyRefused 409 where a live one is there other than the one that this one replaces (its id).
    """
    connection = transaction.connection
    store.bump_revision(connection, caller.tenant_id)
    known = store.find_override(connection, caller.tenant_id, row["policy_id"])
    live = known is not None and (known["expires_at"] is None or now() < known["expires_at"])
    if known is not None and live and known["id"] != replaces:
        meanwhile = "another override meanwhile: ask again" if replaces else "an override already: delete it first"
        raise PolicyRefused(409, f"The policy has {meanwhile}")
    made = store.put_override(connection, row)
    what = []
    if row["action_override"] is not None:
        what.append(f"action {row['action_override']}")
    if row["enabled_override"] is not None:
        what.append("switched on" if row["enabled_override"] else "switched off")
    if row["expires_at"] is not None:
        what.append(f"until {row['expires_at']}")
    summary = f"override: {', '.join(what)}"
    _override_noted(transaction, caller, made, "policy_override_created", summary)


def fault_entry(tenant_id: str, fault: str) -> AuditRecord:
    """Give the entry that says what of a tenant's policies is not in use; `fault` holds no secrets any more."""
    return AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type="policy_not_in_use",
        tool_name="policies",
        query=f"Not in use: {fault}",
        caller=Caller(AGENT_ITSELF, tenant_id=tenant_id),
        policy_details={"fault": fault},
    )


def end_override(transaction: Transaction, caller: Caller, policy_id: str) -> None:
    """Drop an override: the policy is again what it ships as. Raises PolicyRefused 404."""
    connection = transaction.connection
    store.bump_revision(connection, caller.tenant_id)
    known = store.find_override(connection, caller.tenant_id, policy_id)
    if known is None:
        raise PolicyRefused(404, "The policy has no override")
    store.remove_override(connection, caller.tenant_id, policy_id)
    _override_noted(transaction, caller, known, "policy_override_deleted", "override deleted")


def _found(transaction: Transaction, caller: Caller, kind: Kind, key: str) -> dict[str, Any]:
    row = store.find_policy(transaction.connection, caller.tenant_id, kind, key)
    if row is None:
        raise PolicyRefused(404, "Policy not found")
    return row


def _override_noted(
    transaction: Transaction, caller: Caller, row: Mapping[str, Any], request_type: str, summary: str
) -> None:
    connection, policy_id = transaction.connection, row["policy_id"]
    number = store.last_version(connection, caller.tenant_id, policy_id) + 1
    told = {name: row[name] for name in ("action_override", "enabled_override", "override_reason", "expires_at")}
    _version(transaction, caller, policy_id, number, "updated", summary, {"override": {"id": row["id"], **told}})
    subject = subject_of(store.policy_overrides, row)
    if request_type == "policy_override_created":
        told = {**told, MAC: row[MAC]}
    _audit(transaction, caller, request_type, row["kind"], policy_id, f"{policy_id}: {summary}", told, subject)


def _noted(
    transaction: Transaction, caller: Caller, row: Mapping[str, Any], change_type: ChangeType, summary: str
) -> None:
    document = json.loads(row["document"])
    _version(transaction, caller, row["id"], row["version"], change_type, summary, document)
    told = {"version": row["version"], "enabled": document["enabled"], "category": document["category"]}
    if change_type != "deleted":
        told[MAC] = row[MAC]
    summary = f"{row['policy_id']}: {summary}"
    subject = subject_of(store.policies, row)
    _audit(transaction, caller, f"policy_{change_type}", row["kind"], row["policy_id"], summary, told, subject)


def _version(
    transaction: Transaction,
    caller: Caller,
    policy_id: str,
    number: int,
    change_type: ChangeType,
    summary: str,
    snapshot: Mapping[str, Any],
) -> None:
    row = {
        "id": str(uuid.uuid4()),
        "tenant_id": caller.tenant_id,
        "policy_id": policy_id,
        "version": number,
        "change_type": change_type,
        "change_summary": summary,
        "snapshot": to_json(snapshot),
        "changed_by": author(caller),
        "changed_at": now(),
    }
    store.add_version(transaction.connection, row)


def _audit(
    transaction: Transaction,
    caller: Caller,
    request_type: str,
    kind: str,
    policy_id: str,
    summary: str,
    details: Mapping[str, Any],
    subject: str,
) -> None:
    # Without a verdict, so that it is no part of verdict statistics.
    record = AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=request_type,
        tool_name=f"{kind}-policies",
        query=summary,
        caller=caller,
        policy_details={"policy_id": policy_id, "policy_type": kind, **details},
        correlation_id=subject,
    )
    commit_event(transaction, record)
