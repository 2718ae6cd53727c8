"""Whatever a caller writes into whichever field of whichever route: no secret and no personal data gets to the disk.

The routes come from the registry and the tools from theirs, so that a new one is tried without anybody thinking of it.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import pytest

from axonflow_hooks.agent.mcp.registry import TOOLS
from axonflow_hooks.agent.registration.tenants import RECOVER_PATH, REGISTER_PATH, VERIFY_PATH
from axonflow_hooks.agent.rest.registry import ENDPOINTS
from tests.agent.conftest import AgentStarter
from tests.agent.grants.conftest import home_with_policies, override_of
from tests.agent.poison import Poison

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    import httpx

    from axonflow_hooks.agent.rest.endpoint import Endpoint
    from tests.agent.conftest import AgentProcess

DEVELOPER: Final = "dev@corp.example"
NOT_UNDERSTOOD: Final = frozenset({400, 405, 415, 422})

# Fields that a route must understand before it does anything; None leaves one out. All others are poisoned.
GIVEN: Final[Mapping[str, Any]] = {
    "user_token": None,
    "content_type": "text/plain",
    "start_time": "2026-01-01T00:00:00Z",
    "end_time": "2026-01-15T00:00:00Z",
    "since": "2026-01-01T00:00:00Z",
    "from": "2026-01-01T00:00:00Z",
    "to": "2036-01-01T00:00:00Z",
    "expires_at": "2036-01-01T00:00:00Z",
    "expires_in_seconds": 600,
    "ttl_seconds": 600,
    "tier": "tenant",
    "action_override": "block",
    "enabled_override": True,
    "action": "log",
    "decision": "blocked",
    "gateway_id": "gateway-1",
    "fulfillment_capabilities": ["redact_pii"],
}
BY_ROUTE: Final[Mapping[str, Mapping[str, Any]]] = {
    "GET /api/v1/audit/export": {"format": "csv"},
    "POST /api/v1/overrides": {"policy_id": "halt"},
    "POST /api/v1/agent/clients": {"name": "laptop-1"},
    "POST /api/v1/static-policies": {"category": "custom"},
    "tool create_override": {"policy_id": "halt"},
    "tool check_policy": {"operation": "execute"},
    "POST /api/v1/mcp/check-input": {"operation": "execute"},
}
NUMBERS: Final = {"limit": "5", "offset": "0", "page": "1", "page_size": "5"}


@dataclass
class Callers:
    """An agent, everything that was sent to it, and what it answered."""

    process: AgentProcess
    poison: Poison = field(default_factory=Poison)
    statuses: dict[str, set[int]] = field(default_factory=dict)
    known: dict[str, str] = field(default_factory=dict)

    def headers(self, place: str) -> dict[str, str]:
        """Give headers with poison in them; the e-mail address of the developer is one that may stay."""
        texts = {
            name: self.poison.text(f"{place} header {name}", "aws", "token", "card", "ssn", limit=180)
            for name in ("X-User-Email", "User-Agent", "X-Axonflow-Approval-Id", "X-Axonflow-Presence", "Referer")
        }
        for name in ("X-Session-Id", "X-Axonflow-Client", "traceparent", "X-Request-Id", "X-Correlation-Id"):
            texts[name] = self.poison.text(f"{place} header {name}", limit=180)
        return {**texts, "Idempotency-Key": self.poison.bare(f"{place} header Idempotency-Key", "aws")}

    def send(self, name: str, method: str, path: str, **options: Any) -> httpx.Response:
        with self.process.client() as client:
            reply = client.request(method, path, **options)
        self.statuses.setdefault(name, set()).add(reply.status_code)
        return reply

    def everything(self, endpoint: Endpoint, number: int) -> None:
        """Call a route as it wants to be called, then with poison where it wants to understand."""
        name = f"{endpoint.method} {endpoint.path}"
        place = f"{name} #{number}"
        given = {**GIVEN, **POLICY_PARTS, **BY_ROUTE.get(name, {})}
        if endpoint.path == "/api/v1/decide":
            keys = ("X-AI-Agent", "X-Session-Id", "X-Leader-Identity")
            given["context"] = {key: self.poison.text(f"{place} context {key}") for key in keys}
        path = endpoint.path.replace("{policy_id}/override", "halt/override")
        for variable in (
            "policy_id",
            "override_id",
            "request_id",
            "audit_id",
            "decision_id",
            "code",
            "tenant",
            "client_id",
        ):
            path = path.replace(f"{{{variable}}}", self.known.get(variable, "unknown"))
        options: dict[str, Any] = {}
        if endpoint.body is not None:
            schema = endpoint.body.model_json_schema()
            options["json"] = self.poison.value(schema, f"{place} body", given, schema)
        if endpoint.query is not None:
            schema = endpoint.query.model_json_schema()
            asked = self.poison.value(schema, f"{place} query", {**given, **NUMBERS}, schema)
            options["params"] = {key: _query_text(value) for key, value in asked.items()}
        self.send(name, endpoint.method, path, headers=self.headers(place), **options)
        if "polic" in name and endpoint.body is not None:
            schema = endpoint.body.model_json_schema()
            options["json"] = self.poison.value(schema, f"{place} body", {**given, **CLEAN}, schema)
        headers = {"X-User-Email": DEVELOPER, "X-Axonflow-Presence": f"{self.known['code']}:AAAA"}
        self.send(name, endpoint.method, path, headers=headers, **options)

    def nonsense(self, endpoint: Endpoint) -> None:
        """Call a route with poison also in what it has to understand: path, query, body, content type."""
        name = f"nonsense {endpoint.method} {endpoint.path}"
        path = endpoint.path
        for part in endpoint.path.split("/"):
            if part.startswith("{"):
                path = path.replace(part, self.poison.text(f"{name} {part}", limit=190))
        query = {self.poison.text(f"{name} query key"): self.poison.text(f"{name} query value")}
        if endpoint.query is not None:
            query |= {key: self.poison.text(f"{name} {key}") for key in endpoint.query.model_fields}
        options: dict[str, Any] = {}
        if endpoint.body is not None:
            schema = endpoint.body.model_json_schema()
            options["json"] = self.poison.value(schema, f"{name} body", {}, schema)
        self.send(name, endpoint.method, path, params=query, headers=self.headers(name), **options)
        if endpoint.body is not None:
            raw = self.poison.text(f"{name} raw").encode()
            self.send(name, endpoint.method, path, content=raw, headers={"Content-Type": "application/json"})
            self.send(name, endpoint.method, path, content=raw, headers={"Content-Type": raw.decode()[:100]})

    def tool(self, name: str) -> None:
        schema: Any = TOOLS[name].input_schema
        place = f"tool {name}"
        arguments = self.poison.value(schema, place, {**GIVEN, **BY_ROUTE.get(place, {})}, schema)
        headers = {**self.headers(place), "Content-Type": "application/json"}
        with ThreadPoolExecutor(1) as pool:
            under_way = pool.submit(
                self.process.rpc, "tools/call", {"name": name, "arguments": arguments}, headers=headers
            )
            while wait([under_way], 0.05).not_done:
                self.say_no()  # create_override waits for a person
            reply = under_way.result()
        assert "result" in reply.json(), reply.text
        self.statuses.setdefault(place, set()).add(reply.status_code)

    def say_no(self) -> None:
        """Answer the questions that wait for a person."""
        for question in self.send("-", "GET", "/api/v1/presence/challenges").json()["challenges"]:
            self.send("-", "DELETE", f"/api/v1/presence/challenges/{question['code']}")

    def protocol(self) -> None:
        """Call the MCP methods with poison in the parameters."""
        place = "mcp"
        info = {"name": self.poison.text(place), "version": self.poison.text(place), "title": self.poison.text(place)}
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
        self.process.rpc("initialize", params, headers=self.headers(place))
        for method in ("tools/list", "ping", "resources/list", "server/discover", self.poison.text(place)):
            self.process.rpc(method, {"cursor": self.poison.text(place), "name": self.poison.text(place)})
        self.process.rpc("tools/call", {"name": self.poison.text(place), "arguments": {"a": self.poison.text(place)}})

    def registrations(self) -> None:
        """Register a tenant and ask for what needs no credential, with poison in every text."""
        label, email = self.poison.text("register label", limit=255), self.poison.bare("register email", "email")
        unknown = self.poison.bare("recover email", "email")
        with self.process.client(auth=None) as client:
            made = client.post(REGISTER_PATH, json={"label": label, "email": email})
            asked = client.post(RECOVER_PATH, json={"email": unknown}, headers=self.headers("recover"))
            tried = client.post(VERIFY_PATH, json={"token": self.poison.text("verify token")})
            shown = client.get(VERIFY_PATH, params={"token": self.poison.text("verify page")})
        assert (made.status_code, asked.status_code, tried.status_code, shown.status_code) == (201, 202, 401, 400)


POLICY_PARTS: Final[Mapping[str, Any]] = {
    "category": None,
    "conditions": [{"field": "query", "operator": "contains", "value": "something"}],
    "actions": [{"type": "log", "config": {"message": "noted"}}],
    "pattern": "something",
}


CLEAN: Final[Mapping[str, Any]] = {"name": "mine", "description": "", "tags": ["one"], "organization_id": None}
"""The texts of a policy that is accepted: one with a secret in it is refused."""


def _query_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)


@pytest.fixture(scope="module")
def called(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callers]:
    """Call everything, end the agent, and give what there is to know."""
    folder = tmp_path_factory.mktemp("agent")
    starter = AgentStarter(folder)
    process = starter(home=home_with_policies(folder / "home"), environ={"AXONFLOW_AGENT_TEAM_MODE": "1"})
    assert process.endpoint, process.stderr
    callers = Callers(process)
    _prepare(callers)
    harmless = [endpoint for endpoint in ENDPOINTS if endpoint.method != "DELETE"]
    for number, endpoint in enumerate((*harmless, *(e for e in ENDPOINTS if e.method == "DELETE"))):
        callers.everything(endpoint, number)
        callers.nonsense(endpoint)
    for name in TOOLS:
        callers.tool(name)
    callers.protocol()
    callers.registrations()
    process.stop()
    yield callers
    starter.stop_all()


def _prepare(callers: Callers) -> None:
    """Make one of each thing that routes name in their path."""
    static = {"name": "mine", "pattern": "something", "category": "custom"}
    callers.known["policy_id"] = callers.send("-", "POST", "/api/v1/static-policies", json=static).json()["id"]
    held = callers.process.tool("check_policy", {"connector_type": "claude_code.Bash", "statement": "permit it"})
    callers.known["request_id"] = held["approval_id"]
    callers.known["decision_id"] = held["decision_id"]
    callers.known["tenant"] = "default"
    asked = callers.send("-", "POST", "/api/v1/overrides", json=override_of("halt")).json()
    callers.known["code"] = asked["challenge"]["code"]
    found = callers.send("-", "GET", "/api/v1/audit/tenant/default").json()
    callers.known["audit_id"] = found[0]["id"]


def test_every_route_has_understood_a_request(called: Callers) -> None:
    names = {f"{endpoint.method} {endpoint.path}" for endpoint in ENDPOINTS}
    assert not [name for name in sorted(names) if called.statuses[name] <= NOT_UNDERSTOOD]


def test_no_request_was_too_much(called: Callers) -> None:
    assert not {name: found for name, found in called.statuses.items() if any(status >= 500 for status in found)}


def test_no_poisoned_value_lies_on_the_disk(called: Callers) -> None:
    stored = {path.name: path.read_bytes() for path in called.process.home.rglob("*") if path.is_file()}
    assert "agent.db" in stored
    left = [
        f"{place} in {name}"
        for value, place in called.poison.places.items()
        for name, content in stored.items()
        if value.encode() in content
    ]
    assert not left


def test_no_poisoned_value_stands_in_the_log(called: Callers) -> None:
    log = "\n".join(called.process.stderr)
    assert "listening on" in log
    assert not [place for value, place in called.poison.places.items() if value in log]
