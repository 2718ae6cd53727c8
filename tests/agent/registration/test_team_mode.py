"""Team mode: the account flows of the plugin against a real agent (wire 1.13)."""

from __future__ import annotations

import asyncio
import hashlib
import re
import sqlite3
import time
from email import message_from_bytes, policy
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from axonflow_hooks.account.credentials import registered_credential
from axonflow_hooks.account.recovery import request_recovery, verify_recovery
from axonflow_hooks.account.registration import obtain_registration
from axonflow_hooks.client import AgentClient, Connection, new_http_client
from axonflow_hooks.errors import AccountError, AgentRefused, RateLimited
from axonflow_hooks.paths import resolve_paths
from axonflow_hooks.settings import Settings
from axonflow_hooks.wire.mcp_tools import CheckPolicyArguments
from tests.agent.audit_trail.conftest import checked_folder
from tests.agent.conftest import MCP_PATH, AgentStarter
from tests.agent.store.old_release import FAR, secret_hash, tamper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.wire.registration import Registration
    from tests.agent.conftest import AgentProcess

    Start = Callable[..., AgentProcess]

PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
TEAM = {"AXONFLOW_AGENT_TEAM_MODE": "1"}
REGISTER, RECOVER, VERIFY = "/api/v1/register", "/api/v1/recover", "/api/v1/recover/verify"
EMAIL = "dev@example.com"
DEADLINE_S = 60


@pytest.fixture
def agent(start_agent: Start) -> AgentProcess:
    found = start_agent(environ=TEAM)
    assert found.endpoint, found.stderr
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AgentProcess]:
    """Give one agent for the tests in which nobody registers: the limit counts what an address asks for."""
    starter = AgentStarter(tmp_path_factory.mktemp("team"))
    yield starter(environ=TEAM)
    starter.stop_all()


def user(tmp_path: Path, name: str, agent: AgentProcess) -> tuple[Settings, Paths]:
    return Settings(mode="community-saas", endpoint=agent.endpoint), resolve_paths({"HOME": str(tmp_path / name)})


def check(registration: Registration, endpoint: str) -> str | None:
    async def work() -> str | None:
        async with new_http_client(endpoint) as http:
            connection = Connection(endpoint, basic=registered_credential(registration).basic)
            arguments = CheckPolicyArguments(connector_type="claude_code.Bash", statement="ls")
            verdict = await AgentClient(connection, http).check_policy(arguments, session_id="", timeout_s=DEADLINE_S)
            return verdict.decision_id

    return asyncio.run(work())


def public(agent: AgentProcess) -> httpx.Client:
    return agent.client(auth=None)


def mail(agent: AgentProcess) -> Any:
    """Wait for the one message in the outbox."""
    deadline = time.monotonic() + DEADLINE_S
    while time.monotonic() < deadline:
        for path in (agent.data_dir / "outbox").glob("*.eml"):
            return path, message_from_bytes(path.read_bytes(), policy=policy.default)
    raise AssertionError("no mail")


def token_in(message: Any) -> str:
    (found,) = set(re.findall(r"[0-9a-f]{64}", message.get_content()))
    return str(found)


def test_a_plugin_registers_and_is_served_as_its_own_tenant(agent: AgentProcess, tmp_path: Path) -> None:
    settings, paths = user(tmp_path, "a", agent)
    registration = asyncio.run(obtain_registration(settings, paths, timeout_s=DEADLINE_S))
    assert registration.tenant_id.startswith("cs_")
    assert re.fullmatch("[0-9a-f]{32}", registration.secret)
    assert registration.secret_prefix == registration.secret[:8]
    assert asyncio.run(obtain_registration(settings, paths, timeout_s=DEADLINE_S)) == registration
    decision = check(registration, agent.endpoint)
    connection = sqlite3.connect(agent.data_dir / "agent.db")
    rows = connection.execute(
        "SELECT tenant_id, client_id FROM decisions WHERE decision_id = ?", (decision,)
    ).fetchall()
    connection.close()
    assert rows == [(registration.tenant_id, registration.tenant_id)]
    # The local user's trail does not show what the tenant did, and the other way round.
    assert agent.tool("search_audit_events", {"request_type": "check_policy"})["total"] == 0
    assert registration.secret.encode() not in agent.database_bytes()


