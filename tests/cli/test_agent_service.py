"""The agent in the background, by the commands that start, show and stop it (real processes)."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import sqlite3
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from axonflow_hooks.agent.service import control, health
from axonflow_hooks.agent.service.instance import find_instance
from tests.conftest import NO_TLS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.cli.conftest import Cli, Result


LONG_S = 100.0


@pytest.fixture
def folder(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a data folder with a space in its name; whatever runs on it ends with the test."""
    for module, name in ((control, "START_S"), (control, "STOP_S"), (health, "WAIT_S")):
        monkeypatch.setattr(module, name, LONG_S)  # a busy machine is not what is tested
        cli.before += f"import {module.__name__} as module\nmodule.{name} = {LONG_S}\n"
    cli.home.mkdir()
    data = tmp_path / "my data"
    yield data
    cli("agent", "stop", "--data-dir", str(data))


def agent(cli: Cli, folder: Path, *words: str, **environ: str) -> Result:
    return cli("agent", *words, "--data-dir", str(folder), **environ)


def start(cli: Cli, folder: Path, *words: str, **environ: str) -> Result:
    return agent(cli, folder, "start", "--port", "0", *words, **environ)


def status(cli: Cli, folder: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(agent(cli, folder, "status", "--json").out)
    return value


def test_start_status_stop(cli: Cli, folder: Path) -> None:
    assert agent(cli, folder, "status").code == 3
    began = start(cli, folder)
    assert (began.code, began.err) == (0, "")
    found = status(cli, folder)
    assert found["state"] == "running"
    assert f"{found['endpoint']} (process {found['pid']}, " in began.out
    assert found["policies"] > 100
    assert found["audit"]["healthy"] is True
    assert found["data_dir"] == str(folder)
    assert (
        httpx.get(f"{found['endpoint']}/health", timeout=60, trust_env=False, verify=NO_TLS).json()["status"]
        == "healthy"
    )
    shown = agent(cli, folder, "status")
    assert shown.code == 0
    assert {line.split(":")[0] for line in shown.out.splitlines()} >= {"state", "endpoint", "policies", "audit"}
    again = start(cli, folder)
    assert (again.code, "runs already" in again.out) == (0, True)
    ended = agent(cli, folder, "stop")
    assert (ended.code, f"process {found['pid']}" in ended.out) == (0, True)
    assert status(cli, folder)["state"] == "stopped"
    assert agent(cli, folder, "stop").out.startswith("No agent runs on ")


def test_its_log_is_private_and_it_has_no_terminal(cli: Cli, folder: Path) -> None:
    start(cli, folder)
    log = cli.paths.agent_log
    assert log.stat().st_mode & 0o777 == 0o600
    assert "listening on http://127.0.0.1:" in log.read_text()
    found = find_instance(folder)
    assert found is not None
    if sys.platform == "linux":
        session = Path(f"/proc/{found.pid}/stat").read_text().rpartition(")")[2].split()[3]
        assert session == str(found.pid)


def test_two_that_start_at_once_give_one_agent(cli: Cli, folder: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        results = list(
            pool.map(lambda _: cli.run("agent", "start", "--port", "0", "--data-dir", str(folder)), range(2))
        )
    assert [result.code for result in results] == [0, 0], results
    found = find_instance(folder)
    assert found is not None
    assert all(found.endpoint in result.out for result in results)
    assert _agents_on(folder) <= {found.pid}, "the other one would take over when this one is stopped"


def _agents_on(folder: Path) -> set[int]:
    """Give the processes that were started on a data folder, where the system tells (Linux)."""
    found = set()
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if str(folder).encode() in file.read_bytes().split(b"\0"):
                found.add(int(file.parent.name))
    return found


def test_another_port_than_that_of_the_one_that_runs_is_told(cli: Cli, folder: Path) -> None:
    start(cli, folder)
    result = agent(cli, folder, "start", "--port", "1")
    assert result.code == 1
    assert "runs already" in result.err


def test_why_it_cannot_start_is_told(cli: Cli, folder: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = agent(cli, folder, "start", "--port", str(port))
    assert result.code == 1
    assert f"Port {port} on 127.0.0.1 is taken" in result.err
    assert len(result.err.splitlines()) == 1


def test_after_a_kill_it_is_stopped_and_starts_again(cli: Cli, folder: Path) -> None:
    start(cli, folder)
    found = find_instance(folder)
    assert found is not None

    os.kill(found.pid, signal.SIGKILL)
    end = time.monotonic() + 60
    while status(cli, folder)["state"] != "stopped":  # its threads end one after the other
        assert time.monotonic() < end
    assert start(cli, folder).code == 0
    assert status(cli, folder)["pid"] != found.pid


def test_clients_are_added_listed_and_revoked(cli: Cli, folder: Path) -> None:
    assert start(cli, folder).code == 0
    endpoint = status(cli, folder)["endpoint"]
    made = agent(cli, folder, "client", "add", "ci")
    assert made.code == 0
    credential = dict(line.split(": ") for line in made.out.splitlines())
    auth = (credential["client_id"], credential["client_secret"])

    def call() -> int:
        body = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        options: dict[str, Any] = {"auth": auth, "timeout": 60, "trust_env": False, "verify": NO_TLS}
        return httpx.post(f"{endpoint}/api/v1/mcp-server", json=body, **options).status_code

    assert call() == 200
    assert agent(cli, folder, "client", "add", "ci").code == 1
    assert auth[1] not in agent(cli, folder, "client", "list", "--json").out
    assert not [path for path in folder.glob("agent.db*") if auth[1].encode() in path.read_bytes()]
    assert agent(cli, folder, "client", "revoke", "ci").code == 0
    assert call() == 401
    (row,) = json.loads(agent(cli, folder, "client", "list", "--json").out)["clients"]
    assert (row["client_id"], row["created_by"], "revoked_at" in row) == ("ci", "local", True)
    assert agent(cli, folder, "client", "revoke", "ci").code == 1


def test_a_client_that_was_changed_past_the_agent_is_named_and_refused(cli: Cli, folder: Path) -> None:
    assert start(cli, folder).code == 0
    assert agent(cli, folder, "client", "add", "ci").code == 0
    assert "refused" not in agent(cli, folder, "client", "list").out
    with contextlib.closing(sqlite3.connect(folder / "agent.db", timeout=30)) as database, database:
        database.execute("UPDATE agent_clients SET created_by = char(27) || 'somebody' WHERE client_id = 'ci'")
    listed, told = agent(cli, folder, "client", "list").out, agent(cli, folder, "status").out
    assert ("ci " in listed, "refused: " in listed) == (True, True)
    assert [line for line in told.splitlines() if line.startswith("fault") and "ci" in line]
    assert "\x1b" not in listed + told


def test_without_an_agent_there_are_no_clients(cli: Cli, folder: Path) -> None:
    result = agent(cli, folder, "client", "list")
    assert (result.code, "agent start" in result.err) == (1, True)


@pytest.mark.parametrize(("manager", "mark"), [("systemd", "ExecStart="), ("launchd", "ProgramArguments")])
def test_a_unit_is_printed_without_passwords(cli: Cli, folder: Path, manager: str, mark: str) -> None:
    url = "postgresql://u:pa55word@h/db"
    result = agent(cli, folder, "service", manager, AXONFLOW_AGENT_DATABASE_URL=url, PII_ACTION="block")
    assert result.code == 0
    assert mark in result.out
    assert str(folder) in result.out
    assert "PII_ACTION" in result.out
    assert "pa55word" not in result.out + result.err
    assert "AXONFLOW_AGENT_DATABASE_URL" in result.err


def test_an_unknown_manager_is_refused(cli: Cli, folder: Path) -> None:
    assert "systemd or launchd" in agent(cli, folder, "service", "upstart").err


def test_a_log_that_cannot_be_written_is_named_with_the_way_out(cli: Cli, folder: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    ended = start(cli, folder, "--log-file", str(tmp_path / "file" / "agent.log"))
    assert ended.code == 1
    assert "cannot be written" in ended.err
    assert "Choose another --log-file." in ended.err
