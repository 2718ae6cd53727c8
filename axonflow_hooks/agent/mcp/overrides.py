"""The tools `create_override`, `delete_override` and `list_overrides` (wire 1.3.1, 1.8).

A model may ask for an override and end one. Whether there is one is a person's to say: the call waits a while for their
answer, which is given in a terminal and not here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import anyio
from pydantic import BaseModel

from axonflow_hooks.agent.errors import ToolFailure
from axonflow_hooks.agent.grants import overrides
from axonflow_hooks.agent.grants.presence import ask_person
from axonflow_hooks.agent.grants.refusals import GrantRefused
from axonflow_hooks.agent.mcp.calls import ToolReply, read_arguments
from axonflow_hooks.agent.store import grants
from axonflow_hooks.wire.overrides import OVERRIDE_FIELDS_NEEDED, CreateOverride

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from sqlalchemy import Connection

    from axonflow_hooks.agent.mcp.calls import ToolCall
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.rows import Row
    from axonflow_hooks.wire.presence import Challenge

WAIT_S: Final = 45.0
"""How long a call waits for the person; the question goes on waiting after it."""

LOOK_EVERY_S: Final = 0.5


class _DeleteArguments(BaseModel):
    override_id: str


class _ListArguments(BaseModel):
    policy_id: str | None = None
    include_revoked: bool = False


async def create_override(agent: Agent, call: ToolCall) -> ToolReply:
    """Ask a person to lift a policy for a while, and give the override once they have."""
    wanted = read_arguments(CreateOverride, call.arguments, missing=OVERRIDE_FIELDS_NEEDED)
    question = await _told(overrides.override_question(agent, call.caller, wanted))
    challenge = await _told(ask_person(agent, call.caller, question))
    row = await _answered(agent, call, challenge)
    if row is None or row["status"] == "open":
        raise ToolFailure(_waiting_text(challenge))
    if row["status"] != "granted":
        raise ToolFailure("The person has refused this override. Do not ask again; find another way, or stop.")
    return ToolReply(await agent.read(lambda connection: _made(connection, call, row)))


async def delete_override(agent: Agent, call: ToolCall) -> ToolReply:
    """End an override before its time."""
    given = read_arguments(_DeleteArguments, call.arguments, missing="override_id is required")
    return ToolReply(await _told(overrides.revoke(agent, call.caller, given.override_id)))


async def list_overrides(agent: Agent, call: ToolCall) -> ToolReply:
    """Give the overrides of the caller's tenant."""
    given = read_arguments(_ListArguments, call.arguments, missing="")
    found = await overrides.listed(agent, call.caller, given.policy_id, include_revoked=given.include_revoked)
    return ToolReply(found)


async def _answered(agent: Agent, call: ToolCall, challenge: Challenge) -> Row | None:
    """Wait until the question is answered, the time is over, or nobody reads the answer; give its row as it is then."""

    def look(connection: Connection) -> Row | None:
        return grants.find_challenge(connection, challenge.code, call.caller.tenant_id)

    row = await agent.read(look)
    if agent.waiting.available_tokens < 1:
        return row  # enough calls wait already: this one is told at once
    async with agent.waiting:
        with anyio.move_on_after(WAIT_S):
            while row is not None and row["status"] == "open" and not await call.is_gone():
                await anyio.sleep(LOOK_EVERY_S)
                row = await agent.read(look)
    return row


def _made(connection: Connection, call: ToolCall, row: Row) -> dict[str, Any]:
    made = grants.find_override(connection, row["result_id"] or "", call.caller.tenant_id)
    if made is None:
        raise ToolFailure("The override is over already.")
    return overrides.created_body(made)


def _waiting_text(challenge: Challenge) -> str:
    return (
        "No override yet: only a person can grant it, and none has answered so far. Tell the user to run "
        f"`axonflow-hooks override confirm {challenge.code}` in a terminal of their own "
        f"(until {challenge.expires_at}); it asks for their passphrase. You cannot run it for them. Once they have, "
        "try the blocked call again."
    )


async def _told(work: Awaitable[Any]) -> Any:
    try:
        return await work
    except GrantRefused as refusal:
        raise ToolFailure(refusal.message) from None
