"""How the agent is, and which clients have access to it: routes for the user who runs it (an addition to the contract).

Only the local credential opens them. A client that was added here has the rights of the local user's tools: it asks,
it records and it reads. What lifts protection wants the person's passphrase from everybody.
"""

from __future__ import annotations

import os
import re
import secrets
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

from pydantic import BaseModel, Field

from axonflow_hooks import __version__
from axonflow_hooks.agent.audit_trail.heads import load_head
from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.grants.events import commit_event
from axonflow_hooks.agent.names import kept_user
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestCall, RestReply
from axonflow_hooks.agent.service.routes import CLIENTS_PATH, STATUS_PATH
from axonflow_hooks.agent.store.registrations import add_client, agent_clients, list_clients, revoke_client
from axonflow_hooks.agent.store.sealed import committing
from axonflow_hooks.agent.tables.records import LOCAL_TENANT, AuditRecord, new_audit_id, now, parse_time
from axonflow_hooks.agent.verification.sealed_rows import access_faults
from axonflow_hooks.recognition import credential_key

if TYPE_CHECKING:
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction
    from axonflow_hooks.agent.tables.records import Caller

SECRET_BYTES: Final = 32
_NAME: Final = r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$"


class NewClient(BaseModel):
    """The name that a client will be known by in the audit trail."""

    name: Annotated[str, Field(pattern=_NAME)]


class ClientCredential(BaseModel):
    """The credential of a new client; the secret is not kept, so it is shown this once."""

    client_id: str
    client_secret: str
    created_at: str


class ClientEntry(BaseModel):
    """A client that was added, without what its secret is checked by.

    `fault` says why it has no access although it seems to: its row was written or changed past the agent.
    """

    client_id: str
    created_at: str
    created_by: str
    revoked_at: str | None = None
    fault: str | None = None


class ClientList(BaseModel):
    """The clients that were added, revoked ones too."""

    clients: list[ClientEntry]
    count: int


class AuditState(BaseModel):
    """Where the audit trail ends, and how many records wait to be written; `healthy` tells whether they can be."""

    sequence: int
    head: str
    backlog: int
    healthy: bool


class AgentStatus(BaseModel):
    """How a running agent is. Times are RFC 3339, `memory_mb` is the resident set where the system tells it.

    `access_faults` are clients and tenants that were added, changed or removed past the agent.
    """

    version: str
    pid: int
    endpoint: str
    started_at: str
    uptime_seconds: int
    policies: int
    dynamic_policies: int
    policy_faults: list[str]
    access_faults: list[str]
    audit: AuditState
    sessions: int
    passphrase: bool
    team_mode: bool
    memory_mb: float | None = None


async def _status(agent: Agent, call: RestCall) -> RestReply:
    _local_only(agent, call.caller)
    policies = await agent.policies_of(LOCAL_TENANT)
    stored = await agent.read(load_head)
    altered = await agent.read(access_faults)
    started = agent.instance.started_at if agent.instance else now()
    begun = parse_time(started) or datetime.now(timezone.utc)
    found = AgentStatus(
        version=__version__,
        pid=os.getpid(),
        endpoint=agent.instance.endpoint if agent.instance else "",
        started_at=started,
        uptime_seconds=max(0, int((datetime.now(timezone.utc) - begun).total_seconds())),
        policies=len(policies.engine.policies),
        dynamic_policies=len(policies.rules),
        policy_faults=agent.policies.faults(policies) if agent.policies else [],
        access_faults=altered,
        audit=AuditState(
            sequence=stored.head.sequence if stored else 0,
            head=stored.head.row_hash if stored else "",
            backlog=agent.writer.backlog,
            healthy=agent.writer.healthy,
        ),
        sessions=len(agent.sessions),
        passphrase=agent.presence is not None,
        team_mode=agent.registrations is not None,
        memory_mb=_memory_mb(),
    )
    return RestReply(found.model_dump(exclude_none=True))


async def _list(agent: Agent, call: RestCall) -> RestReply:
    _local_only(agent, call.caller)
    rows = await agent.read(list_clients)
    entries = [ClientEntry.model_validate({**row, "fault": row["fault"] or None}) for row in rows]
    return RestReply(ClientList(clients=entries, count=len(entries)).model_dump(exclude_none=True))


async def _add(agent: Agent, call: RestCall) -> RestReply:
    _local_only(agent, call.caller)
    name = call.read(NewClient, missing="name is required").name
    if name == agent.access.client_id:
        raise RestRefused(409, "That is the name of the local credential")
    if kept_user(agent, name) != name:
        raise RestRefused(400, "name: looks like a secret or personal data; it stands in every audit entry")
    secret = secrets.token_urlsafe(SECRET_BYTES)
    made = ClientCredential(client_id=name, client_secret=secret, created_at=now())
    row: dict[str, Any] = {
        "client_id": name,
        "secret_hash": credential_key(f"{name}:{secret}".encode()).hex(),
        "created_at": made.created_at,
        "created_by": call.caller.client_id,
    }

    def add(transaction: Transaction) -> None:
        made_row = add_client(transaction.connection, row)
        if made_row is None:
            raise RestRefused(409, "There is or was a client of that name, and records of it")
        commit_event(transaction, committing(_event("client_added", call.caller, name), agent_clients, made_row))

    await agent.writer.submit(add)
    _forget(agent, name)
    return RestReply(made.model_dump(), 201, {"Cache-Control": "no-store"})


async def _revoke(agent: Agent, call: RestCall) -> RestReply:
    _local_only(agent, call.caller)
    name = call.path["client_id"]

    def revoke(transaction: Transaction) -> None:
        done = None
        if re.match(_NAME, name):
            done = revoke_client(transaction.connection, name, now(), call.caller.client_id)
        if done is None:
            raise RestRefused(404, "No client of that name has access")
        row, fault = done
        event = _event("client_revoked", call.caller, name, **({"fault": fault} if fault else {}))
        commit_event(transaction, committing(event, agent_clients, row))

    await agent.writer.submit(revoke)
    _forget(agent, name)
    return RestReply(status=204)


def _local_only(agent: Agent, caller: Caller) -> None:
    if caller.client_id != agent.access.client_id:
        raise RestRefused(403, "Only the local credential may do this")


def _forget(agent: Agent, client_id: str) -> None:
    if agent.access.clients is not None:
        agent.access.clients.forget(client_id)


def _event(kind: str, caller: Caller, name: str, **details: str) -> AuditRecord:
    return AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=kind,
        tool_name="",
        query=f"{kind.replace('_', ' ')}: {name}",
        caller=caller,
        policy_details={"client": name, **details},
    )


def _memory_mb() -> float | None:
    if sys.platform != "linux":
        return None
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return round(pages * os.sysconf("SC_PAGE_SIZE") / (1 << 20), 1)


ENDPOINTS: Final = (
    Endpoint("GET", STATUS_PATH, _status, "How this agent is", "Agent", answers={200: AgentStatus}, envelope="status"),
    Endpoint(
        "GET", CLIENTS_PATH, _list, "The clients that were added", "Agent", answers={200: ClientList}, envelope="status"
    ),
    Endpoint(
        "POST",
        CLIENTS_PATH,
        _add,
        "Give a client access; its secret is in the answer and nowhere else",
        "Agent",
        body=NewClient,
        answers={201: ClientCredential, 409: None},
        envelope="status",
    ),
    Endpoint(
        "DELETE",
        CLIENTS_PATH + "/{client_id}",
        _revoke,
        "End a client's access",
        "Agent",
        answers={204: None, 404: None},
        envelope="status",
    ),
)
