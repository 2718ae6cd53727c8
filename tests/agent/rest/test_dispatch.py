"""How a request becomes a response on every REST route, against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.envelopes import error_body
from axonflow_hooks.agent.rest.dispatch import routes
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestReply

if TYPE_CHECKING:
    from axonflow_hooks.agent.envelopes import Envelope
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent
    from tests.agent.conftest import AgentProcess

SEARCH = "/api/v1/audit/search"
JSON = {"Content-Type": "application/json"}


async def nothing(_agent: Agent, _call: RestCall) -> RestReply:
    return RestReply()


def test_two_endpoints_cannot_be_the_same() -> None:
    one = Endpoint("GET", "/x", nothing, "A route", "Tests")
    with pytest.raises(ValueError, match="two endpoints for GET /x"):
        routes([one, one])


@pytest.mark.parametrize(
    ("envelope", "status", "body"),
    [
        ("success", 400, {"success": False, "error": "why"}),
        ("success", 403, {"success": False, "error": "why", "allowed": False, "message": "why"}),
        ("status", 404, {"error": {"code": 404, "message": "why"}}),
        ("coded", 404, {"error": {"code": "NOT_FOUND", "message": "why"}}),
        ("coded", 418, {"error": {"code": "BAD_REQUEST", "message": "why"}}),
        ("decide", 503, {"error": "why", "verdict": "deny", "decision_id": "d"}),
    ],
)
def test_envelopes(envelope: Envelope, status: int, body: dict[str, Any]) -> None:
    assert error_body(envelope, status, "why", ids={"decision_id": "d"}) == body


def test_a_code_of_its_own() -> None:
    assert error_body("coded", 400, "why", code="INVALID_JSON") == {"error": {"code": "INVALID_JSON", "message": "why"}}
    assert error_body("success", 400, "why", code="LIMIT") == {"success": False, "error": "why", "code": "LIMIT"}


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"{}", JSON, 200),
        (b"", {}, 200),
        (b"{}", {"Content-Type": "application/json; charset=utf-8"}, 200),
        (b'{"session_id": null}', JSON, 200),
        (b"{}", {"Content-Type": "text/plain"}, 415),
        (b"{", JSON, 400),
        (b"\xff", JSON, 400),
        (b'{"a": NaN}', JSON, 400),
        (b"[" * 200, JSON, 400),
        (b"[]", JSON, 400),
        (b" " * 1_000_001, JSON, 413),
    ],
    ids=[
        "json", "nothing", "charset", "null", "text", "cut", "not utf-8", "no number", "deep", "array", "too large",
    ],
)  # fmt: skip
def test_bodies(running_agent: AgentProcess, content: bytes, headers: dict[str, str], status: int) -> None:
    with running_agent.client() as client:
        reply = client.post(SEARCH, content=content, headers=headers)
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/json"
    assert (status == 200) == ("success" not in reply.json())


def test_methods(running_agent: AgentProcess) -> None:
    with running_agent.client() as client:
        preflight = client.options("/api/v1/decide")
        head = client.head("/api/v1/decisions")
        wrong = client.delete("/api/v1/decisions")
    assert (preflight.status_code, preflight.headers["access-control-allow-methods"]) == (204, "POST, OPTIONS")
    assert (head.status_code, head.content) == (200, b"")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, OPTIONS")


@pytest.mark.parametrize("path", ["/api/v1/decisions/", "/api/v1/", "/", "/api/v1/audit/search/x/y"])
def test_a_path_that_is_not_served(running_agent: AgentProcess, path: str) -> None:
    with running_agent.client() as client:
        reply = client.get(path)
    assert (reply.status_code, reply.json()["success"]) == (404, False)


def test_a_refusal_names_the_field_and_not_its_value(running_agent: AgentProcess) -> None:
    with running_agent.client() as client:
        reply = client.post(SEARCH, json={"limit": "hush-hush"})
    assert reply.status_code == 400
    assert reply.json()["error"].startswith("limit: ")
    assert "hush" not in reply.text
