from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks import __version__
from axonflow_hooks.cli import app as app_module
from axonflow_hooks.cli import main

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

REPOSITORY = Path(__file__).parents[2]


def test_version(cli: Cli) -> None:
    result = cli("--version")
    assert (result.code, result.out) == (0, f"axonflow-hooks {__version__}\n")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["nope"], 2, id="unknown-command"),
        pytest.param(["status", "--nope"], 2, id="unknown-option"),
        pytest.param(["agent", "nope"], 2, id="unknown-agent-command"),
        pytest.param(["agent", "--port", "99999"], 2, id="port"),
        pytest.param(["recover"], 2, id="missing-argument"),
        pytest.param([], 2, id="nothing"),
        pytest.param(["--help"], 0, id="help"),
        pytest.param(["agent", "--help"], 0, id="agent-help"),
        pytest.param(["-h"], 0, id="short-help"),
    ],
)
def test_usage(cli: Cli, arguments: list[str], code: int) -> None:
    result = cli(*arguments)
    assert result.code == code
    assert "Usage: axonflow-hooks" in result.out + result.err
    assert "Traceback" not in result.err


@pytest.mark.parametrize(
    ("code", "status"), [(None, 0), (0, 0), (3, 3), ("a message", 1)], ids=["none", "zero", "number", "text"]
)
def test_exit_status(monkeypatch: pytest.MonkeyPatch, code: object, status: int) -> None:
    def leave(**options: object) -> None:
        raise SystemExit(code)

    monkeypatch.setattr(app_module, "app", leave)
    assert main([]) == status


def test_an_interrupt_outside_any_command(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app_module, "app", interrupted)
    assert main([]) == 130


def test_the_script_is_this_function() -> None:
    project = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    assert '[project.scripts]\naxonflow-hooks = "axonflow_hooks.cli:main"\n' in project


AGENT = ["axonflow_hooks.agent", "axonflow_hooks.policy", "sqlalchemy", "re2", "starlette"]
LOADED = """
import json, sys
from axonflow_hooks.cli import main
main(sys.argv[1:])
print(json.dumps(sorted(sys.modules)))
"""


@pytest.mark.parametrize(
    ("arguments", "unwanted"),
    [
        pytest.param(
            ["--version"], ["httpx", "pydantic", "axonflow_hooks.agent", "axonflow_hooks.policy"], id="version"
        ),
        pytest.param(["status"], ["axonflow_hooks.agent", "axonflow_hooks.policy", "sqlalchemy", "re2"], id="status"),
        pytest.param(["login", "-"], AGENT, id="login"),
    ],
)
def test_a_command_loads_what_it_needs(cli: Cli, arguments: list[str], unwanted: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments],
        env=cli.environment({"AXONFLOW_COMMUNITY_SAAS": "0"}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
        timeout=60,
    )
    loaded = set(json.loads(done.stdout.splitlines()[-1]))
    assert "typer" in loaded
    assert loaded.isdisjoint(unwanted)
