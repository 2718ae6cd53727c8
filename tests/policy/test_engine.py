"""The engine as the agent uses it: actions, planes, redaction, offsets, integrations, PII posture."""

from __future__ import annotations

from typing import get_args

import pytest

from axonflow_hooks.policy import Engine, PiiAction, Placeholders, load_engine, parse_pack
from axonflow_hooks.policy.engine import MAX_PLACES
from axonflow_hooks.policy.views import TextViews
from axonflow_hooks.wire.words import Action, Phase, RiskLevel

ENGINE = load_engine()
SSN = "123-45-6789"
GITHUB = "gh" + "p_16C7e42F292c6912E7710c838347Ae178B4a"
AWS = "AK" + "IAQ3EGRTYWMB5CNX7D"


@pytest.mark.parametrize(
    ("connector", "phase", "text", "action", "risk"),
    [
        pytest.param("claude_code.Bash", "request", "git status", "none", None, id="ordinary-command"),
        pytest.param("claude_code.Bash", "request", "rm -rf /", "block", "critical", id="destructive-command"),
        pytest.param("claude_code.Bash", "request", f"echo {SSN}", "warn", "critical", id="ssn-in-command"),
        pytest.param("claude_code.Bash", "response", f"ssn {SSN}", "redact", "critical", id="ssn-in-output"),
        pytest.param("claude_code.Bash", "response", "mail jo@example.com", "log", "medium", id="email-in-output"),
        pytest.param("claude_code.Bash", "response", "rm -rf /", "none", None, id="command-in-output"),
        pytest.param("claude_code.Write", "request", f"a.py\nT = '{GITHUB}'", "block", "critical", id="token-in-file"),
        pytest.param("claude_code.Write", "request", f"a.py\nK = '{AWS}'", "block", "critical", id="aws-key-in-file"),
        pytest.param("claude_code.Write", "request", "a.py\nK = 'AKIAIOSFODNN7EXAMPLE'", "none", None, id="documented"),
        pytest.param("claude_code.Write", "request", "m.sql\nDROP TABLE t; -- 1", "none", None, id="ddl-in-file"),
        pytest.param("claude_code.Write", "request", "notes.md\nrm -rf /", "none", None, id="prose-in-file"),
        pytest.param("claude_code.Write", "request", "a.sh\nset -e\nrm -rf /", "warn", "critical", id="shell-script"),
        pytest.param("claude_code.Write", "request", "run\n#!/bin/sh\nrm -rf ~", "warn", "critical", id="shebang"),
        pytest.param("claude_code.Write", "request", "a.sh\nrm -rf build", "none", None, id="ordinary-script"),
        pytest.param("claude_code.Write", "request", "Makefile\nx:\n\trm -rf /", "none", None, id="makefile"),
        pytest.param("claude_code.mcp__db__query", "request", "sql: DROP TABLE t", "warn", "critical", id="ddl-in-mcp"),
        pytest.param("claude_code.mcp__db__query", "request", "a: x\nb: 1' OR 1=1--", "block", "high", id="second-arg"),
        pytest.param("gateway", "request", "http://localhost:8080/", "warn", "high", id="internal-url"),
    ],
)
def test_action_and_risk(connector: str, phase: Phase, text: str, action: Action, risk: RiskLevel | None) -> None:
    evaluation = ENGINE.evaluate(text, phase=phase, connector_type=connector)

    assert (evaluation.action, evaluation.risk_level) == (action, risk)
    assert evaluation.policies_evaluated > 10


def test_the_blocker_comes_first() -> None:
    text = f"echo {SSN} jo@example.com; rm -rf /"

    matches = ENGINE.evaluate(text, phase="request", connector_type="claude_code.Bash").matches

    assert [match.action for match in matches] == ["block", "warn", "log"]
    assert matches[0].policy_id == "sys_dangerous_destructive_fs"
    assert matches[0].allow_override is False


@pytest.mark.parametrize(
    "text",
    [
        'psql -c "SELECT * FROM users WHERE id=1 UNION SELECT password FROM admins--"',
        'echo "SELECT * FROM users WHERE id=1 OR 1=1; DROP TABLE users;--"',
        "mysql -e \"SELECT * FROM users WHERE name = '' OR '1'='1' -- '\"",
        'curl "https://example.com/item?id=1\' UNION SELECT user, pass FROM users--"',
        "psql <<'EOF'\nSELECT * FROM a WHERE id = 1 OR 1=1\nEOF",
    ],
)
def test_sql_injection_in_a_command_is_denied(text: str) -> None:
    evaluation = ENGINE.evaluate(text, phase="request", connector_type="claude_code.Bash")

    assert evaluation.action == "block"
    assert evaluation.risk_level in ("high", "critical")


