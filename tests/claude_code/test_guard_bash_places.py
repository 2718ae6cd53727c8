"""Command lines judged by where their words lead: the working folder, folders of other names, folders of agents."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.account.agent_places import note_agent_folders
from axonflow_hooks.paths import resolve_paths
from tests.claude_code.guarded import decision_on_line

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("cwd", "command", "decision"),
    [
        ("/work/app/.claude", "rm settings.json", "deny"),
        ("/work/app/.claude", "echo x > settings.local.json", "deny"),
        ("/work/app/.claude", "rm sett*", "deny"),
        ("/work/app/.claude", "cat settings.json", ""),
        ("/work/app/.claude/agents", "rm reviewer.md", ""),
        ("/work/app/.claude/agents", "rm ../settings.json", "deny"),
        ("/home/dev/.config/axonflow", "rm config.toml", "deny"),
        ("/home/dev/.config/axonflow", "cat license-token.json", "deny"),
        ("/home/dev/.config", "rm -r axonflow", "deny"),
        ("/opt/plug in/axonflow/hooks", "echo x > run", "deny"),
        ("/opt/plug in/axonflow", "make test", ""),
        ("/opt/plug in/axonflow/docs", "rm -r build", ""),
        ("", "rm 'opt/plug in/axonflow/hooks/run'", "deny"),
    ],
)
def test_relative_names_are_judged_by_where_they_lead(cwd: str, command: str, decision: str) -> None:
    assert decision_on_line(command, cwd) == decision


@pytest.mark.parametrize(
    ("command", "decision"),
    [
        ("echo x > $CLAUDE_CONFIG_DIR/settings.json", "deny"),
        ("rm {folder}/claude-home/settings.json", "deny"),
        ("cat $CLAUDE_CONFIG_DIR/settings.json", ""),
    ],
)
def test_a_config_folder_of_another_name(tmp_path: Path, command: str, decision: str) -> None:
    environ = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "claude-home")}
    assert decision_on_line(command.format(folder=tmp_path), environ=environ) == decision


@pytest.fixture
def agents(tmp_path: Path) -> dict[str, str]:
    """Give the environment of a user whose agents keep data and keys in folders of their own choice."""
    environ = {"HOME": str(tmp_path / "home"), "AXONFLOW_AGENT_KEY_DIR": str(tmp_path / "keys")}
    for name in ("home", "keys", "srv"):
        (tmp_path / name).mkdir()
    note_agent_folders(resolve_paths(environ), (tmp_path / "srv",))
    return environ


@pytest.mark.parametrize(
    ("command", "decision"),
    [
        ("rm {folder}/srv/audit-head", "deny"),
        ("cd {folder}/srv && rm -f audit-head*", "deny"),
        ("sqlite3 {folder}/srv/agent.db 'DELETE FROM audit_log'", "ask"),
        ("cp /tmp/old.db {folder}/srv/agent.db", "deny"),
        ("mv {folder}/srv /tmp/gone", "deny"),
        ("rm -rf {folder}", "ask"),
        ("echo x > $AXONFLOW_AGENT_KEY_DIR/presence.json", "deny"),
        ("tee {folder}/keys/audit-signing.key < /dev/zero", "deny"),
        ("cat {folder}/keys/audit-signing.key", "deny"),
        ("cat $AXONFLOW_AGENT_KEY_DIR/*", "deny"),
        ("base64 {folder}/srv/statement-hash.key", "deny"),
        ("cat ~/.local/share/axonflow/agent/audit-signing.key", "deny"),
        ("cp -r ~/.local/share/axonflow/agent /tmp/x", "deny"),
        ("ls -la {folder}/srv $AXONFLOW_AGENT_KEY_DIR", ""),
        ("cat {folder}/keys/audit-signing.pub", ""),
        ("rm -rf {folder}/srv-old", ""),
        ("cat audit-signing.key", ""),
    ],
)
def test_folders_of_agents_are_guarded_wherever_they_are(
    agents: dict[str, str], tmp_path: Path, command: str, decision: str
) -> None:
    assert decision_on_line(command.format(folder=tmp_path), environ=agents) == decision
