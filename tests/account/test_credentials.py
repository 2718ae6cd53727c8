from __future__ import annotations

import asyncio
import base64
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.account.credentials import known_credential, resolve_connection
from axonflow_hooks.account.local_agent import ensure_credential
from axonflow_hooks.client import Connection, new_http_client
from axonflow_hooks.errors import AccountError, AgentUnavailable, CredentialError, SettingsError
from axonflow_hooks.private_files import write_private_json
from axonflow_hooks.setting_values import encode_basic
from axonflow_hooks.settings import COMMUNITY_SAAS_ENDPOINT, Settings, load_settings
from tests.account.conftest import REGISTERED, SECRET, keep, make_token
from tests.conftest import Reply, StandIn

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

LOCAL = "http://localhost:8080"


def resolve(settings: Settings, paths: Paths) -> Connection:
    return asyncio.run(resolve_connection(settings, paths, timeout_s=60))


def pair(connection: Connection) -> str:
    return base64.b64decode(connection.basic).decode()


def self_hosted(endpoint: str = LOCAL, **values: Any) -> Settings:
    return Settings(mode="self-hosted", endpoint=endpoint, **values)


def write_auth_file(paths: Paths, **values: Any) -> None:
    write_private_json(paths.self_hosted_auth_file, values)


def test_self_hosted_order(paths: Paths) -> None:
    assert resolve(self_hosted(), paths).basic == ""
    created = ensure_credential(paths, LOCAL)
    assert pair(resolve(self_hosted(), paths)) == ":".join(created)
    write_auth_file(paths, auth="file:pass")
    assert pair(resolve(self_hosted(), paths)) == "file:pass"
    assert pair(resolve(self_hosted(auth=encode_basic("env:pass", "AXONFLOW_AUTH")), paths)) == "env:pass"


@pytest.mark.parametrize(
    ("stored", "expected"),
    [
        pytest.param({"auth": base64.b64encode(b"file:pass").decode()}, "file:pass", id="base64"),
        pytest.param({"auth": " file:pass\n"}, "file:pass", id="plain"),
        pytest.param({"auth": "file:pass", "endpoint": "http://LOCALHOST:8080/"}, "file:pass", id="for-here"),
        pytest.param({"auth": "file:pass", "endpoint": "https://a.example"}, "", id="for-another-agent"),
    ],
)
def test_self_hosted_auth_file(paths: Paths, stored: dict[str, str], expected: str) -> None:
    write_auth_file(paths, **stored)
    assert pair(resolve(self_hosted(), paths)) == expected


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param({}, id="no-auth"),
        pytest.param({"auth": 1}, id="number"),
        pytest.param({"auth": "s3cr3t-value"}, id="not-base64"),
    ],
)
def test_a_self_hosted_auth_file_that_cannot_be_used(paths: Paths, stored: dict[str, Any]) -> None:
    write_auth_file(paths, **stored)
    with pytest.raises(SettingsError) as caught:
        resolve(self_hosted(), paths)
    assert str(paths.self_hosted_auth_file) in caught.value.message
    assert "s3cr3t-value" not in str(caught.value)


def test_files_others_can_read_are_refused(paths: Paths) -> None:
    write_auth_file(paths, auth="file:pass")
    paths.self_hosted_auth_file.chmod(0o644)
    with pytest.raises(CredentialError, match="chmod 600"):
        resolve(self_hosted(), paths)


@pytest.mark.parametrize("endpoint", ["http://localhost:8081", "http://agent.example:8080"])
def test_the_embedded_agents_credential_stays_with_it(paths: Paths, endpoint: str) -> None:
    ensure_credential(paths, LOCAL)
    assert resolve(self_hosted(endpoint), paths).basic == ""


def test_no_saas_credential_reaches_another_host(paths: Paths) -> None:
    keep(paths, COMMUNITY_SAAS_ENDPOINT)
    assert resolve(self_hosted("http://localhost:9999"), paths).basic == ""
    with pytest.raises(CredentialError, match="another endpoint"):
        resolve(Settings(mode="community-saas", endpoint="http://localhost:9999"), paths)