@pytest.mark.parametrize(
    "text",
    [
        "psql -c 'SELECT id, name FROM users ORDER BY 1 LIMIT 10'",
        "sqlite3 app.db \"SELECT a FROM t WHERE x = 'y' OR z = 1 UNION ALL SELECT b FROM u\"",
        "mysql -e \"UPDATE t SET a = 'b' WHERE id = 7; COMMIT;\"",
        'git commit -m "fix \' OR 1=1-- in login"',
        "grep -rn \"' OR '1'='1\" tests/",
        "psql app -f migrations/0001.sql",
    ],
)
def test_ordinary_sql_in_a_command_is_clean(text: str) -> None:
    assert ENGINE.evaluate(text, phase="request", connector_type="claude_code.Bash").action == "none"


def test_offsets_are_str_offsets_in_non_ascii_text() -> None:
    text = f"Größe 🎉 日本語 {SSN} · ü {SSN}"

    evaluation = ENGINE.evaluate(text, phase="response", connector_type="claude_code.Bash")

    assert [text[span.start : span.end] for span in evaluation.spans] == [SSN, SSN]
    assert evaluation.redacted == "Größe 🎉 日本語 [REDACTED:ssn#1] · ü [REDACTED:ssn#1]"


def test_command_offsets_are_str_offsets_in_non_ascii_text() -> None:
    text = "echo 'Grüße 🎉'; rm -rf /; echo ü"

    (match,) = ENGINE.evaluate(text, phase="request", connector_type="claude_code.Bash").matches

    assert [text[span.start : span.end] for span in match.spans] == ["rm -rf /"]


def test_a_long_non_ascii_text_keeps_its_offsets() -> None:
    text = "äöü€🎉" * 2_000 + SSN + "ß" * 3_000

    (span,) = ENGINE.evaluate(text, phase="response", connector_type="claude_code.Bash").spans

    assert text[span.start : span.end] == SSN


def test_a_lone_surrogate_is_no_error() -> None:
    text = f"\udcff {SSN} \ud800"

    assert ENGINE.evaluate(text, phase="response", connector_type="claude_code.Bash").redacted is not None
    assert ENGINE.evaluate(text + "; rm -rf /", phase="request", connector_type="claude_code.Bash").action == "block"


def test_only_the_password_of_a_connection_string_is_masked() -> None:
    text = "DATABASE_URL=postgres://app:Tr0ub4dor3@db.internal:5432/app"

    evaluation = ENGINE.evaluate(text, phase="response", connector_type="claude_code.Bash")

    assert evaluation.redacted == "DATABASE_URL=postgres://app:[REDACTED:password#1]@db.internal:5432/app"


def test_placeholders_agree_over_several_texts() -> None:
    placeholders = Placeholders()

    def redacted(text: str) -> str | None:
        return ENGINE.evaluate(
            text, phase="response", connector_type="claude_code.Bash", placeholders=placeholders
        ).redacted

    assert redacted(f"a {SSN}") == "a [REDACTED:ssn#1]"
    assert redacted("b 536-22-8726") == "b [REDACTED:ssn#2]"
    assert redacted(f"c {SSN}") == "c [REDACTED:ssn#1]"


def test_nothing_to_redact_gives_none() -> None:
    assert ENGINE.evaluate("plain", phase="response", connector_type="claude_code.Bash").redacted is None


def test_integrations_switch_their_policies_on() -> None:
    text = "echo '{}' > .claude/settings.json"

    def evaluate(integrations: frozenset[str]) -> tuple[str, int]:
        found = ENGINE.evaluate(text, phase="request", connector_type="claude_code.Bash", integrations=integrations)
        return found.action, found.policies_evaluated

    off, on = evaluate(frozenset()), evaluate(frozenset({"claude-code"}))

    assert (off[0], on[0]) == ("none", "block")
    assert on[1] == off[1] + 2


@pytest.mark.parametrize(
    ("pii_action", "request_action", "response_action"),
    [
        ("block", "block", "block"),
        ("redact", "redact", "redact"),
        ("warn", "warn", "warn"),
        ("log", "log", "log"),
        (None, "warn", "redact"),
    ],
)
def test_pii_action_decides_both_planes(
    pii_action: PiiAction | None, request_action: Action, response_action: Action
) -> None:
    engine = load_engine(pii_action=pii_action)
    text = f"ssn {SSN}"

    request = engine.evaluate(text, phase="request", connector_type="claude_code.mcp__crm__find")
    response = engine.evaluate(text, phase="response", connector_type="claude_code.mcp__crm__find")

    assert (request.action, response.action) == (request_action, response_action)
    assert (response.redacted is not None) == (response_action == "redact")


