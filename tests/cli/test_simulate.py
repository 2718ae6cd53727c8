"""`axonflow-hooks simulate`: judged by what is in force, recorded nowhere."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from axonflow_hooks.account.local_agent import credential_for
from axonflow_hooks.paths import resolve_paths
from devtools.live import clean_environment, running_agent
from tests.conftest import NO_TLS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli, Result

SSN = "536-90-4399"
PRODUCTION = {"name": "No production", "pattern": "prod-db-[0-9]+", "category": "security-admin", "action": "block"}
MONDAY = {
    "name": "Not on Mondays",
    "conditions": [{"field": "query", "operator": "contains", "value": "monday"}],
    "actions": [{"type": "require_approval"}],
}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Give a real agent with policies of its tenant, one of the built-in ones switched off, and its home."""
    home = tmp_path_factory.mktemp("agent")
    environ = clean_environment(home)
    with running_agent(environ) as endpoint:
        for path, body in (
            ("static-policies", PRODUCTION),
            ("dynamic-policies", MONDAY),
            ("static-policies/sys_pii_ssn/override", {"action_override": "block", "override_reason": "strict"}),
        ):
            ask(endpoint, home, "POST", path, body)
        yield endpoint, home


def ask(endpoint: str, home: Path, method: str, path: str, body: Any = None) -> Any:
    credential = credential_for(resolve_paths(clean_environment(home)), endpoint)
    with httpx.Client(base_url=endpoint, auth=credential, timeout=60, trust_env=False, verify=NO_TLS) as client:
        reply = client.request(method, f"/api/v1/{path}", json=body)
    assert reply.status_code in {200, 201}, reply.text
    return reply.json()


@pytest.fixture
def here(cli: Cli, agent: tuple[str, Path]) -> Cli:
    """Give the command line of that agent's user."""
    endpoint, home = agent
    kept = resolve_paths(clean_environment(home)).agent_credentials_file
    cli.paths.config_dir.mkdir(parents=True, mode=0o700)
    shutil.copy2(kept, cli.paths.agent_credentials_file)
    cli.environ["AXONFLOW_ENDPOINT"] = endpoint
    return cli


def judged(cli: Cli, *arguments: str) -> tuple[int, Any]:
    done = cli("simulate", "--json", *arguments)
    return done.code, json.loads(done.out)


@pytest.mark.parametrize(
    ("arguments", "code", "action", "policies"),
    [
        (["git status"], 0, "none", []),
        (["rm -rf /"], 3, "block", ["sys_dangerous_destructive_fs"]),
        (["psql prod-db-7"], 3, "block", ["No production"]),
        (["deploy on monday"], 3, "require_approval", ["Not on Mondays"]),
        (["--output", "deployed on monday"], 0, "none", []),
        (["--output", f"ssn {SSN}"], 3, "block", ["sys_pii_ssn"]),
        (["--local", "--output", f"ssn {SSN}"], 0, "redact", ["sys_pii_ssn"]),
        (["--local", "psql prod-db-7"], 0, "none", []),
        (["--tool", "mcp__shell__run", "rm -rf / # prod-db-1"], 3, "block", ["No production"]),
        (["--tool", "postgres.query", "SELECT 1"], 0, "none", []),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) and value and " " in value[-1] else None,
)
def test_what_is_in_force_judges(
    here: Cli, agent: tuple[str, Path], arguments: list[str], code: int, action: str, policies: list[str]
) -> None:
    names = {"No production": "custom_no_production", "Not on Mondays": "dyn_not_on_mondays"}
    status, value = judged(here, *arguments)
    found = [match["policy_id"] for match in value["matches"]]
    assert (status, value["action"], value["allowed"], value["recorded"]) == (code, action, code == 0, False)
    if policies:
        assert found[0].startswith(names.get(policies[0], policies[0]))
    else:
        assert found == []