def test_no_self_hosted_credential_reaches_saas(saas: Settings, paths: Paths) -> None:
    write_auth_file(paths, auth="file:pass")
    ensure_credential(paths, saas.endpoint)
    connection = resolve(Settings(mode="community-saas", endpoint=saas.endpoint, auth="ZW52OnBhc3M="), paths)
    assert pair(connection) == f"{REGISTERED['tenant_id']}:{SECRET}"


def test_community_saas_registers_over_the_callers_client(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    async def run() -> Connection:
        async with new_http_client(saas.endpoint) as http:
            connection = await resolve_connection(saas, paths, http=http, timeout_s=60)
            assert not http.is_closed
            return connection

    connection = asyncio.run(run())
    assert connection.endpoint == saas.endpoint
    assert pair(connection) == f"{REGISTERED['tenant_id']}:{SECRET}"
    assert resolve(saas, paths) == connection
    assert len(stand_in.requests) == 1


def test_community_saas_down(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies["/api/v1/register"] = Reply(503)
    with pytest.raises(AgentUnavailable):
        resolve(saas, paths)


def test_community_saas_refusing(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    stand_in.replies["/api/v1/register"] = Reply(403)
    with pytest.raises(AccountError):
        resolve(saas, paths)


def test_unconfigured_is_told_and_touches_nothing(paths: Paths) -> None:
    settings = load_settings({"AXONFLOW_COMMUNITY_SAAS": "0"}, paths)
    with pytest.raises(AgentUnavailable) as caught:
        resolve(settings, paths)
    assert "AXONFLOW_ENDPOINT" in caught.value.remedy
    assert not paths.config_dir.exists()
    assert known_credential(settings, paths) is None


def test_licence_and_developer(paths: Paths) -> None:
    token = make_token(expires_at="20990101")
    connection = resolve(self_hosted(license_token=token, user_email="dev@example.com"), paths)
    headers = connection.headers()
    assert (headers["X-License-Token"], headers["X-User-Email"]) == (token, "dev@example.com")


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(make_token(expires_at="20200101"), id="expired"),
        pytest.param("AXON-nonsense-nonsense-nonsense-nonsense", id="malformed"),
    ],
)
def test_a_licence_that_would_break_every_call_is_not_sent(paths: Paths, token: str) -> None:
    assert "X-License-Token" not in resolve(self_hosted(license_token=token), paths).headers()


def test_a_licence_of_another_tenant_is_not_sent(saas: Settings, paths: Paths) -> None:
    other = Settings(mode=saas.mode, endpoint=saas.endpoint, license_token=make_token(tenant_id="cs_other"))
    own = Settings(mode=saas.mode, endpoint=saas.endpoint, license_token=make_token(tenant_id=REGISTERED["tenant_id"]))
    assert resolve(other, paths).license_token == ""
    assert resolve(own, paths).license_token == own.license_token


@pytest.mark.parametrize(
    ("prepare", "client_id", "source"),
    [
        pytest.param("auth", "env", "setting", id="setting"),
        pytest.param("file", "file", "self-hosted-auth.json", id="file"),
        pytest.param("agent", "local", "agent-credentials.json", id="embedded-agent"),
    ],
)
def test_known_credential(paths: Paths, prepare: str, client_id: str, source: str) -> None:
    settings = self_hosted(auth=encode_basic("env:pass", "x") if prepare == "auth" else "")
    if prepare == "file":
        write_auth_file(paths, auth="file:pass")
    if prepare == "agent":
        ensure_credential(paths, LOCAL)
    credential = known_credential(settings, paths)
    assert credential is not None
    assert (credential.client_id, credential.source) == (client_id, source)
    assert credential.basic not in repr(credential)


def test_known_credential_never_registers(saas: Settings, paths: Paths, stand_in: StandIn) -> None:
    assert known_credential(saas, paths) is None
    keep(paths, saas.endpoint)
    credential = known_credential(saas, paths)
    assert credential is not None
    assert (credential.client_id, credential.source) == (REGISTERED["tenant_id"], "try-registration.json")
    assert stand_in.requests == []
