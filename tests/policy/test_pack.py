"""Packs that must be refused, each with the message that names file, policy and fault."""

from __future__ import annotations

from pathlib import Path

import pytest

from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import load_engine, load_packs, parse_pack

GOOD = """
group = "pii"

[[policy]]
id = "p1"
name = "One"
description = "Found one."
category = "pii-global"
severity = "high"
action = { request = "warn", response = "redact" }
match = [{ pattern = 'secret-\\d+' }]
flag = ["secret-1", { text = "sec{{}}ret-2", on = "claude_code.Bash", phase = "response" }]
clean = ["public"]
"""


def test_a_good_pack_is_read() -> None:
    (policy,) = parse_pack(GOOD, name="good.toml").policies

    assert (policy.id, policy.kind, policy.allow_override, policy.enabled) == ("p1", "p1", True, True)
    assert policy.scope == {"shell", "file", "mcp", "output", "text"}
    assert [example.text for example in policy.flag] == ["secret-1", "secret-2"]
    assert policy.pattern_text == r"secret-\d+"


def test_a_pack_of_a_user_works_alone() -> None:
    engine = load_engine(packs=[parse_pack(GOOD, name="good.toml")])

    evaluation = engine.evaluate("a secret-7", phase="response", connector_type="x")

    assert evaluation.redacted == "a [REDACTED:p1#1]"
    assert evaluation.policies_evaluated == 1


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        pytest.param('group = "pii"', 'group = "nope"', "bad.toml: group must be one of", id="unknown-group"),
        pytest.param('group = "pii"', 'group = "pii"\nx = 1', "bad.toml: unknown keys x", id="unknown-top-key"),
        pytest.param('id = "p1"', 'ID = "p1"', "bad.toml: a policy has no id", id="no-id"),
        pytest.param('name = "One"', 'nam = "One"', "bad.toml: policy p1: unknown keys nam", id="unknown-key"),
        pytest.param('name = "One"', "name = 1", "policy p1: name must be a str, not int", id="wrong-type"),
        pytest.param('name = "One"', "", "policy p1: missing or empty name", id="missing-key"),
        pytest.param('"high"', '"huge"', "policy p1: severity is 'huge', not one of", id="severity"),
        pytest.param('"warn"', '"shout"', "policy p1: action.request is 'shout'", id="action"),
        pytest.param("{ request", "{ asked", "policy p1: a key of action is 'asked'", id="plane"),
        pytest.param(
            'request = "warn", response = "redact"', 'file = "warn"', "neither request nor response", id="none"
        ),
        pytest.param("clean = [", 'scope = ["shel"]\nclean = [', "scope names kinds", id="scope"),
        pytest.param("'secret-\\d+'", "'(secret'", "policy p1: match: pattern '(secret' is refused", id="bad-regex"),
        pytest.param("'secret-\\d+'", "'(?=secret)'", "policy p1: match: pattern", id="look-ahead"),
        pytest.param("{ pattern", "{ validator = 'nope', pattern", "validator is 'nope'", id="unknown-validator"),
        pytest.param("{ pattern", "{ effect = 'x', pattern", "needs either pattern or effect", id="both"),
        pytest.param("{ pattern = 'secret-\\d+' }", "{ effect = 'x' }", "effect is 'x', not one of", id="effect"),
        pytest.param('["public"]', "[]", "policy p1: missing or empty clean", id="no-examples"),
        pytest.param('["public"]', "[7]", "example must be a string or a table with text", id="example-type"),
        pytest.param('["public"]', '[{ text = "a", at = "b" }]', "example: unknown keys at", id="example-key"),
        pytest.param("[[policy]]", "[policy]", "bad.toml: has no [[policy]] tables", id="no-policies"),
        pytest.param('group = "pii"', "group = ", "bad.toml: not valid TOML", id="not-toml"),
    ],
)
def test_a_bad_pack_is_refused(old: str, new: str, fault: str) -> None:
    assert old in GOOD
    with pytest.raises(PolicyPackError) as raised:
        parse_pack(GOOD.replace(old, new, 1), name="bad.toml")
    assert fault in str(raised.value)


def test_an_id_used_twice_is_refused_within_and_across_packs() -> None:
    body = GOOD.split("\n\n", 1)[1]
    with pytest.raises(PolicyPackError, match=r"bad\.toml: policy p1: the id is used twice"):
        parse_pack(GOOD + "\n" + body, name="bad.toml")
    pack = parse_pack(GOOD, name="good.toml")
    with pytest.raises(PolicyPackError, match="policy p1: the id is used twice"):
        load_engine(packs=[pack, pack])


def test_packs_are_read_from_files(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")

    (pack,) = load_packs([path])

    assert (pack.name, pack.policies[0].id) == ("mine.toml", "p1")


def test_a_pack_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    binary = tmp_path / "binary.toml"
    binary.write_bytes(b"\xff\xfe")
    with pytest.raises(PolicyPackError, match=r"binary\.toml: cannot be read"):
        load_packs([binary])
    with pytest.raises(PolicyPackError, match=r"missing\.toml: cannot be read"):
        load_packs([tmp_path / "missing.toml"])
