"""Registering a tenant, and recovering one: what is written, and what limits it (wire 1.13)."""

from __future__ import annotations

import hashlib
import hmac
import logging
import re
import secrets
import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final

from anyio import to_thread
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from axonflow_hooks.agent.clients import TENANT_PREFIX
from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.faults import report
from axonflow_hooks.agent.grants.events import commit_event
from axonflow_hooks.agent.names import kept_name
from axonflow_hooks.agent.rate_limit import Window
from axonflow_hooks.agent.registration.outbox import put_recovery_mail
from axonflow_hooks.agent.store.registrations import (
    TENANT_RECOVERED,
    add_tenant,
    add_token,
    count_tenants,
    find_token,
    live_tenants,
    renew_tenant,
    take_attempt,
    tenants,
    use_token,
)
from axonflow_hooks.agent.store.sealed import committing
from axonflow_hooks.agent.tables.records import AuditRecord, Caller, format_time, new_audit_id, now, parse_time
from axonflow_hooks.recognition import credential_key

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.agent.clients import Clients
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.writer import Transaction

REGISTER_PATH: Final = "/api/v1/register"
RECOVER_PATH: Final = "/api/v1/recover"
VERIFY_PATH: Final = "/api/v1/recover/verify"

LIFETIME: Final = timedelta(days=365)
TOKEN_LIFETIME: Final = timedelta(minutes=15)
MAX_PER_EMAIL: Final = 3
MAX_TENANTS: Final = 10_000
"""Tenants of one agent; registering needs no credential, so it must end somewhere."""

ATTEMPTS: Final = 5
ATTEMPTS_WINDOW_S: Final = 3_600.0
"""Registrations and recoveries that one address of the network may ask for, together, of all agents of a database."""

TOKEN: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_NONCE: Final = bytes(12)
_INVALID: Final = "Invalid or expired recovery token"
_NOTE: Final = "Keep the secret: it is shown this once."

logger: Final = logging.getLogger("axonflow.agent")


