"""Who may call the agent besides the local user: clients that the operator adds, tenants that register (wire 1.13).

Secrets are random (128 bits or more), so a plain SHA-256 of `client_id:secret` keeps them: there is nothing to guess.
E-mail addresses are kept as keyed hashes; beside a recovery token, sealed under the token, of which the hash is kept.
Addresses of the network that have tried to register are kept as keyed hashes for an hour.

Clients, tenants and tokens are sealed rows (see `sealed`): one that was written or changed past the agent gives no
access, and no way to get it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Index, String, Table, and_, delete, func, insert, select

from axonflow_hooks.agent.store.rows import Row, all_rows, first_row, of_one_moment, shown
from axonflow_hooks.agent.store.sealed import (
    change_sealed,
    faults_of,
    insert_sealed,
    newest_commitments,
    reseal,
    subject_of,
)
from axonflow_hooks.agent.tables.schema import audit_log, metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

MAX_CLIENTS_LISTED: Final = 1_000

TENANT_RECOVERED: Final = "tenant_recovered"
"""`request_type` of the entry that says that a tenant has a new secret."""

_TENANTS_LOOKED_AT: Final = 100
"""Tenants of one address of which it is asked whether they are genuine; the agent makes three."""

_NO_SECRET: Final = ""
"""What no secret hashes to."""

agent_clients = Table(
    "agent_clients",
    metadata,
    Column("client_id", String(128), primary_key=True),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("revoked_at", String(27)),
    Column("mac", String(64)),
)

tenants = Table(
    "tenants",
    metadata,
    Column("tenant_id", String(64), primary_key=True),
    Column("secret_hash", String(64), nullable=False),
    Column("email_hash", String(96)),
    Column("label", String(255)),
    Column("created_at", String(27), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("mac", String(64)),
    Index("tenants_by_email", "email_hash", "created_at"),
)

recovery_tokens = Table(
    "recovery_tokens",
    metadata,
    Column("token_hash", String(64), primary_key=True),
    Column("tenant_id", String(64), nullable=False),
    Column("sealed_email", String(600), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("expires_at", String(27), nullable=False),
    Column("used_at", String(27)),
    Column("mac", String(64)),
    Index("recovery_tokens_by_time", "expires_at"),
)

registration_attempts = Table(
    "registration_attempts",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("address_hash", String(96), nullable=False),
    Column("attempted_at", String(27), nullable=False),
    Index("registration_attempts_by_address", "address_hash", "attempted_at"),
    Index("registration_attempts_by_time", "attempted_at"),
)


def access_fault(connection: Connection, table: Table, row: Mapping[str, Any]) -> str:
    """Say why a row gives no access, "" where it was written by this agent as it is."""
    return faults_of(connection, table, [row]).get(subject_of(table, row), "")


def add_client(connection: Connection, row: Mapping[str, Any]) -> Row | None:
    """Insert a client and give it sealed; None when there is one of that name, or was, its row gone or not."""
    name = row["client_id"]
    if find_client(connection, name) is not None or newest_commitments(connection, agent_clients.name, [name]):
        return None
    return insert_sealed(connection, agent_clients, row)


def revoke_client(connection: Connection, client_id: str, at: str, who: str) -> tuple[Row, str] | None:
    """End a client's access, and give its row sealed and what was wrong with it before; None where it has none.

    Of a row that is not genuine, or gone, nothing is taken over: the name is given to nobody any more.
    """
    row = find_client(connection, client_id)
    if row is None:
        if not newest_commitments(connection, agent_clients.name, [client_id]):
            return None
        return insert_sealed(connection, agent_clients, _ended(client_id, at, who)), "its row was missing"
    fault = access_fault(connection, agent_clients, row)
    if fault:
        return reseal(connection, agent_clients, row, _ended(client_id, at, who)), fault
    return None if row["revoked_at"] is not None else (reseal(connection, agent_clients, row, {"revoked_at": at}), "")


def _ended(client_id: str, at: str, who: str) -> Row:
    return {
        "client_id": client_id,
        "secret_hash": _NO_SECRET,
        "created_at": at,
        "created_by": who,
        "revoked_at": at,
    }


def list_clients(connection: Connection) -> list[Row]:
    """Give the clients that the operator has added, revoked ones too, without what their secrets are checked by.

    `fault` says why one of them has no access, whatever else its row says; "" for those that are genuine.
    """
    query = select(agent_clients).order_by(agent_clients.c.created_at, agent_clients.c.client_id)
    rows = all_rows(of_one_moment(connection), query.limit(MAX_CLIENTS_LISTED))
    faults = faults_of(connection, agent_clients, rows)
    return [_listed(row, faults.get(subject_of(agent_clients, row), "")) for row in rows]


def _listed(row: Row, fault: str) -> Row:
    said = {name: row[name] for name in ("client_id", "created_at", "created_by", "revoked_at")}
    if fault:
        said = {name: None if value is None else shown(value) for name, value in said.items()}
    return {**said, "fault": fault}


def find_client(connection: Connection, client_id: str) -> Row | None:
    """Give the row of a client, of a revoked one too."""
    return first_row(connection, select(agent_clients).where(agent_clients.c.client_id == client_id))


def find_tenant(connection: Connection, tenant_id: str) -> Row | None:
    """Give the row of a tenant."""
    return first_row(connection, select(tenants).where(tenants.c.tenant_id == tenant_id))


def add_tenant(connection: Connection, row: Mapping[str, Any]) -> Row:
    """Insert a tenant and give it sealed."""
    return insert_sealed(connection, tenants, row)


def live_tenants(connection: Connection, email_hash: str, at: str) -> list[str]:
    """Give the genuine tenants of an e-mail address that have not expired, the newest first."""
    column = tenants.c
    query = select(tenants).where(and_(column.email_hash == email_hash, column.expires_at > at))
    rows = all_rows(connection, query.order_by(column.created_at.desc()).limit(_TENANTS_LOOKED_AT))
    faults = faults_of(connection, tenants, rows)
    return [row["tenant_id"] for row in rows if subject_of(tenants, row) not in faults]


def count_tenants(connection: Connection, at: str) -> int:
    """Give how many tenants have not expired."""
    return connection.execute(select(func.count()).select_from(tenants).where(tenants.c.expires_at > at)).scalar() or 0


def renew_tenant(connection: Connection, tenant_id: str, values: Mapping[str, Any]) -> Row | None:
    """Give a tenant a new secret and end, and its row sealed; None where it is gone, or not genuine."""
    return change_sealed(connection, tenants, (tenants.c.tenant_id == tenant_id,), values)


def add_token(connection: Connection, row: Mapping[str, Any], *, at: str) -> None:
    """Insert a recovery token, and delete those that are over."""
    connection.execute(delete(recovery_tokens).where(recovery_tokens.c.expires_at <= at))
    insert_sealed(connection, recovery_tokens, row)


def find_token(connection: Connection, token_hash: str) -> Row | None:
    """Give the row of a recovery token that this agent has written, used ones too."""
    row = first_row(connection, select(recovery_tokens).where(recovery_tokens.c.token_hash == token_hash))
    return None if row is None or access_fault(connection, recovery_tokens, row) else row


def use_token(connection: Connection, row: Mapping[str, Any], at: str) -> bool:
    """Mark a token, whose row was just read, as used; False when its tenant was recovered since it was made.

    So a row that was put back as it was before its use serves nobody, and a recovery ends all tokens before it.
    """
    log = audit_log.c
    recovered = select(func.count()).where(
        log.correlation_id == row["tenant_id"],
        log.request_type == TENANT_RECOVERED,
        log.timestamp >= row["created_at"],
    )
    if connection.execute(recovered).scalar_one():
        return False
    reseal(connection, recovery_tokens, row, {"used_at": at})
    return True


def take_attempt(connection: Connection, row: Mapping[str, Any], *, since: str, allowed: int) -> str | None:
    """Note an attempt to register, and forget those before `since`.

    Where the address has made as many since then as are allowed, give when the earliest of them was instead.
    """
    column = registration_attempts.c
    connection.execute(delete(registration_attempts).where(column.attempted_at <= since))
    query = select(column.attempted_at).where(column.address_hash == row["address_hash"])
    made = list(connection.execute(query.order_by(column.attempted_at.desc()).limit(allowed)).scalars())
    if len(made) >= allowed:
        return str(made[-1])
    connection.execute(insert(registration_attempts).values(**row))
    return None
