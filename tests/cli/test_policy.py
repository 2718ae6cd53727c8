from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.cli.policy_engine import check_stream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

SSN = "123-45-6789"
PACK = """
group = "commands"

[[policy]]
id = "mine"
name = "Mine"
description = "Found mine."
category = "custom"
severity = "high"
action = { request = "block" }
match = [{ pattern = 'deploy-now' }]
flag = ["deploy-now"]
clean = ["deploy later"]
"""


def check(cli: Cli, *lines: str, **environ: str) -> list[dict[str, object]]:
    result = cli.run("policy", "check", stdin="".join(f"{line}\n" for line in lines), **environ)
    assert (result.code, result.err) == (0, "")
    return [json.loads(line) for line in result.out.splitlines()]


def test_verdicts_come_in_order_and_bad_lines_are_answered(cli: Cli) -> None:
    verdicts = check(
        cli,
        json.dumps({"connector_type": "claude_code.Bash", "statement": "rm -rf /"}),
        "garbage",
        json.dumps({"connector_type": "claude_code.Bash", "statement": "git status", "operation": "execute"}),
        json.dumps({"connector_type": "db", "message": json.dumps({"ssn": SSN})}),
        json.dumps([]),
        json.dumps({"connector_type": "x"}),
        json.dumps({"connector_type": "x", "statement": 1}),
        json.dumps({"connector_type": "x", "statement": "a", "message": "b"}),
        json.dumps({"connector_type": "x", "statement": "a", "operation": "fly"}),
        '{"connector_type": "x", "statement": "\\ud800"}',
        "",
    )

    assert [verdict["action"] for verdict in verdicts] == ["block", *["none"] * 2, "redact", *["none"] * 7]
    assert [verdict["allowed"] for verdict in verdicts] == [False, False, True, True, *[False] * 5, True, False]
    assert [index for index, verdict in enumerate(verdicts) if "error" in verdict] == [1, 4, 5, 6, 7, 8, 10]
    assert verdicts[0]["policy_matches"] == [
        {
            "policy_id": "sys_dangerous_destructive_fs",
            "category": "security-dangerous",
            "severity": "critical",
            "action": "block",
        }
    ]
    assert json.loads(str(verdicts[3]["redacted"])) == {"ssn": "[REDACTED:ssn#1]"}


def test_what_a_line_holds_is_in_no_error(cli: Cli) -> None:
    (verdict,) = check(cli, f'{{"connector_type": "x", "statement": "{SSN}"')

    assert SSN not in str(verdict)


def test_bytes_that_are_no_text_are_answered(cli: Cli) -> None:
    out = io.StringIO()

    check_stream(io.BytesIO(b"\xff\xfe\n"), out, {"HOME": str(cli.home)})

    assert json.loads(out.getvalue())["error"] == "line 1: not UTF-8"


def test_ten_thousand_lines_are_ten_thousand_verdicts(cli: Cli) -> None:
    lines = [json.dumps({"connector_type": "claude_code.Bash", "statement": f"ls {n}"}) for n in range(10_000)]

    assert len(check(cli, *lines)) == 10_000


def test_the_pii_posture_counts(cli: Cli) -> None:
    (verdict,) = check(cli, json.dumps({"connector_type": "x", "message": SSN}), PII_ACTION="block")

    assert verdict["action"] == "block"


def test_own_packs_count(cli: Cli) -> None:
    folder = cli.paths.config_dir / "policies"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text(PACK)
    line = json.dumps({"connector_type": "claude_code.Bash", "statement": "./deploy-now"})

    assert [verdict["action"] for verdict in check(cli, line)] == ["block"]
    assert "mine" in cli("policy", "list").out
    assert json.loads(cli("policy", "show", "mine").out)["match"] == [{"pattern": "deploy-now"}]
    assert cli("policy", "test").code == 0
    (folder / "mine.toml").write_text(PACK.replace('"high"', '"huge"'))
    broken = cli("policy", "list")
    assert broken.code == 1
    assert "mine.toml: policy mine: severity is 'huge'" in broken.err


def test_a_pack_with_wrong_examples_fails_its_test(cli: Cli, tmp_path: Path) -> None:
    pack = tmp_path / "p.toml"
    pack.write_text(PACK.replace("deploy later", "deploy-now!"))

    result = cli("policy", "test", str(pack))

    assert (result.code, result.out) == (1, "FAIL mine: clean example 1\n1 policies, 2 examples, 1 failed\n")


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        pytest.param(["list", "--category", "pii-us"], "sys_pii_ssn", id="list"),
        pytest.param(["list", "--severity", "critical", "--json"], '"id": "sys_pii_ssn"', id="list-json"),
        pytest.param(["show", "sys_pii_ssn"], '"validator": "us_ssn"', id="show"),
        pytest.param(["explain", "sys_pii_ssn"], '"validator": "us_ssn"', id="explain-an-id"),
        pytest.param(["explain", "sudo rm -rf /"], "rm, 2 arguments", id="explain-a-command"),
        pytest.param(["explain", f"ssn {SSN}", "--output"], "redact: 1 of", id="explain-an-output"),
    ],
)
def test_what_is_shown(cli: Cli, arguments: list[str], shown: str) -> None:
    result = cli("policy", *arguments)

    assert result.code == 0
    assert shown in result.out
    assert not ("--output" in arguments and SSN in result.out)


def test_an_unknown_policy_is_an_error_with_a_remedy(cli: Cli) -> None:
    result = cli("policy", "show", "nope")

    assert (result.code, result.out) == (1, "")
    assert "There is no policy 'nope'. See: axonflow-hooks policy list" in result.err
