"""Every command with input and surroundings that are not as they should be: one clear line, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.cli import audit_view
from axonflow_hooks.cli.agent_routes import segment
from axonflow_hooks.errors import AgentError, AxonFlowError
from devtools.live import clean_environment, running_agent
from tests.conftest import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli
    from tests.conftest import StandIn

PROGRAM = str(Path(sys.executable).with_name("axonflow-hooks"))
ASKING = {
    "override list": "/api/v1/overrides",
    "override create x --reason y": "/api/v1/overrides",
    "override revoke x": "/api/v1/overrides/x",
    "override confirm": "/api/v1/presence/challenges",
    "approval list": "/api/v1/hitl/queue",
    "approval show x": "/api/v1/hitl/queue/x",
    "approval approve x": "/api/v1/hitl/queue/x/approve",
    "approval reject x": "/api/v1/hitl/queue/x/reject",
    "presence status": "/api/v1/presence",
}
OTHERS = {
    "a web page": Reply(200, b"<html>hello</html>"),
    "a list": Reply(200, [1, 2]),
    "another object": Reply(200, {"status": "ok"}),
    "rows of another release": Reply(
        200, {"overrides": [{}], "count": 1, "data": [{}], "meta": {}, "challenges": [{}]}
    ),
    "created something": Reply(201, {"hello": "world"}),
    "not found": Reply(404, b"no such page"),
    "broken": Reply(500, b"oops"),
    "nothing": Reply(204, b""),
}


@pytest.mark.parametrize("reply", OTHERS.values(), ids=OTHERS.keys())
@pytest.mark.parametrize("command", ASKING)
def test_what_is_no_agent_of_this_release_is_told_and_nothing_is_claimed(
    cli: Cli, stand_in: StandIn, command: str, reply: Reply
) -> None:
    stand_in.replies[ASKING[command]] = reply
    cli.environ["AXONFLOW_ENDPOINT"] = stand_in.url
    done = cli(*command.split())
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert done.err.startswith("ERROR ")
    assert "AXONFLOW_ENDPOINT" in done.err


@pytest.fixture(scope="module")
def own_agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give the environment of a user whose agent runs."""
    environ = clean_environment(tmp_path_factory.mktemp("agent"))
    with running_agent(environ) as endpoint:
        yield {**environ, "AXONFLOW_ENDPOINT": endpoint}


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("override create no_such --reason x", "Policy not found: no_such. See: axonflow-hooks policy list"),
        ("override revoke no_such", "no_such. See: axonflow-hooks override list"),
        ("override revoke ../static-policies/x", "'../static-policies/x' is no id."),
        ("override revoke ..", "'..' is no id."),
        ("approval show no_such", "no_such. See: axonflow-hooks approval list"),
        ("approval approve no_such", "no_such. See: axonflow-hooks approval list"),
        ("approval reject a?b#c", "a?b#c. See: axonflow-hooks approval list"),
        (
            "policy list --severity no_such",
            "There is no severity 'no_such'. Choose one of: critical, high, low, medium",
        ),
        ("policy list --category no_such", "There is no category 'no_such'. Choose one of: "),
        ("proxy approve no_such", "Nothing called 'no_such' waits for approval."),
    ],
    ids=lambda value: value if " " in value and value[0].islower() else "",
)
def test_unknown_names_are_named_with_the_remedy(own_agent: dict[str, str], command: str, said: str) -> None:
    done = subprocess.run(
        [PROGRAM, *command.split()],
        env=own_agent,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stdout, said in done.stderr) == (1, "", True), done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("text", ["", ".", "..", "../x", "a/"], ids=repr)
def test_what_is_no_segment_of_a_path_is_no_id(text: str) -> None:
    with pytest.raises(AgentError):
        segment(text)
    assert segment("a..b ?#%é") == "a..b%20%3F%23%25%C3%A9"


def shell(script: str, home: Path) -> subprocess.CompletedProcess[str]:
    environ = {"HOME": str(home), "PATH": f"{Path(PROGRAM).parent}:{os.environ['PATH']}"}
    return subprocess.run(["sh", "-c", script], env=environ, capture_output=True, text=True, timeout=120, check=False)


@pytest.mark.parametrize(
    ("script", "status", "said"),
    [
        ("axonflow-hooks policy list --json >/dev/full", 1, "ERROR The output cannot be written (No space left"),
        ("axonflow-hooks --help >/dev/full", 1, "ERROR The output cannot be written (No space left"),
        ("axonflow-hooks policy list >&-", 0, "policies\n"),
        ("axonflow-hooks policy list >&- 2>&-", 0, ""),
        ("axonflow-hooks policy list <&- >&- 2>&-", 0, ""),
        ("axonflow-hooks policy show no_such 2>&-", 1, ""),
        ("axonflow-hooks policy list 2>/dev/null | head -n 1 | wc -l >&2", 0, "1\n"),
        ("axonflow-hooks policy list --json | head -n 1 >&2", 0, "[\n"),
    ],
    ids=["full", "help-full", "no-out", "no-out-err", "none", "error-unheard", "head", "head-json"],
)
def test_an_output_that_nobody_takes(tmp_path: Path, script: str, status: int, said: str) -> None:
    done = shell(script, tmp_path)
    assert done.returncode == status
    assert done.stderr.startswith(said) if said.startswith("ERROR") else done.stderr.endswith(said)
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1


@pytest.mark.parametrize("output", ["missing/trail.jsonl", "file/trail.jsonl"])
def test_an_export_that_cannot_be_written_is_named(tmp_path: Path, output: str) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(AxonFlowError) as failure:
        audit_view.write_pieces(["x"], tmp_path / output)
    assert str(tmp_path / output) in failure.value.message
    assert failure.value.remedy
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "variables", [{"NO_COLOR": "1"}, {"COLUMNS": "10"}, {"TERM": "dumb"}, {"COLUMNS": "x"}], ids=str
)
def test_the_surroundings_of_a_terminal_change_no_line(cli: Cli, variables: dict[str, Any]) -> None:
    assert cli("policy", "show", "sys_pii_ssn", **variables) == cli("policy", "show", "sys_pii_ssn")
    assert cli("policy", "list", **variables).out == cli("policy", "list").out