def test_pii_action_redact_also_masks_addresses_and_block_does_not_block_them() -> None:
    text = "mail jo@example.com"

    actions = {
        posture: load_engine(pii_action=posture)
        .evaluate(text, phase="response", connector_type="claude_code.Bash")
        .action
        for posture in get_args(PiiAction)
    }

    assert actions == {"block": "redact", "redact": "redact", "warn": "warn", "log": "log"}


def test_pii_action_leaves_other_policies_alone() -> None:
    text = f"token {GITHUB}"

    action = load_engine(pii_action="log").evaluate(text, phase="response", connector_type="claude_code.Bash").action

    assert action == "redact"


@pytest.mark.parametrize(
    "connector", ["claude_code.Bash", "claude_code.Write", "claude_code.mcp__db__query", "gateway"]
)
def test_evaluations_that_share_views_find_what_each_finds_alone(connector: str) -> None:
    phases: tuple[Phase, ...] = ("request", "response", "request")
    for example in [example for policy in ENGINE.policies for example in (*policy.flag, *policy.clean)]:
        views = TextViews(example.text)
        for phase in phases:
            alone = ENGINE.evaluate(example.text, phase=phase, connector_type=connector)
            assert alone == ENGINE.evaluate(example.text, phase=phase, connector_type=connector, views=views)


def test_a_narrowed_engine_finds_what_its_policies_find() -> None:
    masking = ENGINE.narrowed(lambda policy: policy.category.startswith("pii-"))
    ids = {policy.id for policy in masking.policies}
    assert 0 < len(ids) < len(ENGINE.policies)

    for example in [example for policy in ENGINE.policies for example in policy.flag]:
        views = TextViews(example.text)
        whole = ENGINE.evaluate(example.text, phase="response", connector_type="x", views=views)
        part = masking.evaluate(example.text, phase="response", connector_type="x", views=views)
        assert part.matches == tuple(match for match in whole.matches if match.policy_id in ids)
        assert not (masking.finds_nothing(views) and part.matches)


@pytest.mark.parametrize(
    ("text", "looked", "expected"),
    [
        pytest.param("git status", False, False, id="not-looked-at"),
        pytest.param("git status", True, True, id="looked-at"),
        pytest.param("mail a.person@example.com", True, False, id="something-to-find"),
    ],
)
def test_what_is_known_to_be_found_nowhere(text: str, looked: bool, expected: bool) -> None:
    masking, views = ENGINE.narrowed(lambda policy: policy.category.startswith("pii-")), TextViews(text)
    if looked:
        ENGINE.evaluate(text, phase="request", connector_type="claude_code.Bash", views=views)

    assert masking.finds_nothing(views) is expected
    assert ENGINE.finds_nothing(views) is False  # effects and SQL have to be looked for


def test_an_engine_of_no_policies_finds_nothing() -> None:
    evaluation = Engine(()).evaluate("rm -rf /", phase="request", connector_type="claude_code.Bash")

    assert (evaluation.action, evaluation.policies_evaluated, evaluation.matches) == ("none", 0, ())


def test_what_matches_everywhere_is_found_in_the_text_as_a_whole_and_hides_no_block() -> None:
    everywhere = """
group = "commands"
[[policy]]
id = "a_everything"
name = "Everything"
description = "It matches every character."
category = "custom"
severity = "low"
action = { request = "redact", response = "redact" }
match = [{ pattern = "[a-z]" }]
flag = ["a"]
clean = ["1"]
[[policy]]
id = "b_halt"
name = "Halt"
description = "It says halt."
category = "custom"
severity = "high"
action = { request = "block", response = "block" }
match = [{ pattern = "HALT" }]
flag = ["HALT"]
clean = ["x"]
"""
    engine = Engine(parse_pack(everywhere, name="test.toml").policies)
    text = "x" * (2 * MAX_PLACES) + "HALT"
    found = engine.evaluate(text, phase="request", connector_type="gateway")
    matches = {match.policy_id: match.spans for match in found.matches}
    assert found.action == "block"
    assert [(span.start, span.end) for span in matches["a_everything"]] == [(0, len(text))]
    assert matches["b_halt"]
    assert found.redacted is not None
    assert "x" * 9 not in found.redacted
