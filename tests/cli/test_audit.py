"""`axonflow-hooks audit` on real databases, with and without an agent that writes to them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.cli import audit_trail
from axonflow_hooks.cli.audit_view import printable
from tests.agent.audit_trail.conftest import entry, plain, write

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ENTRIES = 20


@pytest.fixture
def folder(cli: Cli) -> Path:
    """Give the default data folder, with a trail in it: every third entry is a block, every second has a decision."""
    data = cli.paths.agent_data_dir
    data.mkdir(mode=0o700, parents=True)
    write(data, range(1, ENTRIES + 1))
    return data


def lines(text: str) -> list[Any]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize(
    ("options", "numbers"),
    [
        pytest.param([], list(range(1, ENTRIES + 1)), id="all"),
        pytest.param(["-n", "2"], [19, 20], id="limit"),
        pytest.param(["--decision", "blocked"], [3, 6, 9, 12, 15, 18], id="verdict"),
        pytest.param(["--policy", "sys_dangerous"], [3, 9, 15], id="policy"),
        pytest.param(["--user", "nobody@example.com"], [], id="user"),
        pytest.param(["--session", "session-1", "--type", "check_policy", "-n", "1"], [20], id="session and type"),
        pytest.param(["--since", "2020-01-01", "--until", "2021-01-01"], [], id="range"),
        pytest.param(["--since", "1w"], list(range(1, ENTRIES + 1)), id="a week"),
    ],
)
def test_search_finds_entries(cli: Cli, folder: Path, options: list[str], numbers: list[int]) -> None:
    result = cli("audit", "search", "--json", *options)
    assert result.code == 0
    assert [row["sequence"] for row in lines(result.out)] == numbers


def test_search_says_what_it_leaves_out(cli: Cli, folder: Path) -> None:
    assert "18 older entries" in cli("audit", "search", "-n", "2").err


@pytest.mark.parametrize("option", ["--since", "--until"])
def test_a_time_that_is_none_is_told(cli: Cli, folder: Path, option: str) -> None:
    result = cli("audit", "search", option, "yesterday")
    assert (result.code, option in result.err, "2h" in result.err) == (1, True, True)


def test_nothing_that_an_entry_holds_acts_on_the_terminal(cli: Cli, folder: Path) -> None:
    connection = plain(folder / "agent.db")
    connection.execute("UPDATE audit_log SET query = ? WHERE sequence = 20", ("\x1b]0;evil\x07\u202e\nFAULT",))
    connection.close()
    result = cli("audit", "tail", "-n", "1")
    assert len(result.out.splitlines()) == 1
    assert result.out.rstrip("\n").isprintable()
    assert "\\x1b" in result.out


def test_printable_cuts_what_is_long() -> None:
    assert printable("x" * 300) == "x" * 99 + "…"


@pytest.mark.parametrize(
    ("name", "sequence"),
    [("audit_000003", 3), ("3", 3), ("00000000-0000-0000-0000-000000000003", 3)],
    ids=["entry", "number", "decision"],
)
def test_show_gives_an_entry_and_its_decision(cli: Cli, folder: Path, name: str, sequence: int) -> None:
    shown = json.loads(cli("audit", "show", name).out)
    assert shown["entry"]["sequence"] == sequence
    assert shown["decision"]["decision_id"] == shown["entry"]["decision_id"]


@pytest.mark.parametrize("name", ["audit_999", "999", "-", "\x1b"])
def test_show_of_what_is_not_there_fails(cli: Cli, folder: Path, name: str) -> None:
    result = cli("audit", "show", name)
    assert (result.code, "There is no entry" in result.err) == (1, True)


def test_stats_count(cli: Cli, folder: Path) -> None:
    counted = json.loads(cli("audit", "stats", "--json").out)
    assert counted["by_decision"] == {"allowed": 7, "blocked": 3}
    assert counted["by_request_type"] == {"check_policy": ENTRIES}
    assert counted["top_policies"] == [{"policy_id": "sys_dangerous", "decided": 3, "stopped": 3}]
    assert "sys_dangerous (3)" in cli("audit", "stats").out


def test_verify_of_an_intact_trail(cli: Cli, folder: Path) -> None:
    result = cli("audit", "verify")
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"OK    {ENTRIES} entries (1 to {ENTRIES}), 10 decisions, 1 checkpoints")


def test_verify_names_what_is_wrong(cli: Cli, folder: Path) -> None:
    connection = plain(folder / "agent.db")
    connection.execute("UPDATE audit_log SET query = 'ls' WHERE sequence = 7")
    connection.execute("DELETE FROM audit_log WHERE sequence = 20")
    connection.close()
    result = cli("audit", "verify")
    assert result.code == 1
    assert "FAULT changed entry 7 (audit_000007)" in result.out
    assert "FAULT truncated entry 20" in result.out
    report = json.loads(cli("audit", "verify", "--json").out)
    assert (report["intact"], report["findings"][0]["kind"]) == (False, "changed")


def test_a_head_kept_elsewhere_is_compared(cli: Cli, folder: Path) -> None:
    kept = cli("audit", "head").out.strip()
    assert cli("audit", "verify", "--expect-head", kept).code == 0
    other = f"{kept.split(':')[0]}:{'0' * 64}"
    assert cli("audit", "verify", "--expect-head", other).code == 1
    assert "SEQUENCE:HASH" in cli("audit", "verify", "--expect-head", "nonsense").err


def test_a_copy_can_be_verified_with_the_public_key_alone(cli: Cli, folder: Path, tmp_path: Path) -> None:
    key = json.loads(cli("audit", "head", "--json").out)["key"]["public_key"]
    copy = tmp_path / "copy"
    copy.mkdir(mode=0o700)
    (copy / "agent.db").write_bytes((folder / "agent.db").read_bytes())
    result = cli("audit", "verify", "--data-dir", str(copy), "--public-key", key)
    assert result.code == 0
    assert "The signing key is not here" in result.out
    unsigned = cli("audit", "verify", "--data-dir", str(copy))
    assert (unsigned.code, "signed with a key that is not here" in unsigned.out) == (1, True)
    assert "64 hexadecimal" in cli("audit", "verify", "--public-key", "xyz").err


@pytest.mark.parametrize("name", ["jsonl", "csv", "cef", "ocsf", "otlp"])
def test_export_writes_to_stdout_or_a_private_file(cli: Cli, folder: Path, tmp_path: Path, name: str) -> None:
    printed = cli("audit", "export", "--format", name).out
    assert "audit_000020" in printed
    target = tmp_path / "export"
    assert cli("audit", "export", "--format", name, "-o", str(target)).code == 0
    assert target.read_bytes().decode() == printed
    assert target.stat().st_mode & 0o777 == 0o600


def test_export_filters_and_refuses_other_formats(cli: Cli, folder: Path) -> None:
    assert len(cli("audit", "export", "--decision", "blocked").out.splitlines()) == 6
    result = cli("audit", "export", "--format", "xml")
    assert (result.code, "jsonl, csv" in result.err) == (1, True)


def test_export_goes_past_one_page(cli: Cli, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_trail, "_PAGE", 7)
    assert [row["sequence"] for row in lines(cli("audit", "export").out)] == list(range(1, ENTRIES + 1))


def test_a_reader_that_goes_away_is_no_error(cli: Cli, folder: Path) -> None:
    write(folder, range(ENTRIES + 1, 2000))
    with cli.start("audit", "export") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait(120) == 0


def test_tail_follows(cli: Cli, folder: Path) -> None:
    with cli.start("audit", "tail", "-n", "1", "-f", "--json") as process:
        assert process.stdout is not None
        timer = threading.Timer(120, process.kill)
        timer.start()
        assert json.loads(process.stdout.readline())["sequence"] == ENTRIES
        write(folder, range(ENTRIES + 1, ENTRIES + 3))
        assert [json.loads(process.stdout.readline())["sequence"] for _ in range(2)] == [21, 22]
        process.kill()
        timer.cancel()


def test_without_a_database_the_remedy_is_told_and_nothing_is_made(cli: Cli, tmp_path: Path) -> None:
    result = cli("audit", "tail", "--data-dir", str(tmp_path / "none"))
    assert (result.code, "There is no database" in result.err) == (1, True)
    assert not (tmp_path / "none").exists()


def test_a_database_of_another_release_is_refused(cli: Cli, folder: Path) -> None:
    connection = sqlite3.connect(folder / "agent.db")
    connection.execute("UPDATE meta SET value = '99'")
    connection.commit()
    connection.close()
    result = cli("audit", "tail")
    assert (result.code, "schema version 99" in result.err) == (1, True)


def test_reading_changes_nothing(cli: Cli, folder: Path) -> None:
    before = (folder / "agent.db").read_bytes()
    for command in (["search"], ["tail"], ["stats"], ["verify"], ["export"], ["head"], ["show", "1"]):
        assert cli("audit", *command).code == 0
    assert (folder / "agent.db").read_bytes() == before


def test_a_trail_is_read_after_its_agent_was_killed(cli: Cli, folder: Path) -> None:
    program = """
import asyncio, os, sys
from pathlib import Path
from axonflow_hooks.agent.store.database import open_database
from axonflow_hooks.agent.store.writer import Writer
from tests.agent.audit_trail.conftest import verdict
asyncio.run(Writer(open_database(Path(sys.argv[1])).engine).submit(verdict(21)))
os._exit(9)
"""
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", program, str(folder)], cwd=root, check=False)
    assert done.returncode == 9
    assert cli("audit", "verify").out.startswith("OK    21 entries")
    assert "rm -rf /21" in cli("audit", "tail", "-n", "1").out


def test_without_the_extra_the_remedy_is_named(cli: Cli) -> None:
    program = """
import sys
for name in ("sqlalchemy", "cryptography"):
    sys.modules[name] = None
from axonflow_hooks.cli import main
sys.exit(main(["audit", "tail"]))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=cli.environment()
    )
    assert (done.returncode, "axonflow-hooks[agent]" in done.stderr) == (1, True)
    assert len(done.stderr.splitlines()) == 1


def test_the_entries_of_these_tests_are_what_they_say() -> None:
    assert entry(3).policy_decision == "blocked"
