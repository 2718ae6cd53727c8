"""As whom to call: settings and files → one Connection. A credential only ever goes to the endpoint it is for."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from axonflow_hooks.account.license_token import load_license, origin
from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.account.registration import load_registration, obtain_registration
from axonflow_hooks.client import Connection
from axonflow_hooks.errors import AgentUnavailable, CredentialError
from axonflow_hooks.private_files import read_private_json
from axonflow_hooks.setting_values import encode_basic

if TYPE_CHECKING:
    import httpx

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings
    from axonflow_hooks.wire.registration import Registration

CredentialSource = Literal["setting", "self-hosted-auth.json", "agent-credentials.json", "try-registration.json"]


@dataclass(frozen=True, slots=True)
class Credential:
    """A client id with the base64 of Basic authentication, and where it was found."""

    client_id: str
    basic: str = field(repr=False)
    source: CredentialSource


async def resolve_connection(
    settings: Settings, paths: Paths, *, http: httpx.AsyncClient | None = None, timeout_s: float
) -> Connection:
    """Give the connection for these settings; only a first call in the mode community-saas uses the network.

    `http` is a client for that one call (default: its own), `timeout_s` bounds it in seconds. Raises CredentialError
    or SettingsError for a credential that cannot be used, AccountError when registration is refused, and
    AgentUnavailable when there is no agent to ask (mode unconfigured) or registration is not possible now.
    """
    if settings.mode == "unconfigured":
        raise AgentUnavailable(
            "No AxonFlow agent is configured and Community SaaS is off (AXONFLOW_COMMUNITY_SAAS=0).",
            remedy="Start one with `axonflow-hooks agent` and set AXONFLOW_ENDPOINT to it.",
        )
    if settings.mode == "community-saas":
        credential: Credential | None = registered_credential(
            await obtain_registration(settings, paths, http=http, timeout_s=timeout_s)
        )
    else:
        credential = self_hosted_credential(settings, paths)
    return _connection(settings, paths, credential)


def known_credential(settings: Settings, paths: Paths) -> Credential | None:
    """Give the credential that is at hand, without network and without registering; None where there is none.

    Raises CredentialError or SettingsError for one that cannot be used.
    """
    if settings.mode == "unconfigured":
        return None
    if settings.mode == "self-hosted":
        return self_hosted_credential(settings, paths)
    registration = load_registration(settings, paths)
    return registered_credential(registration) if registration else None


def registered_credential(registration: Registration) -> Credential:
    """Take a Community SaaS registration and give its credential."""
    basic = _basic(registration.tenant_id, registration.secret)
    return Credential(registration.tenant_id, basic, "try-registration.json")


def self_hosted_credential(settings: Settings, paths: Paths) -> Credential | None:
    """Give the credential for a self-hosted agent: AXONFLOW_AUTH, else the user's file, else the embedded agent's.

    None where there is none: an agent in community mode asks for none (wire 1.1). Raises CredentialError or
    SettingsError for one that cannot be used.
    """
    if settings.auth:
        return Credential(_client_id(settings.auth), settings.auth, "setting")
    stored = _self_hosted_auth(settings, paths)
    if stored:
        return Credential(_client_id(stored), stored, "self-hosted-auth.json")
    created = credential_for(paths, settings.endpoint)
    if created:
        return Credential(created[0], _basic(*created), "agent-credentials.json")
    return None


def _self_hosted_auth(settings: Settings, paths: Paths) -> str:
    path = paths.self_hosted_auth_file
    stored = read_private_json(path)
    if stored is None:
        return ""
    auth, endpoint = stored.get("auth"), stored.get("endpoint")
    if not isinstance(auth, str) or not auth.strip():
        raise CredentialError(f'{path} holds no text under "auth".', remedy="Correct or delete it.")
    if isinstance(endpoint, str) and origin(endpoint) != origin(settings.endpoint):
        return ""  # kept for another agent
    return encode_basic(auth.strip(), f"auth in {path}")


def _connection(settings: Settings, paths: Paths, credential: Credential | None) -> Connection:
    tenant_id = credential.client_id if credential else ""
    found = load_license(settings, paths, tenant_id=tenant_id)
    return Connection(
        endpoint=settings.endpoint,
        basic=credential.basic if credential else "",
        license_token=found.token if found and found.usable else "",
        user_email=settings.user_email,
    )


def _basic(client_id: str, secret: str) -> str:
    return base64.b64encode(f"{client_id}:{secret}".encode()).decode("ascii")


def _client_id(basic: str) -> str:
    return base64.b64decode(basic).decode("utf-8").partition(":")[0]