class Registrations:
    """The registrations of one agent: it keeps them in `folder` and its database; `endpoint` is what it tells them."""

    PUBLIC_PATHS: Final = frozenset({REGISTER_PATH, RECOVER_PATH, VERIFY_PATH})

    def __init__(self, folder: Path, endpoint: str, clients: Clients) -> None:
        self._folder = folder
        self._endpoint = endpoint
        self._clients = clients
        self._attempts = Window(ATTEMPTS, ATTEMPTS_WINDOW_S)

    async def count_attempt(self, agent: Agent, address: str) -> None:
        """Raise RestRefused 429 when an address has asked for too much in the last hour, of any replica.

        Raises StoreUnavailable too. What this process has seen is asked first: a flood does not reach the database.
        """
        wait_s = self._attempts.take(address)
        if not wait_s:
            present = datetime.now(timezone.utc)
            since = present - timedelta(seconds=ATTEMPTS_WINDOW_S)
            row = {
                "id": str(uuid.uuid4()),
                "address_hash": _keyed_hash(agent, f"address {address}"),
                "attempted_at": format_time(present),
            }
            earliest = await agent.writer.submit(
                lambda transaction: take_attempt(
                    transaction.connection, row, since=format_time(since), allowed=ATTEMPTS
                )
            )
            made = None if earliest is None else parse_time(earliest)
            wait_s = 0.0 if made is None else max((made - since).total_seconds(), 1.0)
        if wait_s:
            raise RestRefused(
                429, "Too many registrations from this address", headers={"Retry-After": str(int(wait_s) + 1)}
            )

    async def register(self, agent: Agent, label: str | None, email: str | None) -> dict[str, Any]:
        """Make a tenant and give its credential. Raises RestRefused 409 or 503, StoreUnavailable."""
        tenant_id, secret = f"{TENANT_PREFIX}{uuid.uuid4()}", secrets.token_hex(16)
        email_hash = None if email is None else _email_hash(agent, email)
        expires_at = datetime.now(timezone.utc) + LIFETIME
        row = {
            "tenant_id": tenant_id,
            "secret_hash": _hash(tenant_id, secret),
            "email_hash": email_hash,
            "label": None if label is None else kept_name(agent, label),
            "created_at": now(),
            "expires_at": format_time(expires_at),
        }

        def add(transaction: Transaction) -> None:
            connection = transaction.connection
            if email_hash is not None and len(live_tenants(connection, email_hash, now())) >= MAX_PER_EMAIL:
                raise RestRefused(409, "This e-mail address has as many tenants as it may have")
            if count_tenants(connection, now()) >= MAX_TENANTS:
                raise RestRefused(503, "No further tenants can be registered", headers={"Retry-After": "3600"})
            made = add_tenant(connection, row)
            commit_event(transaction, committing(_event("tenant_registered", tenant_id), tenants, made))

        await agent.writer.submit(add)
        self._clients.forget(tenant_id)
        return self._credential(tenant_id, secret, expires_at)

    async def recover(self, agent: Agent, email: str) -> None:
        """Put a recovery token for the newest tenant of an address into the outbox, where there is one.

        To be called after the answer has been sent: how long it takes tells whether the address is known.
        """
        email_hash, token = _email_hash(agent, email), secrets.token_hex(32)

        def add(transaction: Transaction) -> str | None:
            found = live_tenants(transaction.connection, email_hash, now())
            if not found:
                return None
            row = {
                "token_hash": _token_hash(token),
                "tenant_id": found[0],
                "sealed_email": _seal(token, email),
                "created_at": now(),
                "expires_at": format_time(datetime.now(timezone.utc) + TOKEN_LIFETIME),
            }
            add_token(transaction.connection, row, at=now())
            transaction.append_audit(_event("tenant_recovery_requested", found[0]))
            return found[0]

        tenant_id = await agent.writer.submit(add)
        if tenant_id is None:
            return
        minutes = int(TOKEN_LIFETIME.total_seconds()) // 60
        url = self._endpoint + VERIFY_PATH
        try:
            path = await to_thread.run_sync(put_recovery_mail, self._folder, email, tenant_id, token, url, minutes)
        except (OSError, ValueError) as error:
            report(f"the recovery mail of tenant {tenant_id}", error)
        else:
            logger.warning("A recovery mail waits to be sent: %s", path)

    async def verify(self, agent: Agent, token: str) -> dict[str, Any]:
        """Exchange a token for a new secret of its tenant. Raises RestRefused 401, StoreUnavailable."""
        secret = secrets.token_hex(16)
        expires_at = datetime.now(timezone.utc) + LIFETIME

        def use(transaction: Transaction) -> tuple[str, str]:
            connection = transaction.connection
            found = find_token(connection, _token_hash(token))
            if found is None:
                raise RestRefused(401, _INVALID)
            tenant_id: str = found["tenant_id"]
            if found["used_at"] is not None:
                raise RestRefused(401, "Recovery token has already been used")
            if found["expires_at"] <= now() or not use_token(connection, found, now()):
                raise RestRefused(401, _INVALID)
            values = {"secret_hash": _hash(tenant_id, secret), "expires_at": format_time(expires_at)}
            renewed = renew_tenant(connection, tenant_id, values)
            if renewed is None:
                raise RestRefused(401, _INVALID)
            commit_event(transaction, committing(_event(TENANT_RECOVERED, tenant_id), tenants, renewed))
            return tenant_id, _unseal(token, found["sealed_email"])

        tenant_id, email = await agent.writer.submit(use)
        self._clients.forget(tenant_id)
        return {**self._credential(tenant_id, secret, expires_at), "email": email}

    def _credential(self, tenant_id: str, secret: str, expires_at: datetime) -> dict[str, Any]:
        return {
            "tenant_id": tenant_id,
            "secret": secret,
            "secret_prefix": secret[:8],
            "expires_at": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "endpoint": self._endpoint,
            "note": _NOTE,
        }


def _hash(tenant_id: str, secret: str) -> str:
    return credential_key(f"{tenant_id}:{secret}".encode()).hex()


def _token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("ascii")).hexdigest()


def _seal(token: str, email: str) -> str:
    """Encrypt an address so that only who has the token can read it; a token seals once, so the nonce may be fixed."""
    return AESGCM(_email_key(token)).encrypt(_NONCE, email.encode(), None).hex()


def _unseal(token: str, sealed: str) -> str:
    return AESGCM(_email_key(token)).decrypt(_NONCE, bytes.fromhex(sealed), None).decode()


def _email_key(token: str) -> bytes:
    return hashlib.sha256(f"axonflow recovery e-mail {token}".encode("ascii")).digest()


def _email_hash(agent: Agent, email: str) -> str:
    return _keyed_hash(agent, f"email {email.lower()}")


def _keyed_hash(agent: Agent, text: str) -> str:
    digest = hmac.new(agent.database.hash_key, text.encode(), hashlib.sha256)
    return f"hmac-sha256:{agent.database.hash_key_id}:{digest.hexdigest()}"


def _event(kind: str, tenant_id: str) -> AuditRecord:
    return AuditRecord(
        id=new_audit_id(),
        timestamp=now(),
        request_type=kind,
        tool_name="",
        query=f"{kind.replace('_', ' ')}: {tenant_id}",
        caller=Caller(client_id=tenant_id, tenant_id=tenant_id),
    )
