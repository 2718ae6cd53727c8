from __future__ import annotations

import os
from pathlib import Path

import pytest

from axonflow_hooks.errors import PolicyPackError
from axonflow_hooks.policy import PolicySource, parse_pack

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


def blocks(source: PolicySource, text: str = "./deploy-now") -> bool:
    return source.engine.evaluate(text, phase="request", connector_type="claude_code.Bash").action == "block"


def write(path: Path, text: str, *, second: int) -> None:
    path.write_text(text)
    os.utime(path, (second, second))


def test_packs_come_change_break_and_go(tmp_path: Path) -> None:
    source = PolicySource(tmp_path)
    assert not blocks(source)
    assert not source.reload()

    write(tmp_path / "a.toml", PACK, second=1)
    assert source.reload()
    assert blocks(source)
    assert blocks(source, "rm -rf /")
    assert not source.reload()

    write(tmp_path / "a.toml", PACK.replace('"high"', '"huge"'), second=2)
    assert not source.reload()
    assert blocks(source)
    assert "a.toml: policy mine: severity is 'huge'" in str(source.fault)
    assert "(line 9)" in str(source.fault)

    write(tmp_path / "a.toml", PACK.replace("block", "warn"), second=3)
    assert source.reload()
    assert source.fault is None
    assert not blocks(source)

    (tmp_path / "a.toml").unlink()
    assert source.reload()
    assert "mine" not in {policy.id for policy in source.engine.policies}


def test_a_broken_pack_is_refused_with_all_of_its_policies(tmp_path: Path) -> None:
    write(
        tmp_path / "a.toml",
        PACK + PACK.partition("\n\n")[2].replace('"mine"', '"other"').replace("match", "mtch"),
        second=1,
    )

    source = PolicySource(tmp_path)

    assert source.fault is not None
    assert not {"mine", "other"} & {policy.id for policy in source.engine.policies}


def test_an_id_of_a_built_in_policy_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "a.toml", PACK.replace('"mine"', '"sys_pii_ssn"'), second=1)

    assert "the id is used twice" in str(PolicySource(tmp_path).fault)


def test_no_folder_is_no_fault(tmp_path: Path) -> None:
    assert PolicySource(tmp_path / "none").fault is None


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        pytest.param('severity = "high"', 'severity = "huge"', 9, id="the-key"),
        pytest.param("'deploy-now'", "'('", 11, id="the-pattern"),
        pytest.param('flag = ["deploy-now"]', "flag = [1]", 12, id="an-example"),
        pytest.param('name = "Mine"', "", 4, id="a-missing-key-is-at-the-policy"),
    ],
)
def test_faults_name_their_line(old: str, new: str, line: int) -> None:
    with pytest.raises(PolicyPackError, match=rf"\(line {line}\)"):
        parse_pack(PACK.replace(old, new), name="a.toml")
