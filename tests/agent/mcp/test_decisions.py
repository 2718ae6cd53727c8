"""explain_decision (wire 1.7), against a real agent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axonflow_hooks.wire.explanation import DecisionExplanation

if TYPE_CHECKING:
    from tests.agent.conftest import AgentProcess

AWS_KEY = "AKIA" + "ABCDEFGHIJKLMNOP"


def decide(agent: AgentProcess, statement: str, session: str) -> dict[str, Any]:
    arguments = {"connector_type": "claude_code.Bash", "statement": statement}
    verdict = agent.tool("check_policy", arguments, headers={"X-Session-Id": session})
    explained: dict[str, Any] = agent.tool("explain_decision", {"decision_id": verdict["decision_id"]})
    assert explained["decision_id"] == verdict["decision_id"]
    return explained


def test_a_block_is_explained(running_agent: AgentProcess) -> None:
    statement = f"export K={AWS_KEY}; rm -rf /"
    explained = decide(running_agent, statement, "one")
    assert explained["decision"] == "blocked"
    assert explained["risk_level"] == "critical"
    assert explained["tool_signature"] == "claude_code.Bash"
    assert explained["override_available"] is False
    assert explained["plane"] == "request"
    policy = explained["policy_matches"][0]
    assert (policy["policy_id"], policy["action"], policy["allow_override"]) == (
        "sys_dangerous_destructive_fs",
        "block",
        False,
    )
    assert policy["policy_description"] == explained["reason"]
    span = policy["spans"][0]
    assert span["field"] == "statement"
    assert "rm" in statement[span["start"] : span["end"]]
    assert AWS_KEY not in str(explained)
    assert "rm -rf /" in explained["excerpt"]
    assert explained["statement_hash"].startswith("hmac-sha256:")
    assert policy["quote"] == "rm -rf /"
    assert explained["explanation"].startswith("The call was blocked: `rm -rf /` in statement matches ")
    assert "its risk is critical" in explained["what_would_be_allowed"]
    assert explained["matched_rules"][0]["matched_on"] == "statement"


def test_the_way_out_of_a_block_of_high_risk(running_agent: AgentProcess) -> None:
    explained = decide(running_agent, "cat ~/.aws/credentials", "high")
    assert (explained["decision"], explained["override_available"]) == ("blocked", True)
    assert "create_override for sys_dangerous_credential_access" in explained["what_would_be_allowed"]


def test_the_same_statement_has_the_same_hash(running_agent: AgentProcess) -> None:
    first, again, other = (decide(running_agent, text, "hash") for text in ("ls", "ls", "ls -l"))
    assert first["statement_hash"] == again["statement_hash"] != other["statement_hash"]


def test_hits_are_counted_per_session(running_agent: AgentProcess) -> None:
    counts = [decide(running_agent, "rm -rf /", session)["historical_hit_count_session"] for session in "xxyx"]
    assert counts == [1, 2, 1, 3]


def test_an_allowed_decision_is_explained_too(running_agent: AgentProcess) -> None:
    explained = decide(running_agent, "git status", "two")
    assert (explained["decision"], explained["policy_matches"]) == ("allowed", [])
    assert "risk_level" not in explained
    DecisionExplanation.model_validate(explained)


def test_the_excerpt_of_a_long_statement_shows_the_match(running_agent: AgentProcess) -> None:
    statement = "echo start\n" * 500 + "rm -rf /\n" + "echo end\n" * 500
    explained = decide(running_agent, statement, "three")
    assert "rm -rf /" in explained["excerpt"]
    assert len(explained["excerpt"]) <= 500
    assert explained["excerpt"] == statement[explained["excerpt_offset"] :][: len(explained["excerpt"])]


def test_an_output_is_kept_only_where_something_was_found(running_agent: AgentProcess) -> None:
    def explained(message: str) -> Any:
        verdict = running_agent.tool("check_output", {"connector_type": "claude_code.Bash", "message": message})
        return running_agent.tool("explain_decision", {"decision_id": verdict["decision_id"]})

    assert "excerpt" not in explained("private but clean")
    found = explained("x 536-90-4399")
    assert (found["excerpt"], found["decision"], found["plane"]) == ("x [REDACTED:ssn#1]", "redacted", "response")
