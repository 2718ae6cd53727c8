"""The agent's settings in `config.toml`, with a real agent and the commands that read its data."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.agent.store.keys import SIGNING_KEY_NAME

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.agent.conftest import AgentProcess


def home_with(folder: Path, config: str, mode: int = 0o600) -> Path:
    settings = folder / "home" / ".config" / "axonflow" / "config.toml"
    settings.parent.mkdir(parents=True, mode=0o700)
    settings.write_text(config, encoding="utf-8")
    settings.chmod(mode)
    return folder / "home"


def test_an_agent_and_the_commands_find_the_same_keys(start_agent: Callable[..., AgentProcess], tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    home = home_with(tmp_path, f'agent_key_dir = "{keys}"\nagent_rate_limit_per_minute = 2\n')
    agent = start_agent(home=home)
    assert agent.endpoint, agent.stderr
    with agent.client() as client:
        statuses = [client.get("/api/v1/decisions").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert agent.stop() == 0
    assert (keys / SIGNING_KEY_NAME).is_file()
    assert not (agent.data_dir / SIGNING_KEY_NAME).exists()
    program = "import sys; from axonflow_hooks.cli import main; sys.exit(main(sys.argv[1:]))"
    environ = {"HOME": str(home), "PATH": os.environ["PATH"]}
    command = [sys.executable, "-c", program, "audit", "verify", "--data-dir", str(agent.data_dir)]
    done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("config", "mode", "said"),
    [
        ("agent_audit_retention_days = 0\n", 0o600, "AXONFLOW_AGENT_AUDIT_RETENTION_DAYS"),
        ('agent_key_dir = "keys"\n', 0o600, "AXONFLOW_AGENT_KEY_DIR"),
        ("agent_approval_ttl_seconds = 5\n", 0o600, "AXONFLOW_AGENT_APPROVAL_TTL_SECONDS"),
        ('agent_team_mode = "maybe"\n', 0o600, "AXONFLOW_AGENT_TEAM_MODE"),
        ("agent_colour = 1\n", 0o600, "agent_colour"),
        ('agent_database_url = "postgresql://u@h/d"\n', 0o644, "chmod 600"),
    ],
    ids=["days", "relative", "ttl", "switch", "unknown", "open to others"],
)
def test_what_cannot_be_meant_ends_the_start(
    start_agent: Callable[..., AgentProcess], tmp_path: Path, config: str, mode: int, said: str
) -> None:
    agent = start_agent(home=home_with(tmp_path, config, mode))
    assert agent.wait() == 1
    assert said in agent.stderr[-1]