def test_a_lost_credential_is_recovered(agent: AgentProcess, tmp_path: Path) -> None:
    settings, paths = user(tmp_path, "a", agent)
    with public(agent) as client:
        first = client.post(REGISTER, json={"label": "x", "email": EMAIL}).json()
    asyncio.run(request_recovery(settings, EMAIL.upper(), timeout_s=DEADLINE_S))
    path, message = mail(agent)
    assert (path.stat().st_mode & 0o777, message["To"]) == (0o600, EMAIL.upper())
    token = token_in(message)
    assert token not in "".join(agent.stderr)
    assert token.encode() not in agent.database_bytes()
    recovered = asyncio.run(verify_recovery(settings, paths, token, timeout_s=DEADLINE_S))
    assert recovered.tenant_id == first["tenant_id"]
    assert recovered.secret != first["secret"]
    assert recovered.email == EMAIL.upper()
    assert check(recovered, agent.endpoint)
    with pytest.raises(AgentRefused):
        check(recovered.model_copy(update={"secret": first["secret"]}), agent.endpoint)
    with pytest.raises(AccountError, match="already been used"):
        asyncio.run(verify_recovery(settings, paths, token, timeout_s=DEADLINE_S))
    with public(agent) as client:
        reply = client.post(VERIFY, json={"token": token})
    assert (reply.status_code, reply.json()["error"]["message"]) == (401, "Recovery token has already been used")
    assert EMAIL.encode() not in agent.database_bytes().lower()


def test_the_page_changes_nothing_and_its_form_recovers(agent: AgentProcess) -> None:
    with public(agent) as client:
        tenant = client.post(REGISTER, json={"email": EMAIL}).json()["tenant_id"]
        assert client.post(RECOVER, json={"email": EMAIL}).status_code == 202
        token = token_in(mail(agent)[1])
        for _ in range(2):
            page = client.get(VERIFY, params={"token": token})
            assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert page.headers["referrer-policy"] == "no-referrer"
        assert f'value="{token}"' in page.text
        done = client.post(VERIFY, data={"token": token}, headers={"Origin": agent.endpoint})
    assert (done.status_code, done.json()["tenant_id"]) == (200, tenant)
    assert done.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("token", ["", "x", '"><script>alert(1)</script>', "a" * 63, "A" * 64])
def test_a_page_for_no_token_shows_none_of_it(shared: AgentProcess, token: str) -> None:
    with public(shared) as client:
        page = client.get(VERIFY, params={"token": token})
    assert page.status_code == 400
    assert "<form" not in page.text
    assert "script" not in page.text


def test_nobody_learns_whether_an_address_is_known(agent: AgentProcess) -> None:
    with public(agent) as client:
        client.post(REGISTER, json={"email": EMAIL})
        known = client.post(RECOVER, json={"email": EMAIL})
        unknown = client.post(RECOVER, json={"email": "nobody@example.com"})
    assert (known.status_code, known.content) == (unknown.status_code, unknown.content) == (202, known.content)
    assert mail(agent)[1]["To"] == EMAIL


def test_five_an_hour_for_both_routes_together(agent: AgentProcess, tmp_path: Path) -> None:
    with public(agent) as client:
        codes = [client.post(REGISTER).status_code for _ in range(3)]
        codes += [client.post(RECOVER, json={"email": EMAIL}).status_code for _ in range(2)]
        assert codes == [201, 201, 201, 202, 202]
        for path in (REGISTER, RECOVER):
            reply = client.post(path, json={"email": EMAIL})
            assert (reply.status_code, reply.json()["error"]["code"]) == (429, 429)
            assert 3000 < int(reply.headers["retry-after"]) <= 3600
    settings, paths = user(tmp_path, "late", agent)
    with pytest.raises(RateLimited):
        asyncio.run(obtain_registration(settings, paths, timeout_s=DEADLINE_S))


def test_a_restart_begins_no_new_hour(agent: AgentProcess, start_agent: Start) -> None:
    with public(agent) as client:
        assert [client.post(RECOVER, json={"email": EMAIL}).status_code for _ in range(5)] == [202] * 5
    agent.stop()
    again = start_agent(home=agent.home, data_dir=agent.data_dir, environ=TEAM)
    with public(again) as client:
        reply = client.post(REGISTER)
    assert reply.status_code == 429
    assert 3000 < int(reply.headers["retry-after"]) <= 3600


def test_three_tenants_for_one_address(agent: AgentProcess) -> None:
    with public(agent) as client:
        codes = [client.post(REGISTER, json={"email": EMAIL}).status_code for _ in range(4)]
    assert codes == [201, 201, 201, 409]


