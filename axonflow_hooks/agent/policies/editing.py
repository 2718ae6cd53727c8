"""Changes of a tenant's policies, as data: what lowers protection is carried out after a person's yes only.

That holds from the moment on at which a passphrase is set on this agent. Without one there is nobody to ask, and the
credential suffices, as the contract says (wire 1.11, 1.12). What adds protection asks nobody in either case.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from axonflow_hooks.agent.errors import PolicyRefused
from axonflow_hooks.agent.grants.presence import Question, require_person
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.policies import changes
from axonflow_hooks.agent.policies.static import override_of_row
from axonflow_hooks.agent.policies.weakening import dynamic_losses, static_losses
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.store import policies as store
from axonflow_hooks.agent.tables.records import now
from axonflow_hooks.policy import Placeholders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sqlalchemy import Connection

    from axonflow_hooks.agent.policies.changes import Kind
    from axonflow_hooks.agent.policies.static import Override
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller

PURPOSE: Final = "policy_change"
MAX_QUESTION_CHARS: Final = 4_000
MAX_REQUEST_CHARS: Final = 100_000
"""More than that nobody reads before saying yes: such a change has to be made in parts."""


@dataclass(frozen=True, slots=True)
class Edit:
    """One change. `key` is the id of the policy, or of the override that ends; it must still have that `version`.

    A new policy has a `document` and a `name` without secrets, by which it gets its readable id. `policy_id` is the
    policy whose override ends.
    """

    op: Literal["create", "update", "delete", "end_override"]
    kind: Kind
    key: str = ""
    version: int = 0
    document: Mapping[str, Any] | None = None
    name: str = ""
    policy_id: str = ""


@dataclass(frozen=True, slots=True)
class Planned:
    """An edit, the policy as people are told of it, and what the edit takes away (nothing where it only adds)."""

    edit: Edit
    subject: str
    losses: Sequence[str] = ()


def creation(kind: Kind, name: str, document: Mapping[str, Any]) -> Planned:
    """Plan a new policy; `name` is its name without secrets and personal data."""
    losses = dynamic_losses(None, document) if kind == "dynamic" else []
    return Planned(Edit("create", kind, document=document, name=name), f"the new policy {name}", losses)


def change_of(row: Mapping[str, Any], after: Mapping[str, Any] | None) -> Planned:
    """Plan another document for the policy of a row, or its deletion (None)."""
    kind: Kind = row["kind"]
    before = json.loads(row["document"])
    losses = (static_losses if kind == "static" else dynamic_losses)(before, after)
    op: Literal["update", "delete"] = "delete" if after is None else "update"
    subject = f"{row['policy_id']} ({before['name']})"
    return Planned(Edit(op, kind, row["id"], row["version"], after), subject, losses)


def override_end(connection: Connection, caller: Caller, policy_id: str, loses: Callable[[Override], bool]) -> Planned:
    """Plan the end of a policy's override; `loses` tells whether the policy would protect less without it.

    Raises PolicyRefused 404 where there is none.
    """
    known = store.find_override(connection, caller.tenant_id, policy_id)
    if known is None:
        raise PolicyRefused(404, "The policy has no override")
    ending = override_of_row(known)
    lost = ending.live(now()) and loses(ending)
    losses = ["is again what it ships as, which protects less"] if lost else []
    return Planned(Edit("end_override", known["kind"], known["id"], policy_id=policy_id), policy_id, losses)


def row_of(connection: Connection, caller: Caller, kind: Kind, key: str) -> dict[str, Any]:
    """Give the row of a policy of the caller's tenant. Raises PolicyRefused 404."""
    row = store.find_policy(connection, caller.tenant_id, kind, key)
    if row is None:
        raise PolicyRefused(404, "Policy not found")
    return row


