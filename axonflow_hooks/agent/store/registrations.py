"""Who may call the agent besides the local user: clients that the operator adds, tenants that register (wire 1.13).

Secrets are random (128 bits or more), so a plain SHA-256 of `client_id:secret` keeps them: there is nothing to guess.
E-mail addresses are kept as keyed hashes; beside a recovery token, sealed under the token, of which the hash is kept.
Addresses of the network that have tried to register are kept as keyed hashes for an hour.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import Column, Index, String, Table, and_, delete, func, insert, select, update

from axonflow_hooks.agent.tables.schema import metadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection

Row = dict[str, Any]

MAX_CLIENTS_LISTED: Final = 1_000

agent_clients = Table(
    "agent_clients",
    metadata,
    Column("client_id", String(128), primary_key=True),
    Column("secret_hash", String(64), nullable=False),
    Column("created_at", String(27), nullable=False),
    Column("created_by", String(256), nullable=False),
    Column("revoked_at", String(27)),
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


def add_client(connection: Connection, row: Mapping[str, Any]) -> bool:
    """Insert a client; False when there is one of that name, or was."""
    known = connection.execute(select(agent_clients.c.client_id).where(agent_clients.c.client_id == row["client_id"]))
    if known.first() is not None:
        return False
    connection.execute(insert(agent_clients).values(**row))
    return True


def revoke_client(connection: Connection, client_id: str, at: str) -> bool:
    """End a client's access; False where there is none that has it."""
    column = agent_clients.c
    done = connection.execute(
        update(agent_clients)
        .where(and_(column.client_id == client_id, column.revoked_at.is_(None)))
        .values(revoked_at=at)
    )
    return done.rowcount > 0


def list_clients(connection: Connection) -> list[Row]:
    """Give the clients that the operator has added, revoked ones too, without what their secrets are checked by."""
    column = agent_clients.c
    query = select(column.client_id, column.created_at, column.created_by, column.revoked_at)
    return [
        dict(row) for row in connection.execute(query.order_by(column.created_at).limit(MAX_CLIENTS_LISTED)).mappings()
    ]


def find_client(connection: Connection, client_id: str) -> str | None:
    """Give the hash of the secret of a client that has access."""
    column = agent_clients.c
    query = select(column.secret_hash).where(and_(column.client_id == client_id, column.revoked_at.is_(None)))
    found = connection.execute(query).scalar()
    return None if found is None else str(found)


def find_tenant(connection: Connection, tenant_id: str) -> Row | None:
    """Give the row of a tenant."""
    row = connection.execute(select(tenants).where(tenants.c.tenant_id == tenant_id)).mappings().first()
    return None if row is None else dict(row)


def add_tenant(connection: Connection, row: Mapping[str, Any]) -> None:
    """Insert a tenant."""
    connection.execute(insert(tenants).values(**row))


def live_tenants(connection: Connection, email_hash: str, at: str) -> list[str]:
    """Give the tenants of an e-mail address that have not expired, the newest first."""
    column = tenants.c
    query = select(column.tenant_id).where(and_(column.email_hash == email_hash, column.expires_at > at))
    return list(connection.execute(query.order_by(column.created_at.desc())).scalars())


def count_tenants(connection: Connection, at: str) -> int:
    """Give how many tenants have not expired."""
    return connection.execute(select(func.count()).select_from(tenants).where(tenants.c.expires_at > at)).scalar() or 0


def renew_tenant(connection: Connection, tenant_id: str, values: Mapping[str, Any]) -> bool:
    """Give a tenant a new secret and end; False where it is gone."""
    done = connection.execute(update(tenants).where(tenants.c.tenant_id == tenant_id).values(**values))
    return done.rowcount > 0


def add_token(connection: Connection, row: Mapping[str, Any], *, at: str) -> None:
    """Insert a recovery token, and delete those that are over."""
    connection.execute(delete(recovery_tokens).where(recovery_tokens.c.expires_at <= at))
    connection.execute(insert(recovery_tokens).values(**row))


def find_token(connection: Connection, token_hash: str) -> Row | None:
    """Give the row of a recovery token, used ones too."""
    row = (
        connection.execute(select(recovery_tokens).where(recovery_tokens.c.token_hash == token_hash)).mappings().first()
    )
    return None if row is None else dict(row)


def use_token(connection: Connection, token_hash: str, at: str) -> bool:
    """Mark a token as used; False when it was used already."""
    column = recovery_tokens.c
    done = connection.execute(
        update(recovery_tokens)
        .where(and_(column.token_hash == token_hash, column.used_at.is_(None)))
        .values(used_at=at)
    )
    return done.rowcount > 0


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
