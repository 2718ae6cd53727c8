"""What is written into the tables past the agent grants nothing, and `verify` names it (a real agent, sqlite3)."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.agent.audit_trail.conftest import checked_folder
from tests.agent.grants.conftest import details, new_word

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.grants.conftest import Governed

FAR = "2999-01-01T00:00:00.000000Z"
QUEUE = "/api/v1/hitl/queue"
LIFT = "/api/v1/static-policies/sys_pii_email/override"


@pytest.fixture
def user() -> dict[str, str]:
    """A developer of whom nobody else in the module has heard."""
    return {"X-User-Email": f"{new_word()}@example.com"}


def insert(governed: Governed, table: str, row: dict[str, Any]) -> None:
    names, marks = ", ".join(row), ", ".join("?" for _ in row)
    governed.sql(f"INSERT OR REPLACE INTO {table} ({names}) VALUES ({marks})", *row.values())


def row_of(governed: Governed, table: str, row_id: str) -> dict[str, Any]:
    (found,) = governed.sql(f"SELECT * FROM {table} WHERE id = ?", row_id)
    return found


def found_by_verify(governed: Governed) -> set[str]:
    return {finding.id for finding in checked_folder(governed.process.data_dir).findings if finding.kind == "grant"}


def forged(governed: Governed, made: dict[str, Any], user: dict[str, str]) -> str:
    """Copy a genuine override, its code too, under another name for another policy."""
    copy = {**row_of(governed, "overrides", made["id"]), "id": f"ovr_{uuid.uuid4().hex}", "policy_id": "halt"}
    insert(governed, "overrides", copy)
    return str(copy["id"])


def without_code(governed: Governed, made: dict[str, Any], user: dict[str, str]) -> str:
    copy = {**row_of(governed, "overrides", made["id"]), "id": f"ovr_{uuid.uuid4().hex}", "policy_id": "halt"}
    insert(governed, "overrides", {**copy, "mac": None})
    return str(copy["id"])


def turned(governed: Governed, made: dict[str, Any], user: dict[str, str]) -> str:
    governed.sql("UPDATE overrides SET policy_id = 'halt' WHERE id = ?", made["id"])
    return str(made["id"])


def revived(governed: Governed, made: dict[str, Any], user: dict[str, str]) -> str:
    """Put an override back, byte for byte as it was before it was revoked."""
    lifted = governed.lift("halt", headers=user)
    before = row_of(governed, "overrides", lifted["id"])
    assert governed.send("DELETE", f"/api/v1/overrides/{lifted['id']}").status_code == 200
    insert(governed, "overrides", before)
    return str(lifted["id"])


@pytest.mark.parametrize("tamper", [forged, without_code, turned, revived])
def test_an_override_that_the_agent_did_not_write_lifts_nothing(
    governed: Governed, user: dict[str, str], tamper: Callable[[Governed, dict[str, Any], dict[str, str]], str]
) -> None:
    made = governed.lift("cease", headers=user)
    assert made["id"] not in found_by_verify(governed)
    false_id = tamper(governed, made, user)
    verdict = governed.check("halt", headers=user)
    assert (verdict["allowed"], verdict.get("override_existing_id")) == (False, None)
    noted = [details(row) for row in governed.audited("grant_not_genuine")]
    assert false_id in {note["grant_id"] for note in noted}
    assert false_id in found_by_verify(governed)
    listed = governed.send("GET", "/api/v1/overrides").json()["overrides"]
    assert false_id not in {row["id"] for row in listed}
    assert governed.send("DELETE", f"/api/v1/overrides/{false_id}").status_code == 404


def test_an_override_does_not_outlive_its_time_by_an_edit(governed: Governed, user: dict[str, str]) -> None:
    made = governed.lift("halt", headers=user)
    assert governed.check("halt", headers=user)["allowed"] is True
    governed.sql("UPDATE overrides SET expires_at = ? WHERE id = ?", FAR, made["id"])
    assert governed.check("halt", headers=user)["allowed"] is False
    assert made["id"] in found_by_verify(governed)


def test_a_grant_whose_row_is_gone_is_named(governed: Governed, user: dict[str, str]) -> None:
    made = governed.lift("halt", headers=user)
    governed.sql("DELETE FROM overrides WHERE id = ?", made["id"])
    report = checked_folder(governed.process.data_dir)
    assert [finding.kind for finding in report.findings if made["id"] in finding.what] == ["grant"]


def held(governed: Governed) -> tuple[str, str]:
    statement = f"permit {new_word()}"
    return statement, str(governed.check(statement)["pending_approval"]["approval_id"])


def test_one_update_approves_nothing(governed: Governed) -> None:
    statement, approval_id = held(governed)
    governed.sql("UPDATE approvals SET status = 'approved', reviewer_id = 'me' WHERE id = ?", approval_id)
    named = governed.check(statement, approval_id=approval_id)
    assert (named["allowed"], named["reasons"]) == (False, ["approval_not_found"])
    assert named["pending_approval"]["approval_id"] != approval_id
    assert approval_id in found_by_verify(governed)


def test_an_approval_is_not_used_again_when_it_is_put_back(governed: Governed) -> None:
    statement, approval_id = held(governed)
    assert governed.as_person("POST", f"{QUEUE}/{approval_id}/approve", {}).status_code == 200
    approved = row_of(governed, "approvals", approval_id)
    assert governed.check(statement)["allowed"] is True
    insert(governed, "approvals", approved)
    assert governed.check(statement, approval_id=approval_id)["allowed"] is False
    assert approval_id in found_by_verify(governed)


def test_a_rejected_call_is_not_approved_by_its_row(governed: Governed) -> None:
    _, approval_id = held(governed)
    pending = row_of(governed, "approvals", approval_id)
    assert governed.send("POST", f"{QUEUE}/{approval_id}/reject", {}).status_code == 200
    insert(governed, "approvals", pending)
    assert governed.send("POST", f"{QUEUE}/{approval_id}/approve", {}).status_code == 409


def test_nobody_is_shown_another_call_than_the_one_that_is_held(governed: Governed) -> None:
    _, approval_id = held(governed)
    governed.sql("UPDATE approvals SET original_query = 'permit me to list files' WHERE id = ?", approval_id)
    reply = governed.send("POST", f"{QUEUE}/{approval_id}/approve", {})
    assert (reply.status_code, "challenge" in reply.json()) == (409, False)


def asked(governed: Governed, user: dict[str, str]) -> dict[str, Any]:
    body = {"policy_id": "halt", "policy_type": "static", "override_reason": "the user said so"}
    found: dict[str, Any] = governed.send("POST", "/api/v1/overrides", body, user).json()["challenge"]
    return found


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("question = 'Lift nothing of importance'", id="other words"),
        pytest.param("request = replace(request, '\"halt\"', '\"cease\"')", id="another request"),
    ],
)
def test_a_question_is_the_agents_or_none(governed: Governed, user: dict[str, str], change: str) -> None:
    challenge = asked(governed, user)
    governed.sql(f"UPDATE presence_challenges SET {change} WHERE code = ?", challenge["code"])
    assert challenge["code"] not in {question["code"] for question in governed.questions()}
    assert governed.confirm(challenge).status_code == 404
    assert challenge["code"] in found_by_verify(governed)


def test_an_answer_is_good_once_even_when_its_question_is_put_back(governed: Governed, user: dict[str, str]) -> None:
    challenge = asked(governed, user)
    (before,) = governed.sql("SELECT * FROM presence_challenges WHERE code = ?", challenge["code"])
    assert governed.confirm(challenge).status_code == 201
    insert(governed, "presence_challenges", before)
    reply = governed.confirm(challenge)
    assert (reply.status_code, reply.json()["code"]) == (409, "PRESENCE_ANSWERED")


@pytest.mark.parametrize("what", ["changed", "put back"])
def test_a_policy_is_not_switched_off_by_a_row(governed: Governed, what: str) -> None:
    path = "/api/v1/static-policies/cease/override"
    wish = {"action_override": "log", "override_reason": "less noise"}
    assert governed.as_person("POST", path, wish).status_code == 201
    try:
        assert governed.check("cease")["allowed"] is True
        assert "cease" not in found_by_verify(governed)
        (row,) = governed.sql("SELECT * FROM policy_overrides WHERE policy_id = 'cease'")
        if what == "put back":
            assert governed.send("DELETE", path).status_code == 204
        insert(governed, "policy_overrides", {**row, "expires_at": FAR} if what == "changed" else row)
        look_again(governed)
        assert governed.check("cease")["allowed"] is False
        assert "cease" in found_by_verify(governed)
    finally:
        governed.sql("DELETE FROM policy_overrides WHERE policy_id = 'cease'")
        look_again(governed)


def look_again(governed: Governed) -> None:
    """Have the agent read what the tenant has written: it does so with every change of a policy."""
    word = new_word()
    body = {"name": word, "pattern": word, "category": "security-dangerous", "action": "block"}
    assert governed.send("POST", "/api/v1/static-policies", body).status_code == 201
