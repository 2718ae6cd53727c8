"""Overrides and approvals of one call together, against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.agent.grants.conftest import Governed

USER = {"X-User-Email": "both@example.com"}
STATEMENT = "halt; permit"


def test_an_override_lifts_the_block_and_an_approval_the_question(governed: Governed) -> None:
    blocked = governed.check(STATEMENT, headers=USER)
    assert (blocked["blocked_by"], "pending_approval" in blocked) == ("halt", False)
    override = governed.lift("halt", headers=USER)
    held = governed.check(STATEMENT, headers=USER)
    assert (held["allowed"], held["blocked_by"], held["override_existing_id"]) == (False, "permit", override["id"])
    assert governed.audited("override_used") == []
    approval_id = held["pending_approval"]["approval_id"]
    assert governed.as_person("POST", f"/api/v1/hitl/queue/{approval_id}/approve", {}).status_code == 200
    passed = governed.check(STATEMENT, headers=USER)
    assert (passed["allowed"], passed["override_existing_id"], passed["approval_id"]) == (
        True,
        override["id"],
        approval_id,
    )
    used = governed.audited("override_used", "approval_used")
    assert {row["decision_id"] for row in used} == {passed["decision_id"]}
    assert len(used) == 2


def test_what_was_lifted_is_told_as_such(governed: Governed) -> None:
    governed.lift("cease", headers=USER)
    verdict = governed.check("cease", headers=USER)
    explained = governed.process.tool("explain_decision", {"decision_id": verdict["decision_id"]}, headers=USER)
    (match,) = explained["policy_matches"]
    assert (match["action"], match["lifted_by"]) == ("block", verdict["override_existing_id"])
    assert explained["explanation"].startswith("The call was allowed because people granted it: `cease` in statement")
    assert (explained["decision"], explained["override_available"]) == ("allowed", False)
    assert "what_would_be_allowed" not in explained
    assert f"Override {match['lifted_by']} lifts cease name." in explained["reason"]


def test_an_override_made_since_is_told(governed: Governed) -> None:
    headers = {"X-User-Email": "since@example.com"}
    verdict = governed.check("halt", headers=headers)
    made = governed.lift("halt", headers=headers)
    explained = governed.process.tool("explain_decision", {"decision_id": verdict["decision_id"]})
    assert (explained["decision"], explained["override_existing_id"]) == ("blocked", made["id"])
