"""Overrides and switches of policies of the system (wire 1.11): what lifts protection needs a person."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.grants.presence_key import enrol
from axonflow_hooks.wire.presence import PRESENCE_HEADER, Challenge, client_key, proof_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.agent.conftest import AgentProcess

PATH = "/api/v1/static-policies"
PASSPHRASE = "correct horse battery staple"
WEAKER = {"action_override": "log", "override_reason": "the warnings are known"}


@pytest.fixture
def agent(start_agent: Callable[..., AgentProcess], tmp_path: Any) -> AgentProcess:
    data = tmp_path / "data"
    data.mkdir(mode=0o700)
    enrol(data, PASSPHRASE)
    return start_agent(data_dir=data)


def ask(agent: AgentProcess, method: str, path: str, **options: Any) -> httpx.Response:
    with agent.client() as client:
        return client.request(method, path, **options)


def answer(refusal: httpx.Response, passphrase: str = PASSPHRASE) -> dict[str, str]:
    """Give the header with which a person answers the question of a refusal."""
    challenge = Challenge.model_validate(refusal.json()["challenge"])
    return {PRESENCE_HEADER: proof_of(client_key(passphrase, challenge.cost), challenge)}


def action_on(agent: AgentProcess, statement: str) -> list[str]:
    found = agent.tool("check_policy", {"connector_type": "gateway", "statement": statement})
    return [match["action"] for match in found.get("policy_matches", [])]


def test_more_protection_needs_nobody(running_agent: AgentProcess) -> None:
    path = f"{PATH}/sys_pii_email/override"
    body = {"action_override": "block", "override_reason": "no addresses here"}
    made = ask(running_agent, "POST", path, json=body)
    assert made.status_code == 201
    assert made.json().keys() >= {"id", "policy_id", "action_override", "override_reason", "created_at"}
    assert action_on(running_agent, "mail joe@corp.io") == ["block"]
    assert ask(running_agent, "POST", path, json=body).status_code == 409
    listed = ask(running_agent, "GET", f"{PATH}/overrides").json()
    assert (listed["count"], listed["overrides"][0]) == (1, made.json())
    shown = ask(running_agent, "GET", f"{PATH}/sys_pii_email").json()
    assert (shown["has_override"], shown["action"], shown["override"]) == (True, "block", made.json())
    assert ask(running_agent, "DELETE", path).status_code == 204
    assert action_on(running_agent, "mail joe@corp.io") == ["log"]
    assert ask(running_agent, "DELETE", path).status_code == 404
    versions = ask(running_agent, "GET", f"{PATH}/sys_pii_email/versions").json()["versions"]
    assert [version["change_summary"] for version in versions] == ["override deleted", "override: action block"]


def test_less_protection_needs_a_person(agent: AgentProcess) -> None:
    path = f"{PATH}/sys_pii_email/override"
    ask(agent, "POST", path, json={"action_override": "block", "override_reason": "x"})
    ask(agent, "DELETE", path)
    path = f"{PATH}/sys_dangerous_path_traversal/override"
    statement = "cat ../../../../etc/passwd"
    blocked = action_on(agent, statement)
    assert "block" in blocked
    refused = ask(agent, "POST", path, json=WEAKER)
    assert refused.status_code == 403
    assert "override confirm" in refused.json()["error"]["message"]
    assert "sys_dangerous_path_traversal" in refused.json()["challenge"]["question"]
    wrong = ask(agent, "POST", path, json=WEAKER, headers=answer(refused, "some other passphrase"))
    assert wrong.status_code == 403
    other = ask(agent, "POST", path, json={**WEAKER, "override_reason": "another"}, headers=answer(refused))
    assert other.status_code == 403
    assert action_on(agent, statement) == blocked
    made = ask(agent, "POST", path, json=WEAKER, headers=answer(refused))
    assert made.status_code == 201, made.text
    assert action_on(agent, statement).count("block") == blocked.count("block") - 1
    entries = agent.tool("search_audit_events", {"limit": 100})["entries"]
    assert "policy_override_created" in [entry["request_type"] for entry in entries]


def test_a_question_can_be_answered_by_its_code(agent: AgentProcess) -> None:
    refused = ask(agent, "PATCH", f"{PATH}/sys_pii_email", json={"enabled": False})
    assert refused.status_code == 403
    code = refused.json()["challenge"]["code"]
    done = ask(agent, "POST", f"/api/v1/presence/challenges/{code}/confirm", headers=answer(refused))
    assert done.status_code == 201
    again = ask(agent, "PATCH", f"{PATH}/sys_pii_email", json={"enabled": False})
    assert (again.status_code, again.json()["enabled"]) == (200, False)
    assert action_on(agent, "mail joe@corp.io") == []
    assert "joe@corp.io" not in str(agent.tool("search_audit_events", {}))
    back = ask(agent, "PATCH", f"{PATH}/sys_pii_email", json={"enabled": True})
    assert (back.json()["enabled"], back.json()["has_override"]) == (True, False)
    assert action_on(agent, "mail joe@corp.io") == ["log"]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/sys_dangerous_reverse_shell/override", WEAKER),
        ("PATCH", "/sys_dangerous_reverse_shell", {"enabled": False}),
        ("POST", "/sys_pii_ssn/override", {"enabled_override": False, "override_reason": "x"}),
    ],
)
def test_critical_protection_cannot_be_lifted(running_agent: AgentProcess, method: str, path: str, body: Any) -> None:
    refused = ask(running_agent, method, PATH + path, json=body)
    assert refused.status_code == 403
    assert "critical" in refused.json()["error"]["message"]


def test_without_a_passphrase_nothing_is_lifted(running_agent: AgentProcess) -> None:
    refused = ask(running_agent, "PATCH", f"{PATH}/sys_pii_phone", json={"enabled": False})
    assert refused.status_code == 403
    assert "axonflow-hooks" in refused.json()["error"]["message"]
    assert ask(running_agent, "GET", f"{PATH}/sys_pii_phone").json()["enabled"] is True


def in_seconds(seconds: float) -> str:
    return (datetime.now(timezone.utc) + timedelta(seconds=seconds)).isoformat()


@pytest.mark.parametrize(
    ("policy", "body", "status", "message"),
    [
        ("sys_pii_dob", {"action_override": "block"}, 400, "override_reason is required"),
        ("sys_pii_dob", {"override_reason": "x"}, 400, "action_override or enabled_override"),
        ("sys_pii_dob", {"override_reason": "x", "action_override": "allow"}, 400, "action_override"),
        ("sys_pii_dob", {"override_reason": "x" * 501, "action_override": "block"}, 400, "override_reason"),
        ("sys_pii_dob", {"override_reason": " ", "action_override": "block"}, 400, "override_reason"),
        ("sys_pii_dob", {"override_reason": "x", "action_override": "block", "expires_at": "soon"}, 400, "RFC 3339"),
        (
            "sys_pii_dob",
            {"override_reason": "x", "action_override": "block", "expires_at": in_seconds(-5)},
            400,
            "over already",
        ),
        ("nobody", {"override_reason": "x", "action_override": "block"}, 404, "not found"),
    ],
)
def test_bad_overrides(running_agent: AgentProcess, policy: str, body: Any, status: int, message: str) -> None:
    response = ask(running_agent, "POST", f"{PATH}/{policy}/override", json=body)
    assert response.status_code == status
    assert message in response.json()["error"]["message"]


def test_a_policy_of_the_tenant_is_changed_and_not_overridden(running_agent: AgentProcess) -> None:
    body = {"name": "Own", "pattern": "gnu-cow", "category": "security-admin"}
    made = ask(running_agent, "POST", PATH, json=body).json()
    path = f"{PATH}/{made['id']}/override"
    response = ask(running_agent, "POST", path, json={"override_reason": "x", "action_override": "log"})
    assert response.status_code == 400
    assert ask(running_agent, "DELETE", path).status_code == 404


def test_an_override_that_has_ended_counts_no_more(running_agent: AgentProcess) -> None:
    path = f"{PATH}/sys_pii_booking_ref/override"
    end = in_seconds(3600)
    body = {"action_override": "block", "override_reason": "for an hour", "expires_at": end}
    made = ask(running_agent, "POST", path, json=body).json()
    assert made["expires_at"][:19] == end[:19]
    assert ask(running_agent, "DELETE", path).status_code == 204


def test_a_yes_that_comes_too_late_is_refused(agent: AgentProcess) -> None:
    path = f"{PATH}/sys_dangerous_path_traversal/override"
    refused = ask(agent, "POST", path, json=WEAKER)
    stricter = {"action_override": "block", "override_reason": "meanwhile"}
    assert ask(agent, "POST", path, json=stricter).status_code == 201
    code = refused.json()["challenge"]["code"]
    late = ask(agent, "POST", f"/api/v1/presence/challenges/{code}/confirm", headers=answer(refused))
    assert late.status_code == 409
    assert ask(agent, "GET", f"{PATH}/sys_dangerous_path_traversal").json()["action"] == "block"
