"""What the routes of static and dynamic policies share."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, TypeVar

from axonflow_hooks.agent.errors import PolicyRefused, RestRefused
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.policies.editing import carry_out
from axonflow_hooks.agent.policies.overriding import make_override
from axonflow_hooks.agent.privacy import StorageRedactor
from axonflow_hooks.agent.rest.endpoint import RestReply
from axonflow_hooks.agent.rest.presence import rest_refusal
from axonflow_hooks.agent.store.policies import find_versions
from axonflow_hooks.policy import Placeholders
from axonflow_hooks.wire.policies import PolicyVersions, PolicyVersionView
from axonflow_hooks.wire.presence import PRESENCE_HEADER

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pydantic import BaseModel
    from sqlalchemy import Connection

    from axonflow_hooks.agent.policies.editing import Planned
    from axonflow_hooks.agent.policies.overriding import Wish
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction

ResultT = TypeVar("ResultT")


def told(body: BaseModel, status: int = 200) -> RestReply:
    """Give the reply with a body; what has no value is left out."""
    return RestReply(body.model_dump(mode="json", exclude_none=True), status)


def deleted() -> RestReply:
    """Give the reply to a deletion."""
    return RestReply(status=204)


@contextlib.contextmanager
def refusing() -> Iterator[None]:
    """Turn the refusals of policy changes into those of routes."""
    try:
        yield
    except PolicyRefused as refusal:
        raise RestRefused(refusal.status, refusal.message) from None
    except GrantRefused as refusal:
        refused = rest_refusal(refusal)
        # What clients of the contract show of a 403 (wire 1.2).
        refused.extra["block_reason"] = refusal.message
        raise refused from None


async def write(agent: Agent, call: RestCall, change: Callable[[Transaction], ResultT]) -> ResultT:
    """Give what `change` gives once it is durable and in use. Raises RestRefused and StoreUnavailable."""
    with refusing():
        result = await agent.writer.submit(change)
    await use_changes(agent, call)
    return result


async def edit(agent: Agent, call: RestCall, plan: Callable[[Connection], Sequence[Planned]]) -> list[dict[str, Any]]:
    """Carry out a plan and put it to use; what lowers protection needs a person. Raises RestRefused."""
    with refusing():
        rows = await carry_out(agent, call.caller, plan, call.headers.get(PRESENCE_HEADER.lower()))
    await use_changes(agent, call)
    return rows


async def override(agent: Agent, call: RestCall, wish: Wish) -> None:
    """Make an override and put it to use; what lifts protection needs a person. Raises RestRefused."""
    with refusing():
        await make_override(agent, call.caller, wish, call.headers.get(PRESENCE_HEADER.lower()))
    await use_changes(agent, call)


async def use_changes(agent: Agent, call: RestCall) -> None:
    """See to it that the next request is judged by what was just written."""
    if agent.policies is not None:
        await agent.policies.refresh(call.caller.tenant_id)


async def redacted(agent: Agent, call: RestCall, text: str) -> str:
    """Give a text as it may stand in the audit trail of the caller's tenant."""
    storage = (await agent.policies_of(call.caller.tenant_id)).storage
    redactor = StorageRedactor(storage, "gateway", Placeholders(), statements=True)
    return await agent.compute(len(text), lambda: redactor.text(text))


async def versions_of(agent: Agent, call: RestCall, policy_id: str, *, known: bool) -> RestReply:
    """Give the versions of a policy, also of one that was deleted. Raises RestRefused 404 for one never seen."""
    tenant_id = call.caller.tenant_id
    rows = await agent.read(lambda connection: find_versions(connection, tenant_id, policy_id))
    if not rows and not known:
        raise RestRefused(404, "Policy not found")
    versions = [_version(row) for row in rows]
    return told(PolicyVersions(policy_id=policy_id, versions=versions, count=len(versions)))


def _version(row: dict[str, Any]) -> PolicyVersionView:
    return PolicyVersionView.model_validate({**row, "snapshot": json.loads(row["snapshot"])})


def tenant_only(tier: str) -> None:
    """Refuse a policy of a tier that is not the tenant's own. Raises RestRefused 403."""
    if tier != "tenant":
        raise RestRefused(403, f"Policies of the {tier} tier cannot be made here: use the tenant tier")
