"""Two tenants that have registered with one agent: neither sees, uses or changes anything of the other."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from axonflow_hooks.agent.rest.registry import ENDPOINTS
from axonflow_hooks.wire.presence import PRESENCE_HEADER
from tests.agent.conftest import MCP_PATH, AgentStarter
from tests.agent.grants.conftest import Governed, home_with_policies, override_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

    from tests.agent.conftest import AgentProcess

USER = {"X-User-Email": "dev@corp.example"}
"""Both tenants name the same developer: an address is asserted, so it must open nothing."""

PATTERN = {"name": "Own", "pattern": "own-word", "category": "custom", "action": "block"}
RULE = {
    "name": "Rule", "category": "dynamic-access", "actions": [{"type": "block", "config": {}}],
    "conditions": [{"field": "query", "operator": "contains", "value": "rule-word"}],
}  # fmt: skip


@dataclass
class Tenant:
    """A registered tenant as its client sees the agent, and what was made for it."""

    agent: AgentProcess
    id: str
    secret: str
    known: dict[str, str] = field(default_factory=dict)

    def send(self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None) -> httpx.Response:
        with self.agent.client(auth=(self.id, self.secret)) as client:
            return client.request(method, path, json=body, headers={**USER, **(headers or {})})

    def rpc(self, method: str, params: Any, session: str | None = None) -> httpx.Response:
        headers = {"Mcp-Session-Id": session} if session else {}
        return self.send("POST", MCP_PATH, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}, headers)

    def tool(self, name: str, arguments: dict[str, Any]) -> Any:
        result = self.rpc("tools/call", {"name": name, "arguments": arguments}).json()["result"]
        assert "isError" not in result, result
        return json.loads(result["content"][0]["text"])

    def check(self, statement: str) -> Any:
        return self.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": statement})

    def as_person(self, method: str, path: str, body: Any) -> httpx.Response:
        challenge = self.send(method, path, body).json()["challenge"]
        return self.send(method, path, body, {PRESENCE_HEADER: Governed(self.agent).proof(challenge)})


@pytest.fixture(scope="module")
def tenants(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tenant, Tenant]]:
    """Give a tenant that has one of everything, and one that has registered only."""
    folder = tmp_path_factory.mktemp("agent")
    starter = AgentStarter(folder)
    agent = starter(home=home_with_policies(folder / "home"), environ={"AXONFLOW_AGENT_TEAM_MODE": "1"})
    made = []
    with agent.client(auth=None) as client:
        for _ in range(2):
            found = client.post("/api/v1/register").json()
            made.append(Tenant(agent, found["tenant_id"], found["secret"]))
    _furnish(made[0])
    yield made[0], made[1]
    starter.stop_all()


def _furnish(one: Tenant) -> None:
    one.known["override"] = one.as_person("POST", "/api/v1/overrides", override_of("halt")).json()["id"]
    one.known["question"] = one.send("POST", "/api/v1/overrides", override_of("cease")).json()["challenge"]["code"]
    one.known["static"] = one.send("POST", "/api/v1/static-policies", PATTERN).json()["id"]
    one.known["dynamic"] = one.send("POST", "/api/v1/dynamic-policies", RULE).json()["policy"]["id"]
    held = one.check("permit this")
    one.known["decision"], one.known["approval"] = held["decision_id"], held["approval_id"]
    approval = f"/api/v1/hitl/queue/{held['approval_id']}/approve"
    assert one.as_person("POST", approval, {}).status_code == 200
    one.known["audit"] = one.send("GET", f"/api/v1/audit/tenant/{one.id}").json()[0]["id"]
    opened = one.rpc("initialize", {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "x"}})
    one.known["session"] = opened.headers["mcp-session-id"]


WITH_AN_ID: Final = [
    ("GET", "/api/v1/decisions/{decision}/explain", None),
    ("GET", "/api/v1/audit/{audit}", None),
    ("GET", "/api/v1/overrides/{override}", None),
    ("DELETE", "/api/v1/overrides/{override}", None),
    ("GET", "/api/v1/hitl/queue/{approval}", None),
    ("POST", "/api/v1/hitl/queue/{approval}/approve", {}),
    ("POST", "/api/v1/hitl/queue/{approval}/reject", {}),
    ("POST", "/api/v1/static-policies/{static}/override", {"action_override": "log", "override_reason": "x"}),
    ("DELETE", "/api/v1/static-policies/{static}/override", None),
    ("GET", "/api/v1/static-policies/{static}", None),
    ("GET", "/api/v1/static-policies/{static}/versions", None),
    ("PUT", "/api/v1/static-policies/{static}", {"action": "log"}),
    ("PATCH", "/api/v1/static-policies/{static}", {"enabled": False}),
    ("DELETE", "/api/v1/static-policies/{static}", None),
    ("GET", "/api/v1/dynamic-policies/{dynamic}", None),
    ("PUT", "/api/v1/dynamic-policies/{dynamic}", {"enabled": False}),
    ("DELETE", "/api/v1/dynamic-policies/{dynamic}", None),
    ("GET", "/api/v1/policies/{dynamic}/versions", None),
    ("POST", "/api/v1/policies/{dynamic}/test", {"query": "rule-word"}),
    ("DELETE", "/api/v1/presence/challenges/{question}", None),
]
ELSEWHERE: Final = {
    ("GET", "/api/v1/audit/tenant/{}"),
    ("POST", "/api/v1/presence/challenges/{}/confirm"),
    ("DELETE", "/api/v1/agent/clients/{}"),
}
"""Those that have a test of their own below, or are for the local user only."""


def test_the_table_has_every_route_with_an_id() -> None:
    routes = {(one.method, re.sub(r"\{\w+\}", "{}", one.path)) for one in ENDPOINTS if "{" in one.path}
    assert {(method, re.sub(r"\{\w+\}", "{}", path)) for method, path, _ in WITH_AN_ID} == routes - ELSEWHERE


@pytest.mark.parametrize(("method", "path", "body"), WITH_AN_ID)
def test_what_has_an_id_is_not_there_for_the_other(
    tenants: tuple[Tenant, Tenant], method: str, path: str, body: Any
) -> None:
    one, other = tenants
    reply = other.send(method, path.format(**one.known), body)
    assert reply.status_code == 404, reply.text


@pytest.mark.parametrize(
    ("path", "mine"),
    [
        ("/api/v1/decisions", "decision"),
        ("/api/v1/overrides", "override"),
        ("/api/v1/hitl/queue", "approval"),
        ("/api/v1/static-policies?limit=500", "static"),
        ("/api/v1/dynamic-policies?limit=500", "dynamic"),
        ("/api/v1/presence/challenges", "question"),
        ("/api/v1/audit/export?format=json&start_time=2020-01-01T00:00:00Z", "override"),
    ],
)
def test_lists_are_each_tenants_own(tenants: tuple[Tenant, Tenant], path: str, mine: str) -> None:
    one, other = tenants
    assert one.known[mine] in one.send("GET", path).text
    reply = other.send("GET", path)
    assert reply.status_code == 200
    assert not [name for name, value in one.known.items() if value in reply.text]


def test_the_audit_trail_of_the_other_is_refused(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    assert other.send("GET", f"/api/v1/audit/tenant/{one.id}").status_code in {403, 404}
    found = other.send("POST", "/api/v1/audit/search", {"decision_id": one.known["decision"]})
    assert found.json()["entries"] == []
    entries = str(other.tool("search_audit_events", {"limit": 100})["entries"])
    assert other.id in entries
    assert not [name for name, value in {**one.known, "tenant": one.id}.items() if value in entries]


def test_overrides_and_approvals_are_used_by_their_tenant_only(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    assert [tenant.check("halt it")["allowed"] for tenant in (other, one)] == [False, True]
    assert [tenant.check("permit this")["allowed"] for tenant in (other, one)] == [False, True]


def test_policies_hold_for_their_tenant_only(tenants: tuple[Tenant, Tenant]) -> None:
    for statement in ("say own-word", "say rule-word"):
        assert [tenant.check(statement)["allowed"] for tenant in tenants] == [False, True]


def test_a_question_of_the_other_cannot_be_answered(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    (challenge,) = one.send("GET", "/api/v1/presence/challenges").json()["challenges"]
    header = {PRESENCE_HEADER: Governed(one.agent).proof(challenge)}
    path = f"/api/v1/presence/challenges/{challenge['code']}/confirm"
    assert other.send("POST", path, {}, header).status_code == 404
    assert one.send("GET", "/api/v1/presence/challenges").json()["count"] == 1


def test_what_counts_as_private_elsewhere_is_no_secret_kept_from_a_tenant(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    private = {"name": "Ours", "pattern": "wombat-[0-9]+", "category": "pii-custom", "action": "redact"}
    with one.agent.client() as local:
        assert local.post("/api/v1/static-policies", json=private).status_code == 201
    assert one.send("POST", "/api/v1/static-policies", {**private, "pattern": "numbat-[0-9]+"}).status_code == 201
    named = [{**PATTERN, "name": name} for name in ("wombat-7", "numbat-7")]
    assert [other.send("POST", "/api/v1/static-policies", body).status_code for body in named] == [201, 201]
    assert [one.send("POST", "/api/v1/static-policies", body).status_code for body in named] == [201, 400]


def test_the_local_users_clients_are_no_tenants_business(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    with one.agent.client() as local:
        assert local.post("/api/v1/agent/clients", json={"name": "ci"}).status_code == 201
    assert other.send("DELETE", "/api/v1/agent/clients/ci").status_code in {403, 404}
    with one.agent.client() as local:
        assert local.delete("/api/v1/agent/clients/ci").status_code < 300


def test_the_same_idempotency_key_is_two(tenants: tuple[Tenant, Tenant]) -> None:
    body = {"stage": "tool", "query": "ls", "target": {"type": "tool", "tool": "x"}}
    replies = [tenant.send("POST", "/api/v1/decide", body, {"Idempotency-Key": "k-1"}) for tenant in tenants]
    assert [reply.status_code for reply in replies] == [200, 200]
    assert replies[0].json()["decision_id"] != replies[1].json()["decision_id"]
    assert "idempotent-replayed" not in replies[1].headers


def test_an_mcp_session_is_its_clients_own(tenants: tuple[Tenant, Tenant]) -> None:
    one, other = tenants
    session = one.known["session"]
    assert other.rpc("ping", {}, session).status_code == 403
    other.send("DELETE", MCP_PATH, None, {"Mcp-Session-Id": session})
    assert one.rpc("ping", {}, session).status_code == 200
