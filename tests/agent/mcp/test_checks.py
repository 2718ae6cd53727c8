"""check_policy and check_output (wire 1.3.1), with the built-in policies of a real agent."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.agent.conftest import AgentProcess

SSN = "536-90-4399"
CARD = "4111 1111 1111 1111"
AWS_KEY = "AKIA" + "ABCDEFGHIJKLMNOP"


def check(agent: AgentProcess, statement: str, connector: str = "claude_code.Bash", **more: Any) -> Any:
    return agent.tool("check_policy", {"connector_type": connector, "statement": statement, **more})


def scan(agent: AgentProcess, connector: str = "claude_code.Bash", session: str = "", **arguments: Any) -> Any:
    headers = {"X-Session-Id": session} if session else {}
    return agent.tool("check_output", {"connector_type": connector, **arguments}, headers=headers)


def test_a_blocked_statement(running_agent: AgentProcess) -> None:
    verdict = check(running_agent, "rm -rf /")
    assert verdict["allowed"] is False
    assert uuid.UUID(verdict["decision_id"]).version == 7
    assert verdict["blocked_by"] == "sys_dangerous_destructive_fs"
    assert verdict["risk_level"] == "critical"
    assert verdict["override_available"] is False
    assert verdict["policies_evaluated"] > 10
    assert "rm -rf" not in verdict["block_reason"]
    assert verdict["block_reason"].endswith(".")
    assert verdict["policy_matches"][0] == {
        "policy_id": "sys_dangerous_destructive_fs",
        "policy_name": "Destructive Filesystem Operations",
        "risk_level": "critical",
        "allow_override": False,
        "action": "block",
        "policy_type": "static",
    }


def test_an_allowed_statement_that_nothing_matched(running_agent: AgentProcess) -> None:
    verdict = check(running_agent, "git status")
    assert verdict.keys() == {"allowed", "decision_id", "policies_evaluated"}
    assert verdict["allowed"] is True


def test_a_statement_that_is_only_noted_is_allowed_and_says_what_matched(running_agent: AgentProcess) -> None:
    verdict = check(running_agent, f"employee: {SSN}", "claude_code.Write")
    assert verdict["allowed"] is True
    assert [match["policy_id"] for match in verdict["policy_matches"]] == ["sys_pii_ssn"]
    assert "redacted_statement" not in verdict


def test_a_payload_in_the_parameters_is_seen(running_agent: AgentProcess) -> None:
    verdict = check(running_agent, "SELECT 1", "postgres", parameters={"q": ["x'; DROP TABLE users; --"]})
    assert verdict["allowed"] is False


def test_the_tool_makes_the_connector_whole(running_agent: AgentProcess) -> None:
    prose = 'git commit -m "rm -rf /"'
    assert check(running_agent, prose, "claude_code", tool="Bash")["allowed"] is True
    assert check(running_agent, "rm -rf /", "claude_code", tool="Bash")["allowed"] is False


def test_request_redaction_under_pii_action_redact(start_agent: Callable[..., AgentProcess]) -> None:
    agent = start_agent(environ={"PII_ACTION": "redact"})
    verdict = check(agent, f"note {SSN}", "claude_code.Write", parameters={"card": CARD, "n": 1})
    assert verdict["allowed"] is True
    assert verdict["requires_redaction"] is True
    assert verdict["redacted_statement"] == "note [REDACTED:ssn#1]"
    assert verdict["redacted_parameters"] == {"card": "[REDACTED:card#1]", "n": 1}
    explained = agent.tool("explain_decision", {"decision_id": verdict["decision_id"]})
    assert explained["decision"] == "redacted"


@pytest.mark.parametrize(
    ("pii_action", "allowed", "masked"),
    [("block", False, False), ("redact", True, True), ("warn", True, False), ("log", True, False)],
)
def test_pii_action_decides_on_outputs(
    start_agent: Callable[..., AgentProcess], pii_action: str, allowed: bool, masked: bool
) -> None:
    agent = start_agent(environ={"PII_ACTION": pii_action})
    verdict = scan(agent, message=f"ssn {SSN}")
    assert (verdict["allowed"], "redacted_message" in verdict) == (allowed, masked)
    assert verdict["redaction_evaluated"] is True
    assert SSN.encode() not in agent.database_bytes()


def test_a_clean_output(running_agent: AgentProcess) -> None:
    verdict = scan(running_agent, message="total 0")
    assert verdict.keys() == {"allowed", "decision_id", "policies_evaluated", "redaction_evaluated"}


def test_a_masked_message_stands_in_both_fields(running_agent: AgentProcess) -> None:
    verdict = scan(running_agent, message=f"card {CARD}, again {CARD}, ssn {SSN}")
    expected = "card [REDACTED:card#1], again [REDACTED:card#1], ssn [REDACTED:ssn#1]"
    assert verdict["redacted_message"] == verdict["redacted_data"] == expected


def test_masked_rows_keep_their_shape(running_agent: AgentProcess) -> None:
    rows = [
        {"id": 1, "note": f"call {SSN}", "nested": {"cards": [CARD, None, True, 2.5]}, "empty": ""},
        {},
        {"card": int(CARD.replace(" ", "")), "plain": "x"},
    ]
    verdict = scan(running_agent, response_data=rows, message="nothing here")
    assert "redacted_message" not in verdict
    assert verdict["redacted_data"] == [
        {
            "id": 1,
            "note": "call [REDACTED:ssn#1]",
            "nested": {"cards": ["[REDACTED:card#1]", None, True, 2.5]},
            "empty": "",
        },
        {},
        {"card": "[REDACTED:card#1]", "plain": "x"},
    ]


def test_rows_and_message_are_told_apart(running_agent: AgentProcess) -> None:
    verdict = scan(running_agent, response_data=[{"a": "b"}], message=f"ssn {SSN}")
    assert verdict["redacted_message"] == "ssn [REDACTED:ssn#1]"
    assert "redacted_data" not in verdict


def test_a_bare_number_is_judged_by_its_key(running_agent: AgentProcess) -> None:
    verdict = scan(running_agent, response_data=[{"ssn": 536904399, "count": 536904399}])
    assert verdict["redacted_data"] == [{"ssn": "[REDACTED:ssn#1]", "count": 536904399}]


def test_personal_data_in_keys_does_not_pass(running_agent: AgentProcess) -> None:
    verdict = scan(running_agent, response_data=[{f"ssn {SSN}": 1, "ssn 536 90 4399": 2}])
    assert list(verdict["redacted_data"][0].values()) == [1, 2]
    assert "536" not in str(verdict["redacted_data"])


def test_placeholders_are_stable_within_a_session(running_agent: AgentProcess) -> None:
    def masked(text: str, session: str) -> str:
        found: str = scan(running_agent, session=session, message=text)["redacted_message"]
        return found

    other = "529-48-1234"
    assert masked(f"ssn {SSN}", "a") == "ssn [REDACTED:ssn#1]"
    assert masked(f"ssn {other}", "a") == "ssn [REDACTED:ssn#2]"
    assert masked(f"ssn {SSN}", "a") == "ssn [REDACTED:ssn#1]"
    assert masked(f"ssn {other}", "b") == "ssn [REDACTED:ssn#1]"


def test_a_secret_in_an_output_is_masked(running_agent: AgentProcess) -> None:
    verdict = scan(running_agent, message=f"key={AWS_KEY} done")
    assert re.fullmatch(r"key=\[REDACTED:[a-z_]+#1\] done", verdict["redacted_message"])


@pytest.mark.parametrize("text", ["\U0001f600 caf\u00e9", "nul \x00 here", "\u2028", '"quoted"\n\t<&>'])
def test_text_comes_back_unchanged_around_the_mask(running_agent: AgentProcess, text: str) -> None:
    verdict = scan(running_agent, message=f"{text} {SSN} {text}")
    assert verdict["redacted_message"] == f"{text} [REDACTED:ssn#1] {text}"


def test_a_lone_surrogate_survives(running_agent: AgentProcess) -> None:
    verdict = scan(running_agent, message=f"\udc80 {SSN}")
    assert verdict["redacted_message"] == "\udc80 [REDACTED:ssn#1]"


def test_an_empty_output_is_allowed(running_agent: AgentProcess) -> None:
    assert scan(running_agent, message="")["allowed"] is True
    assert scan(running_agent, response_data=[])["allowed"] is True


def test_integrations_of_the_caller_count(running_agent: AgentProcess) -> None:
    statement = '/home/dev/project/.claude/settings.json\n{"hooks": {}}'
    as_claude_code = check(running_agent, statement, "claude_code.Write")
    as_other = check(running_agent, statement, "other.Write")
    assert "int_claude_settings" in {match["policy_id"] for match in as_claude_code.get("policy_matches", [])}
    assert "int_claude_settings" not in {match["policy_id"] for match in as_other.get("policy_matches", [])}


def test_a_statement_without_a_utf8_form_is_judged(running_agent: AgentProcess) -> None:
    assert check(running_agent, "rm -rf / # \udc80")["allowed"] is False
    assert check(running_agent, "echo \udc80")["allowed"] is True
