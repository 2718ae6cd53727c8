"""How the plugin gets to its users: by a marketplace, into folders with awkward names, anew, over an old release."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.e2e.claude_code import sensitive
from tests.e2e.claude_code.desk import SYSTEM_PATH
from tests.e2e.claude_code.plugin_copy import copy_plugin, raise_version
from tests.e2e.claude_code.scenario import scenario
from tests.e2e.claude_code.scripted_model import bash, calls
from tests.e2e.claude_code.sensitive import RUNS_A_DOWNLOAD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.claude_code.desk import Desk, Session
    from tests.e2e.claude_code.scripted_model import Block

INSTALLED: Final = "axonflow@axonflow"
USE_OF_A_TOOL: Final = [calls("mcp__plugin_axonflow_axonflow__search_audit_events")]
HOST_PATIENCE_S: Final = 8
OF_INSTALLERS: Final = ("PIP_", "UV_", "SSL_CERT_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


def install(desk: Desk, root: Path, **variables: str) -> Desk:
    """Install the plugin from a folder that is its marketplace, and give the desk without `--plugin-dir`."""
    installed = replace(desk, plugins=(), variables={**desk.variables, **variables})
    installed.plain("plugin", "marketplace", "add", str(root))
    installed.plain("plugin", "install", INSTALLED)
    return installed


def assert_governed(desk: Desk, session: Session) -> None:
    """The first call was denied and the second one masked; no hook failed."""
    denied, masked = session.results[:2]
    assert "AxonFlow policy violation" in denied.text
    assert not (desk.project / "ran.txt").exists()
    assert "[REDACTED:ssn#1]" in masked.text
    runs = session.hooks("SessionStart") + session.hooks("PreToolUse") + session.hooks("PostToolUse")
    assert {(run.outcome, run.exit_code) for run in runs} == {("success", 0)}


def attack_then_leak(desk: Desk) -> tuple[Sequence[Block], Sequence[Block]]:
    """Give two turns: a dangerous command, and one that prints what has to be masked."""
    (desk.project / "record.txt").write_text(sensitive.RECORD)
    return [bash(f"touch ran.txt; {RUNS_A_DOWNLOAD}")], [bash("cat record.txt")]


@scenario("Installed from a marketplace: `plugin marketplace add`, `plugin install`, then governed, with MCP tools")
def test_installed_from_a_marketplace(desk: Desk, tmp_path: Path) -> None:
    installed = install(desk, copy_plugin(tmp_path), AXONFLOW_PYTHON=sys.executable)
    session = installed.session(*attack_then_leak(desk))
    assert_governed(desk, session)
    assert "axonflow" in [plugin["name"] for plugin in session.init["plugins"]]
    assert session.init.get("plugin_errors") in (None, [])
    assert [server["status"] for server in session.init["mcp_servers"]] == ["connected"]


@scenario("Home, project and plugin folders with spaces, quotes and letters beyond ASCII")
def test_awkward_paths(desk: Desk, tmp_path: Path) -> None:
    root = copy_plugin(tmp_path)
    for path in (desk.home, desk.project, root):
        assert " " in path.name
        assert not str(path).isascii()
    session = replace(desk, plugins=(root,), variables={**desk.variables, "AXONFLOW_PYTHON": sys.executable}).session(
        *attack_then_leak(desk)
    )
    assert session.init["cwd"] == str(desk.project)
    assert_governed(desk, session)
    assert [server["status"] for server in session.init["mcp_servers"]] == ["connected"]


@pytest.mark.package_index
@scenario("First session on an empty CLAUDE_PLUGIN_DATA: set up from an index, first call governed, MCP tools there")
def test_first_session(desk: Desk, tmp_path: Path) -> None:
    installed = install(desk, copy_plugin(tmp_path), **installer_variables())
    session = installed.session(*attack_then_leak(desk), USE_OF_A_TOOL)
    data = [path for path in (desk.claude_folder / "plugins" / "data").iterdir() if path.is_dir()]
    problems = [problem.read_text() for folder in data for problem in folder.glob("set-up-problem")]
    if any("The package index cannot be reached" in problem for problem in problems):
        pytest.skip("no package index can be reached from here")
    assert problems == []
    assert_governed(desk, session)
    assert "entries" in session.results[2].text


@scenario("First session whose set-up takes longer than the host waits for an MCP server: governed, MCP tools there")
def test_first_session_with_a_slow_set_up(desk: Desk, tmp_path: Path) -> None:
    slow = slow_installer(tmp_path, seconds=2 * HOST_PATIENCE_S)
    variables = {
        "PATH": f"{slow}:{Path(sys.base_prefix) / 'bin'}:{SYSTEM_PATH}",
        "MCP_TIMEOUT": f"{HOST_PATIENCE_S}000",
    }
    installed = install(desk, copy_plugin(tmp_path), **variables)
    session = installed.session(*attack_then_leak(desk), USE_OF_A_TOOL)
    assert_governed(desk, session)
    assert [server["status"] for server in session.init["mcp_servers"]] == ["connected"]
    assert "entries" in session.results[2].text


def slow_installer(folder: Path, seconds: int) -> Path:
    """Put a `uv` into a folder that takes its time and installs what this interpreter has; give the folder."""
    packages = Path(httpx.__file__).parents[1]
    program = folder / "slow" / "uv"
    program.parent.mkdir()
    program.write_text(
        "#!/bin/sh\n"
        "# uv venv --quiet --no-project --python BASE ENVIRONMENT; uv pip install ...\n"
        f'if [ "$1" = pip ]; then exec sleep {seconds}; fi\n'
        '"$5" -I -m venv --without-pip "$6" || exit 1\n'
        f'for folder in "$6"/lib/*/site-packages; do echo \'{packages}\' > "$folder/all.pth"; done\n'
    )
    program.chmod(0o755)
    return program.parent


def installer_variables() -> dict[str, str]:
    """Give what pip or uv needs on this machine, and a PATH on which a Python of its own is found."""
    kept = {name: value for name, value in os.environ.items() if name.upper().startswith(OF_INSTALLERS)}
    for configuration in (Path.home() / ".config" / "pip" / "pip.conf", Path.home() / ".pip" / "pip.conf"):
        if configuration.is_file():
            kept.setdefault("PIP_CONFIG_FILE", str(configuration))
    return {**kept, "PATH": f"{Path(sys.base_prefix) / 'bin'}:{SYSTEM_PATH}"}


@scenario("The plugin is upgraded in the middle of a session: every call before and after is governed")
def test_upgraded_in_the_middle(desk: Desk, tmp_path: Path) -> None:
    root = copy_plugin(tmp_path)
    installed = install(desk, root, AXONFLOW_PYTHON=sys.executable)
    attack, leak = attack_then_leak(desk)

    def upgrade_then_attack(_: str) -> Sequence[Block]:
        raise_version(root, "2.0.1")
        installed.plain("plugin", "marketplace", "update", "axonflow")
        installed.plain("plugin", "update", INSTALLED)
        return attack

    session = installed.session(attack, leak, upgrade_then_attack, leak)
    denied_before, masked_before, denied_after, masked_after = session.results
    assert ["AxonFlow policy violation" in result.text for result in (denied_before, denied_after)] == [True, True]
    assert ["[REDACTED:ssn#1]" in result.text for result in (masked_before, masked_after)] == [True, True]
    assert not (desk.project / "ran.txt").exists()
    known = json.loads(installed.plain("plugin", "list", "--json").stdout)
    assert [entry["version"] for entry in known if entry["id"] == INSTALLED] == ["2.0.1"]
    assert_governed(desk, installed.session(attack, leak))
