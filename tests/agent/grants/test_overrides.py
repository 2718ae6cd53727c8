"""Session overrides over REST (wire 1.8), and what they do to verdicts, against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.agent.grants.overrides import Lifetime, lifetime
from axonflow_hooks.wire.mcp_tools import PolicyVerdict
from tests.agent.grants.conftest import details, new_word, override_of

if TYPE_CHECKING:
    from tests.agent.grants.conftest import Governed

AWS_KEY = "AKIA" + "ABCDEFGHIJKLMNOP"


@pytest.fixture
def user() -> dict[str, str]:
    """The headers of a developer that nobody else is."""
    return {"X-User-Email": f"{new_word()}@example.com"}


@pytest.mark.parametrize(
    ("requested", "expected"),
    [
        (None, Lifetime(3600)),
        (0, Lifetime(3600)),
        (60, Lifetime(60)),
        (86400, Lifetime(86400)),
        (59, Lifetime(60, 59, "below_minimum")),
        (-5, Lifetime(60, -5, "below_minimum")),
        (86401, Lifetime(86400, 86401, "exceeds_hard_cap")),
    ],
)
def test_the_time_is_clamped(requested: int | None, expected: Lifetime) -> None:
    assert lifetime(requested) == expected


def test_a_block_says_that_an_override_would_lift_it(governed: Governed, user: dict[str, str]) -> None:
    verdict = governed.check("halt", headers=user)
    assert (verdict["allowed"], verdict["override_available"], verdict["blocked_by"]) == (False, True, "halt")
    assert PolicyVerdict.model_validate(verdict).override_available is True


@pytest.mark.parametrize("statement", ["never", "halt never", "halt; permit"])
def test_no_override_is_offered_where_none_would_help(governed: Governed, user: dict[str, str], statement: str) -> None:
    assert governed.check(statement, headers=user)["override_available"] is False


def test_an_override_lets_the_call_pass_and_its_use_is_audited(governed: Governed, user: dict[str, str]) -> None:
    made = governed.lift("cease", headers=user, ttl_seconds=120)
    verdict = governed.check("cease now", headers=user)
    assert (verdict["allowed"], verdict["override_existing_id"]) == (True, made["id"])
    assert "block_reason" not in verdict
    used = [row for row in governed.audited("override_used") if row["override_id"] == made["id"]]
    assert [(row["decision_id"], row["policy_decision"]) for row in used] == [(verdict["decision_id"], None)]
    (decided,) = governed.sql("SELECT * FROM decisions WHERE decision_id = ?", verdict["decision_id"])
    assert (decided["decision"], decided["action"], decided["override_id"]) == ("allowed", "none", made["id"])


def test_the_answer_to_a_creation(governed: Governed, user: dict[str, str]) -> None:
    made = governed.lift("cease", headers=user, ttl_seconds=7, tool_signature="claude_code.Bash")
    assert (made["policy_id"], made["policy_type"], made["ttl_seconds"]) == ("cease", "static", 60)
    assert (made["requested_ttl"], made["clamped"], made["clamped_reason"]) == (7, True, "below_minimum")
    (row,) = [row for row in governed.audited("override_created") if row["override_id"] == made["id"]]
    assert details(row)["override_reason"] == "the user said so"
    assert row["user_email"] == user["X-User-Email"]


def test_an_override_is_for_one_user_and_one_policy(governed: Governed, user: dict[str, str]) -> None:
    governed.lift(headers=user)
    assert governed.check("halt", headers=user)["allowed"] is True
    assert governed.check("halt", headers={"X-User-Email": "somebody@else.example"})["allowed"] is False
    assert governed.check("halt")["allowed"] is False
    assert governed.check("cease", headers=user)["allowed"] is False


def test_the_other_blockers_still_block(governed: Governed, user: dict[str, str]) -> None:
    made = governed.lift(headers=user)
    verdict = governed.check("halt cease", headers=user)
    assert (verdict["allowed"], verdict["blocked_by"]) == (False, "cease")
    assert (verdict["override_existing_id"], verdict["override_available"]) == (made["id"], True)
    assert not [row for row in governed.audited("override_used") if row["override_id"] == made["id"]]


def test_an_override_may_be_for_one_tool(governed: Governed, user: dict[str, str]) -> None:
    governed.lift(headers=user, tool_signature="claude_code.Bash")
    assert governed.check("halt", headers=user)["allowed"] is True
    assert governed.check("halt", headers=user, tool="claude_code.Write")["allowed"] is False


def test_what_is_found_besides_is_still_masked(governed: Governed, user: dict[str, str]) -> None:
    governed.lift(headers=user)
    arguments = {"connector_type": "claude_code.Bash", "message": "halt 536-90-4399"}
    verdict = governed.process.tool("check_output", arguments, headers=user)
    assert (verdict["allowed"], verdict["redacted_message"]) == (True, "halt [REDACTED:ssn#1]")


def test_a_revoked_override_is_over_at_once(governed: Governed, user: dict[str, str]) -> None:
    made = governed.lift(headers=user)
    assert governed.check("halt", headers=user)["allowed"] is True
    reply = governed.send("DELETE", f"/api/v1/overrides/{made['id']}", headers=user)
    assert (reply.status_code, reply.json()["id"]) == (200, made["id"])
    assert governed.check("halt", headers=user)["allowed"] is False
    assert governed.send("DELETE", f"/api/v1/overrides/{made['id']}", headers=user).status_code == 404
    (row,) = [row for row in governed.audited("override_revoked") if row["override_id"] == made["id"]]
    assert details(row)["revoked_by"] == user["X-User-Email"]


def test_an_override_ends_by_its_row(governed: Governed, user: dict[str, str]) -> None:
    made = governed.lift(headers=user)
    governed.sql("UPDATE overrides SET expires_at = created_at WHERE id = ?", made["id"])
    assert governed.check("halt", headers=user)["allowed"] is False
    assert governed.send("DELETE", f"/api/v1/overrides/{made['id']}").status_code == 404


@pytest.mark.parametrize(
    ("asked", "told", "given"),
    [(10**30, 2**31 - 1, 86_400), (-(10**30), 1 - 2**31, 60), (5, 5, 60)],
    ids=["huge", "minus huge", "short"],
)
def test_no_wish_is_too_large_to_be_told(
    governed: Governed, user: dict[str, str], asked: int, told: int, given: int
) -> None:
    made = governed.lift(headers=user, ttl_seconds=asked)
    assert (made["requested_ttl"], made["ttl_seconds"], made["clamped"]) == (told, given, True)


def test_overrides_are_listed(governed: Governed, user: dict[str, str]) -> None:
    first, second = governed.lift(headers=user), governed.lift("cease", headers=user)
    governed.send("DELETE", f"/api/v1/overrides/{first['id']}")

    def listed(query: str = "") -> list[str]:
        body = governed.send("GET", f"/api/v1/overrides{query}").json()
        assert body["count"] == len(body["overrides"])
        return [row["id"] for row in body["overrides"] if row["created_by"] == user["X-User-Email"]]

    assert listed() == [second["id"]]
    assert listed("?include_revoked=true") == [second["id"], first["id"]]
    assert listed("?include_revoked=true&policy_id=halt") == [first["id"]]
    one = governed.send("GET", f"/api/v1/overrides/{first['id']}").json()
    assert (one["revoked_by"], one["action_override"], one["tenant_id"]) == ("client:local", "allow", "default")
    assert governed.send("GET", "/api/v1/overrides/ovr_none").status_code == 404


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"policy_type": "static"}, 400, "policy_id, policy_type and override_reason are required"),
        (override_of("halt", override_reason=" "), 400, "override_reason must have 1 to 500 characters"),
        (override_of("halt", override_reason="x" * 501), 400, "override_reason must have 1 to 500 characters"),
        (override_of("halt", policy_type="other"), 400, "policy_type: Input should be 'static' or 'dynamic'"),
        (override_of("halt", ttl_seconds="60"), 400, "ttl_seconds: Input should be a valid integer"),
        (override_of("nothing"), 404, "Policy not found"),
        (override_of("never"), 403, "never is of critical risk: no override lifts it"),
        (override_of("sys_dangerous_destructive_fs"), 403, "of critical risk: no override lifts it"),
        (override_of("permit"), 403, "permit asks a person about each call: approve the call instead"),
        (override_of("murmur"), 403, "murmur does not block anything: there is nothing to lift"),
    ],
)
def test_what_is_refused(governed: Governed, body: dict[str, Any], status: int, message: str) -> None:
    before = len(governed.questions())
    reply = governed.send("POST", "/api/v1/overrides", body)
    assert reply.status_code == status
    assert message in reply.json()["error"]
    assert "challenge" not in reply.json()
    assert len(governed.questions()) == before


def test_a_secret_in_the_reason_is_not_kept(governed: Governed, user: dict[str, str]) -> None:
    made = governed.lift(headers=user, override_reason=f"the key {AWS_KEY} has to be rotated")
    (row,) = governed.sql("SELECT override_reason FROM overrides WHERE id = ?", made["id"])
    assert row["override_reason"] == "the key [REDACTED:aws_access_key#1] has to be rotated"
    assert AWS_KEY.encode() not in governed.process.database_bytes()


def test_a_dynamic_policy_is_lifted_too(governed: Governed, user: dict[str, str]) -> None:
    says = {
        "name": "No zebras",
        "type": "content",
        "category": "dynamic-security",
        "conditions": [{"field": "query", "operator": "contains", "value": "zebra"}],
        "actions": [{"type": "block", "config": {}}],
        "priority": 500,
        "enabled": True,
    }
    assert governed.send("POST", "/api/v1/dynamic-policies", says).status_code == 201
    blocked = governed.check("zebra", headers=user)
    assert (blocked["allowed"], blocked["override_available"]) == (False, True)
    made = governed.lift(blocked["blocked_by"], headers=user, policy_type="dynamic")
    assert made["policy_type"] == "dynamic"
    assert governed.check("zebra", headers=user)["override_existing_id"] == made["id"]


def test_the_tenants_own_static_policy_is_lifted_too(governed: Governed, user: dict[str, str]) -> None:
    says = {
        "name": "No okapis",
        "pattern": "okapi",
        "category": "security-dangerous",
        "action": "block",
        "severity": "high",
    }
    reply = governed.send("POST", "/api/v1/static-policies", says)
    assert reply.status_code == 201, reply.text
    blocked = governed.check("okapi", headers=user)
    made = governed.lift(blocked["blocked_by"], headers=user)
    assert governed.check("okapi", headers=user)["override_existing_id"] == made["id"]
    # By the policy's UUID as well, and as the contract's clients name the type (wire 1.8).
    again = governed.lift(reply.json()["id"], headers=user, policy_type="dynamic", override_reason="by its id")
    assert (again["policy_id"], again["policy_type"]) == (blocked["blocked_by"], "static")


def test_a_client_that_was_added_does_not_use_a_developers_override_by_naming_them(governed: Governed) -> None:
    named = {"X-User-Email": "named@corp.example"}
    governed.lift("cease", headers=named)
    added = governed.send("POST", "/api/v1/agent/clients", {"name": "build-machine"}).json()
    body = {"connector_type": "claude_code.Bash", "statement": "cease it"}
    with governed.process.client(auth=(added["client_id"], added["client_secret"])) as client:
        other = client.post("/api/v1/mcp/check-input", json=body, headers=named)
    with governed.process.client() as client:
        own = client.post("/api/v1/mcp/check-input", json=body, headers=named)
    assert (other.status_code, other.json()["allowed"]) == (403, False)
    assert (own.status_code, own.json()["allowed"]) == (200, True)
