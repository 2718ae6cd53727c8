"""Overrides of policies that a tenant did not write: who may make them, and how a person is asked.

What lifts protection (a weaker action, a switch to off) is a grant: only a person makes it, and nobody for a policy of
critical severity. What adds protection needs nobody. Going back to what ships, where that protects less than the
override did, needs a person once a passphrase is set.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.errors import PolicyRefused
from axonflow_hooks.agent.grants.presence import Question, require_person
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.policies import changes
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.tables.records import format_time, now, parse_time, storable
from axonflow_hooks.policy import Placeholders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.agent.policies.changes import Kind
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller
    from axonflow_hooks.wire.policies import OverrideAction
    from axonflow_hooks.wire.words import RiskLevel

PURPOSE: Final = "policy_override"


@dataclass(frozen=True, slots=True)
class Wish:
    """An override that somebody wants.

    `lifts` tells whether the policy would protect less than it ships, `lowers` whether less than it does now;
    `replaces` is the id of the live override whose place it takes, "" for none.
    """

    kind: Kind
    policy_id: str
    policy_name: str
    severity: RiskLevel
    lifts: bool
    reason: str
    action: OverrideAction | None = None
    enabled: bool | None = None
    expires_at: str | None = None
    replaces: str = ""
    lowers: bool = False


def checked_end(expires_at: str | None) -> str | None:
    """Give the end of an override as it is stored. Raises PolicyRefused 400 for one that is no time or is over."""
    if expires_at is None:
        return None
    moment = parse_time(expires_at)
    if moment is None:
        raise PolicyRefused(400, "expires_at must be RFC 3339, such as 2026-01-31T12:00:00Z")
    end = format_time(moment)
    if end <= now():
        raise PolicyRefused(400, "expires_at is over already")
    return end


async def make_override(agent: Agent, caller: Caller, wish: Wish, presence: str | None) -> None:
    """Make an override, after a person's yes where it lifts protection; `presence` is the header that proves it.

    Raises PolicyRefused, GrantRefused (with the question for the person) and StoreUnavailable.
    """
    if wish.lifts and wish.severity == "critical":
        raise PolicyRefused(403, f"{wish.policy_id} is of critical severity: its protection cannot be lifted")
    storage = (await agent.policies_of(caller.tenant_id)).storage
    redactor = StorageRedactor(storage, "gateway", Placeholders(), statements=True)
    reason = await agent.compute(len(wish.reason), lambda: redactor.text(wish.reason))
    request = {
        "kind": wish.kind,
        "policy_id": wish.policy_id,
        "action_override": wish.action,
        "enabled_override": wish.enabled,
        "override_reason": storable(reason),
        "expires_at": wish.expires_at,
        "replaces": wish.replaces,
    }
    if wish.lifts or (wish.lowers and agent.presence is not None):
        await require_person(
            agent,
            caller,
            presence,
            Question(PURPOSE, request, _question(wish, reason)),
            lambda transaction: grant(transaction, caller, request),
        )
    else:
        await agent.writer.submit(lambda transaction: grant(transaction, caller, request))


def grant(transaction: Transaction, caller: Caller, request: Mapping[str, Any]) -> dict[str, Any]:
    """Make the override of a request. Call it only where it lifts nothing or a person has agreed to exactly this."""
    enabled = request["enabled_override"]
    row = {
        "tenant_id": caller.tenant_id,
        "policy_id": request["policy_id"],
        "id": str(uuid.uuid4()),
        "kind": request["kind"],
        "action_override": request["action_override"],
        "enabled_override": None if enabled is None else int(enabled),
        "override_reason": request["override_reason"],
        "expires_at": request["expires_at"],
        "created_by": changes.author(caller),
        "created_at": now(),
    }
    changes.override(transaction, caller, row, replaces=request["replaces"])
    return {name: row[name] for name in ("id", "policy_id", "expires_at")}


def grant_asked(transaction: Transaction, caller: Caller, row: Mapping[str, Any]) -> dict[str, Any]:
    """Make the override that an answered question is about. Raises GrantRefused where there is one meanwhile."""
    try:
        return grant(transaction, caller, json.loads(row["request"]))
    except PolicyRefused as refusal:
        raise GrantRefused(refusal.status, refusal.message) from None


def _question(wish: Wish, reason: str) -> str:
    what = f"ask only for {wish.action}" if wish.enabled is not False else "be switched off"
    until = f"until {wish.expires_at}" if wish.expires_at else "without an end"
    return (
        f"Let {wish.policy_id} ({wish.policy_name}, {wish.severity}) {what}, for everybody, {until}. Reason: {reason}"
    )