async def carry_out(
    agent: Agent, caller: Caller, plan: Callable[[Connection], Sequence[Planned]], presence: str | None
) -> list[dict[str, Any]]:
    """Carry out what `plan` gives, all or nothing, and give the rows of the policies that were written.

    `presence` is the header with a person's proof. What is taken away is looked at in the transaction that writes, so
    that no other change comes between. Raises PolicyRefused, GrantRefused (with the question) and StoreUnavailable.
    """

    def attempt(transaction: Transaction) -> tuple[Sequence[Planned], list[dict[str, Any]]]:
        store.bump_revision(transaction.connection, caller.tenant_id)  # others who write wait here
        planned = plan(transaction.connection)
        if agent.presence is not None and any(each.losses for each in planned):
            return planned, []
        return (), _apply_all(transaction, caller, [each.edit for each in planned])

    asked, rows = await agent.writer.submit(attempt)
    if not asked:
        return rows
    edits = [each.edit for each in asked]
    question = await _question(agent, caller, asked)
    return await require_person(
        agent, caller, presence, question, lambda transaction: _granted(transaction, caller, edits)
    )


def carry_out_asked(transaction: Transaction, caller: Caller, row: Mapping[str, Any]) -> dict[str, Any]:
    """Carry out the changes that an answered question is about. Raises GrantRefused where things differ meanwhile."""
    edits = [Edit(**value) for value in json.loads(row["request"])["changes"]]
    rows = _granted(transaction, caller, edits)
    return {"changed": len(edits), "policies": [each["policy_id"] for each in rows]}


def _granted(transaction: Transaction, caller: Caller, edits: Sequence[Edit]) -> list[dict[str, Any]]:
    try:
        return _apply_all(transaction, caller, edits)
    except PolicyRefused as refusal:
        raise GrantRefused(refusal.status, refusal.message) from None


def _apply_all(transaction: Transaction, caller: Caller, edits: Sequence[Edit]) -> list[dict[str, Any]]:
    store.bump_revision(transaction.connection, caller.tenant_id)
    written = (_apply(transaction, caller, edit) for edit in edits)
    return [row for row in written if row is not None]


def _apply(transaction: Transaction, caller: Caller, edit: Edit) -> dict[str, Any] | None:
    document = edit.document or {}
    if edit.op == "create":
        policy_id = changes.new_policy_id(edit.kind, edit.name)
        return changes.create(transaction, caller, edit.kind, policy_id, document)
    if edit.op == "end_override":
        known = store.find_override(transaction.connection, caller.tenant_id, edit.policy_id)
        if known is None or known["id"] != edit.key:
            raise PolicyRefused(409, "The override has changed meanwhile: ask again")
        changes.end_override(transaction, caller, edit.policy_id)
        return None
    row = row_of(transaction.connection, caller, edit.kind, edit.key)
    if row["version"] != edit.version:
        raise PolicyRefused(409, "The policy has changed meanwhile: ask again")
    if edit.op == "delete":
        changes.remove(transaction, caller, edit.kind, edit.key)
        return None
    return changes.update(transaction, caller, edit.kind, edit.key, lambda _: document)


async def _question(agent: Agent, caller: Caller, planned: Sequence[Planned]) -> Question:
    request = {"changes": [asdict(each.edit) for each in planned]}
    told = "; ".join(f"{each.subject} {', '.join(each.losses)}" for each in planned if each.losses)
    others = sum(not each.losses for each in planned)
    more = f" With it come {others} changes that take nothing away." if others else ""
    text = f"Protect less, for everybody: {told}.{more}"
    if len(text) > MAX_QUESTION_CHARS or len(json.dumps(request)) > MAX_REQUEST_CHARS:
        raise GrantRefused(
            403, "A person has to agree to this, and it is too much for one question: change less at once"
        )
    storage = (await agent.policies_of(caller.tenant_id)).storage
    redactor = StorageRedactor(storage, "gateway", Placeholders(), statements=True)
    return Question(PURPOSE, request, await agent.compute(len(text), lambda: redactor.text(text)))
