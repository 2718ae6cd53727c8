"""`axonflow-hooks proxy check`: what would start, without starting it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.conftest import Reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.proxy.conftest import Agent, World

PROGRAM = [sys.executable, "-c", "import sys; from axonflow_hooks.cli import main; sys.exit(main())", "proxy"]


@pytest.fixture(autouse=True)
def healthy(agent: Agent) -> None:
    agent.server.replies["/health"] = Reply(200, {"status": "healthy", "version": "9.18.0"})


def _check(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, "check"], env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_good_settings(world: World) -> None:
    client = world.client()
    client.call("echo")
    client.close()
    done = _check(world.environ(world.backend("one"), AXONFLOW_CLIENT_ID="me", AXONFLOW_CLIENT_SECRET="hush"))
    assert done.returncode == 0, done.stdout
    assert f"backend one: {sys.executable}" in done.stdout
    assert "is healthy, version 9.18.0" in done.stdout
    assert "2 rows, the chain holds from row 1 to row 2; whether rows after that were removed, no file" in done.stdout
    assert "hush" not in done.stdout + done.stderr
    assert len(world.lines("one", "starts.txt")) == 1, "nothing was started by the check"


@pytest.mark.parametrize(
    ("backend", "settings", "expected"),
    [
        pytest.param({"id": "a", "command": "/no/such/program"}, {}, "is not found", id="no program"),
        pytest.param(
            {"id": "a", "url": "https://x.example", "headers": {"Authorization": {"env": "NOT_SET"}}},
            {},
            "NOT_SET",
            id="no secret",
        ),
        pytest.param(
            {"id": "a", "command": sys.executable},
            {"AXONFLOW_ENDPOINT": "http://a.example"},
            "not encrypted",
            id="http",
        ),
        pytest.param({"id": "a"}, {}, "line 1", id="map"),
        pytest.param(
            {"id": "a", "command": "x"}, {"AXONFLOW_DECIDE_TIMEOUT": "1"}, "AXONFLOW_DECIDE_TIMEOUT", id="value"
        ),
    ],
)
def test_faults_are_named(world: World, backend: dict[str, object], settings: dict[str, str], expected: str) -> None:
    done = _check(world.environ(backend, **settings))
    assert done.returncode == 1
    assert expected in done.stdout + done.stderr


def test_secrets_in_addresses_are_not_shown(world: World) -> None:
    done = _check(world.environ({"id": "a", "url": "https://x.example/mcp?token=hush"}))
    assert "https://x.example/mcp " in done.stdout
    assert "hush" not in done.stdout + done.stderr


def test_broken_audit_chain_is_told(world: World) -> None:
    client = world.client()
    client.call("echo")
    client.close()
    path = world.home / "audit" / "audit.jsonl"
    path.write_text(path.read_text().replace('"tool_name":"echo"', '"tool_name":"else"', 1))
    done = _check(world.environ(world.backend("one")))
    assert done.returncode == 1
    assert "line 1 was changed" in done.stdout


@pytest.mark.parametrize(
    ("change", "told"),
    [
        pytest.param(lambda lines: lines[1:], "it begins with row 2, and no rotation has deleted", id="beginning"),
        pytest.param(lambda lines: [lines[0], *lines[2:]], "before line 2 something is missing", id="middle"),
    ],
)
def test_rows_that_are_missing_are_told(world: World, change: Callable[[list[str]], list[str]], told: str) -> None:
    client = world.client()
    for _ in range(2):
        client.call("echo")
    client.close()
    path = world.home / "audit" / "audit.jsonl"
    path.write_text("".join(change(path.read_text().splitlines(keepends=True))))
    done = _check(world.environ(world.backend("one")))
    assert done.returncode == 1
    assert f"ERROR audit file {path}: the chain is broken: {told}" in done.stdout


def test_the_files_of_proxies_side_by_side_are_all_looked_at(world: World) -> None:
    for client in [world.client() for _ in range(2)]:
        client.call("echo")
    for client in world.clients:
        client.close()
    path = world.home / "audit" / "audit.2.jsonl"
    path.write_text(path.read_text().replace('"tool_name":"echo"', '"tool_name":"else"', 1))
    done = _check(world.environ(world.backend("one")))
    assert done.returncode == 1
    assert "OK    audit file" in done.stdout
    assert f"ERROR audit file {path}" in done.stdout


def test_an_agent_that_is_not_there_is_told_with_what_to_do(world: World, dead_url: str) -> None:
    done = _check(world.environ(world.backend("one"), AXONFLOW_ENDPOINT=dead_url))
    assert done.returncode == 1
    assert f"ERROR agent {dead_url}: " in done.stdout
    assert "axonflow-hooks agent start" in done.stdout


@pytest.mark.parametrize(
    ("reply", "told"),
    [
        pytest.param(Reply(200, {"status": "degraded"}), "it says that it is degraded", id="not well"),
        pytest.param(Reply(404, {"error": "x"}), "HTTP 404", id="something else"),
    ],
)
def test_an_agent_that_is_not_well_is_told(world: World, agent: Agent, reply: Reply, told: str) -> None:
    agent.server.replies["/health"] = reply
    done = _check(world.environ(world.backend("one")))
    assert done.returncode == 1
    assert told in done.stdout


def test_what_could_not_start_is_not_called_good(world: World) -> None:
    hide = "import sys; sys.modules['rfc8785'] = None; "
    program = [PROGRAM[0], "-c", hide + PROGRAM[2], *PROGRAM[3:], "check"]
    done = subprocess.run(
        program, env=world.environ(world.backend("one")), capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode != 0
    assert "axonflow-hooks[desktop]" in done.stderr
    assert "OK" not in done.stdout
