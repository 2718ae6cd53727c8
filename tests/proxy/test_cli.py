"""`axonflow-hooks proxy check`: what would start, without starting it."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.proxy.conftest import World

PROGRAM = [sys.executable, "-c", "import sys; from axonflow_hooks.cli import main; sys.exit(main())", "proxy"]


def _check(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, "check"], env=environ, capture_output=True, text=True, check=False, timeout=60)


def test_good_settings(world: World) -> None:
    client = world.client()
    client.call("echo")
    client.close()
    done = _check(world.environ(world.backend("one"), AXONFLOW_CLIENT_ID="me", AXONFLOW_CLIENT_SECRET="hush"))
    assert done.returncode == 0, done.stdout
    assert f"backend one: {sys.executable}" in done.stdout
    assert "2 rows, the chain holds" in done.stdout
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