@pytest.mark.parametrize(
    ("path", "body", "content_type", "status"),
    [
        pytest.param(REGISTER, b"{", "application/json", 400, id="no-json"),
        pytest.param(REGISTER, b"[]", "application/json", 400, id="no-object"),
        pytest.param(REGISTER, b'{"label": 5}', "application/json", 400, id="label-no-text"),
        pytest.param(REGISTER, b'{"label": "%s"}' % (b"x" * 256), "application/json", 400, id="label-long"),
        pytest.param(REGISTER, b'{"email": "nobody"}', "application/json", 400, id="no-address"),
        pytest.param(REGISTER, b"label=x", "application/x-www-form-urlencoded", 415, id="form"),
        pytest.param(REGISTER, b'{"label": "%s"}' % (b"x" * 1100), "application/json", 413, id="large"),
        pytest.param(RECOVER, b"{}", "application/json", 400, id="no-email"),
        pytest.param(RECOVER, b"", "application/json", 400, id="empty"),
        pytest.param(RECOVER, b'{"email": "a@example.com\\nBcc: b@example.com"}', "application/json", 400, id="header"),
    ],
)
def test_what_is_refused(agent: AgentProcess, path: str, body: bytes, content_type: str, status: int) -> None:
    with public(agent) as client:
        reply = client.post(path, content=body, headers={"Content-Type": content_type})
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, status)


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        pytest.param(b"{}", "application/json", 400, id="no-token"),
        pytest.param(b"", "application/x-www-form-urlencoded", 400, id="no-token-in-form"),
        pytest.param(b'{"token": "%s"}' % (b"ab" * 32), "application/json", 401, id="unknown-token"),
        pytest.param(b'{"token": "guess"}', "application/json", 401, id="no-such-token"),
        pytest.param(b"token=x", "text/plain", 415, id="plain-text"),
    ],
)
def test_what_is_no_token(shared: AgentProcess, body: bytes, content_type: str, status: int) -> None:
    with public(shared) as client:
        reply = client.post(VERIFY, content=body, headers={"Content-Type": content_type})
    assert (reply.status_code, reply.json()["error"]["code"]) == (status, status)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_other_methods(shared: AgentProcess, method: str) -> None:
    with public(shared) as client:
        reply = client.request(method, REGISTER)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


def test_a_page_of_another_origin_cannot_register(shared: AgentProcess) -> None:
    with public(shared) as client:
        assert client.post(REGISTER, headers={"Origin": "https://evil.example"}).status_code == 403


def test_the_health_document_says_so(shared: AgentProcess, running_agent: AgentProcess) -> None:
    with public(shared) as client:
        health = client.get("/health").json()
    assert health["deployment_mode"] == "community-saas"
    assert "community_saas_recovery" in {capability["name"] for capability in health["capabilities"]}
    with public(running_agent) as client:
        assert client.get("/health").json()["deployment_mode"] == "community"


@pytest.mark.parametrize("path", [REGISTER, RECOVER, VERIFY])
def test_without_team_mode_there_is_none_of_it(running_agent: AgentProcess, path: str) -> None:
    with public(running_agent) as client:
        assert client.post(path, json={"email": EMAIL}).status_code == 401
    with running_agent.client() as client:
        assert client.post(path, json={"email": EMAIL}).status_code == 404


def test_a_tenant_cannot_manage_the_agent(agent: AgentProcess) -> None:
    with public(agent) as client:
        made = client.post(REGISTER).json()
    with agent.client(auth=(made["tenant_id"], made["secret"])) as client:
        assert client.get("/api/v1/agent/status").status_code == 403
        assert client.post("/api/v1/agent/clients", json={"name": "x"}).status_code == 403


def test_a_tenant_whose_row_was_changed_is_refused_and_cannot_be_recovered(agent: AgentProcess) -> None:
    with public(agent) as client:
        made = client.post(REGISTER, json={"email": EMAIL}).json()
        other = client.post(REGISTER).json()
        assert client.post(RECOVER, json={"email": EMAIL}).status_code == 202
    token = token_in(mail(agent)[1])
    stolen = secret_hash(made["tenant_id"], "mine")
    tamper(agent.data_dir, f"UPDATE tenants SET secret_hash = '{stolen}' WHERE tenant_id = '{made['tenant_id']}'")
    with public(agent) as client:
        for secret in ("mine", made["secret"]):
            assert client.post(MCP_PATH, json=PING, auth=(made["tenant_id"], secret)).status_code == 401
        assert client.post(MCP_PATH, json=PING, auth=(other["tenant_id"], other["secret"])).status_code == 200
        assert client.post(VERIFY, json={"token": token}).status_code == 401
    (finding,) = checked_folder(agent.data_dir).findings
    assert (finding.kind, finding.id) == ("access", made["tenant_id"])


def test_a_token_that_was_written_past_the_agent_recovers_nobody(agent: AgentProcess) -> None:
    token = "ab" * 32
    with public(agent) as client:
        made = client.post(REGISTER).json()
        tamper(
            agent.data_dir,
            f"INSERT INTO recovery_tokens VALUES ('{hashlib.sha256(token.encode()).hexdigest()}', "
            f"'{made['tenant_id']}', 'x', '{made['expires_at']}', '{FAR}', NULL, NULL)",
        )
        assert client.post(VERIFY, json={"token": token}).status_code == 401
        assert client.post(MCP_PATH, json=PING, auth=(made["tenant_id"], made["secret"])).status_code == 200
    assert [finding.kind for finding in checked_folder(agent.data_dir).findings] == ["access"]