def test_nothing_is_recorded(here: Cli, agent: tuple[str, Path]) -> None:
    def entries() -> tuple[int, int]:
        total = ask(*agent, "POST", "audit/search", {})["total"]
        return total, len(ask(*agent, "GET", "decisions")["decisions"])

    before = entries()
    for text in ("rm -rf /", "deploy on monday", "psql prod-db-1"):
        assert here("simulate", text).code == 3
    assert entries() == before


def test_the_lines_say_what_would_happen(here: Cli) -> None:
    done = here("simulate", "rm -rf / on \x1b[31mmonday")
    assert done.out.startswith("blocked: 2 of ")
    assert "  sys_dangerous_destructive_fs (security-dangerous, critical): block\n" in done.out
    assert "    an override cannot lift it\n" in done.out
    assert "    at 0-" in done.out
    assert done.err == "Judged by what the agent says is in force. Nothing was recorded.\n"
    masked = here("simulate", "--local", "--output", f"\x1b[31m {SSN}").out
    assert masked.startswith("allowed, with what is private masked: ")
    assert (masked.splitlines()[-1], SSN in masked) == ("masked: [31m [REDACTED:ssn#1]", False)


def test_a_file_is_judged_as_the_write_of_it_or_as_what_is_read(here: Cli, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text(f"number {SSN}\n")
    assert judged(here, "--local", "--output", "--file", str(notes))[1]["redacted"] == "number [REDACTED:ssn#1]\n"
    named = tmp_path / "prod-db-3.sh"
    named.write_text("echo x\n")
    status, value = judged(here, "--file", str(named))
    assert (status, value["action"], value["matches"][0]["places"]) == (
        3,
        "block",
        [[len(str(tmp_path)) + 1, len(str(named)) - 3]],
    )
    assert judged(here, "--tool", "Bash", "--file", str(named))[0] == 0


def test_text_from_stdin(here: Cli) -> None:
    done = here.run("simulate", "-", stdin="rm -rf /\n")
    assert (done.code, done.out.partition(":")[0]) == (3, "blocked")


@pytest.mark.parametrize("arguments", [[], [""], ["ls", "--file", "/etc/hostname"], ["ls", "-l"], ["a", "b"]], ids=repr)
def test_wrong_usage(cli: Cli, arguments: list[str]) -> None:
    done = cli("simulate", *arguments)
    assert (done.code, done.out) == (2, "")


def pipe(path: Path) -> None:
    os.mkfifo(path)


def binary(path: Path) -> None:
    path.write_bytes(b"\xff\xfe\x00")


def large(path: Path) -> None:
    with path.open("wb") as stream:
        stream.truncate(8_000_001)


def missing(_path: Path) -> None:
    return


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (missing, "cannot be read (No such file or directory)"),
        (lambda path: path.mkdir(), "cannot be read (Is a directory)"),
        (pipe, "is no file"),
        (binary, "is no text in UTF-8"),
        (large, "has more than 8000000 bytes"),
    ],
    ids=["missing", "folder", "pipe", "binary", "large"],
)
def test_files_that_cannot_be_judged(cli: Cli, tmp_path: Path, make: Any, said: str) -> None:
    path = tmp_path / "the file"
    make(path)
    done: Result = cli("simulate", "--file", str(path))
    assert (done.code, done.out, done.err.count("\n")) == (1, "", 1)
    assert f"ERROR {path} {said}" in done.err


def test_without_an_embedded_agent_the_policies_of_this_machine_judge_and_it_is_said(cli: Cli, stand_in: Any) -> None:
    cli.environ["AXONFLOW_ENDPOINT"] = "http://127.0.0.1:9"
    gone = cli("simulate", "rm -rf /")
    assert (gone.code, "No agent says what is in force" in gone.err) == (3, True)
    cli.environ["AXONFLOW_ENDPOINT"] = stand_in.url
    other = cli("simulate", "rm -rf /")
    assert (other.code, "The agent is no embedded one" in other.err) == (3, True)
