"""Where a passphrase is set, no program takes away what a tenant's policies protect: a person is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.wire.presence import PRESENCE_HEADER
from tests.agent.grants.conftest import Governed

if TYPE_CHECKING:
    from tests.agent.conftest import AgentProcess

STATIC, DYNAMIC, POLICIES = "/api/v1/static-policies", "/api/v1/dynamic-policies", "/api/v1/policies"
PATTERN = {"name": "Prod", "pattern": "prod-db", "category": "custom", "severity": "high", "action": "block"}
RULE = {
    "name": "Tables", "category": "dynamic-access", "actions": [{"type": "block", "config": {}}],
    "conditions": [{"field": "query", "operator": "contains", "value": "customers"}],
}  # fmt: skip


def made(agent: Governed, kind: str, **fields: Any) -> str:
    """Write a policy, which needs nobody, and give its path."""
    path, body = (STATIC, PATTERN) if kind == "static" else (DYNAMIC, RULE)
    reply = agent.send("POST", path, {**body, **fields})
    assert reply.status_code == 201, reply.text
    found = reply.json()
    return f"{path}/{found['id'] if kind == 'static' else found['policy']['id']}"


def shown(agent: Governed, path: str) -> Any:
    reply = agent.send("GET", path)
    return reply.json() if reply.status_code == 200 else None


WEAKENINGS = [
    pytest.param("static", "DELETE", None, id="delete"),
    pytest.param("static", "PATCH", {"enabled": False}, id="switch off"),
    pytest.param("static", "PUT", {"action": "log"}, id="weaker"),
    pytest.param("static", "PUT", {"pattern": "nothing-at-all"}, id="pattern"),
    pytest.param("static", "PUT", {"severity": "low"}, id="severity"),
    pytest.param("dynamic", "DELETE", None, id="delete dynamic"),
    pytest.param("dynamic", "PUT", {"enabled": False}, id="switch off dynamic"),
    pytest.param("dynamic", "PUT", {"actions": [{"type": "log"}]}, id="weaker dynamic"),
    pytest.param(
        "dynamic", "PUT", {"conditions": [{"field": "query", "operator": "contains", "value": "no"}]}, id="conditions"
    ),
]


@pytest.mark.parametrize(("kind", "method", "body"), WEAKENINGS)
def test_weakening_needs_a_person(governed: Governed, kind: str, method: str, body: Any) -> None:
    path = made(governed, kind)
    before = shown(governed, path)
    refused = governed.send(method, path, body)
    assert (refused.status_code, shown(governed, path)) == (403, before)
    challenge = refused.json()["challenge"]
    wrong = {PRESENCE_HEADER: governed.proof(challenge, "another passphrase at all")}
    assert governed.send(method, path, body, wrong).status_code == 403
    assert shown(governed, path) == before
    done = governed.send(method, path, body, {PRESENCE_HEADER: governed.proof(challenge)})
    assert done.status_code in {200, 204}, done.text
    assert shown(governed, path) != before


@pytest.mark.parametrize(("kind", "method", "body"), WEAKENINGS[:2] + WEAKENINGS[5:7])
def test_a_question_is_answered_by_its_code(governed: Governed, kind: str, method: str, body: Any) -> None:
    path = made(governed, kind)
    before = shown(governed, path)
    challenge = governed.send(method, path, body).json()["challenge"]
    assert governed.confirm(challenge).status_code == 201
    assert shown(governed, path) != before


def test_a_yes_is_for_the_policy_as_it_was_shown(governed: Governed) -> None:
    path = made(governed, "static", severity="medium")
    challenge = governed.send("PUT", path, {"action": "log"}).json()["challenge"]
    assert "log instead of block" in challenge["question"]
    assert governed.send("PUT", path, {"severity": "critical"}).status_code == 200
    assert governed.confirm(challenge).status_code == 409
    assert shown(governed, path)["action"] == "block"


@pytest.mark.parametrize(
    ("kind", "method", "body"),
    [
        ("static", "PUT", {"severity": "critical"}),
        ("static", "PUT", {"name": "Production", "description": "d"}),
        ("dynamic", "PUT", {"description": "d"}),
    ],
    ids=["more severe", "other words", "other words dynamic"],
)
def test_what_takes_nothing_away_asks_nobody(governed: Governed, kind: str, method: str, body: Any) -> None:
    assert governed.send(method, made(governed, kind), body).status_code == 200


def test_a_policy_that_only_notes_goes_without_a_question(governed: Governed) -> None:
    assert governed.send("DELETE", made(governed, "static", action="log")).status_code == 204


def test_a_new_policy_that_lowers_the_risk_score_needs_a_person(governed: Governed) -> None:
    calm = {**RULE, "name": "Calm", "actions": [{"type": "modify_risk", "config": {"adjustment": -0.5}}]}
    assert governed.as_person("POST", DYNAMIC, calm).status_code == 201


def test_an_import_over_what_is_there_needs_a_person(governed: Governed) -> None:
    path = made(governed, "dynamic", name="Imported")
    new = {**RULE, "name": "With it"}
    weaker = {**RULE, "name": "Imported", "actions": [{"type": "log", "config": {}}]}
    body = {"policies": [new, weaker], "overwrite_mode": "overwrite"}
    refused = governed.send("POST", f"{POLICIES}/import", body)
    assert refused.status_code == 403
    names = [policy["name"] for policy in governed.send("GET", f"{DYNAMIC}?page_size=100").json()["policies"]]
    assert "With it" not in names, "all or none"
    proof = governed.proof(refused.json()["challenge"])
    done = governed.send("POST", f"{POLICIES}/import", body, {PRESENCE_HEADER: proof})
    assert (done.json()["created"], done.json()["updated"]) == (1, 1)
    assert shown(governed, path)["policy"]["actions"] == weaker["actions"]


def test_the_end_of_a_stronger_override_needs_a_person(governed: Governed) -> None:
    path = f"{STATIC}/sys_pii_email/override"
    body = {"action_override": "block", "override_reason": "no addresses"}
    assert governed.send("POST", path, body).status_code == 201
    assert governed.send("DELETE", path).status_code == 403
    assert shown(governed, f"{STATIC}/sys_pii_email")["action"] == "block"
    assert governed.as_person("DELETE", path, None).status_code == 204


def test_switching_off_what_shipped_off_needs_a_person(governed: Governed) -> None:
    path = f"{DYNAMIC}/sys_dyn_debug_restrict"
    assert governed.send("PUT", path, {"enabled": True}).status_code == 200
    assert governed.send("PUT", path, {"enabled": False}).status_code == 403
    assert governed.as_person("PUT", path, {"enabled": False}).status_code == 200
    assert shown(governed, path)["policy"]["enabled"] is False


@pytest.mark.parametrize(("kind", "method", "body"), WEAKENINGS)
def test_without_a_passphrase_the_credential_suffices(
    running_agent: AgentProcess, kind: str, method: str, body: Any
) -> None:
    agent = Governed(running_agent)
    assert agent.send(method, made(agent, kind), body).status_code in {200, 204}
