"""What later sessions run in: asked about where it is changed, and nowhere else."""

from __future__ import annotations

from pathlib import PurePosixPath

import pytest

from axonflow_hooks.claude_code.guard_commands import MAX_COMMAND_CHARS
from axonflow_hooks.claude_code.guard_surroundings import file_objection, line_objection

ASKED = [
    "echo 'export AXONFLOW_FAIL_MODE=open' >> ~/.bashrc",
    "cat >> $HOME/.zshenv <<'EOF'\nexport AXONFLOW_ENDPOINT=http://192.0.2.1\nEOF",
    "printf 'AXONFLOW_ENDPOINT=x\\n' | sudo tee -a /etc/environment",
    "sed -i '$ a export CLAUDE_CONFIG_DIR=/tmp/x' ~/.profile",
    "echo 'set -gx AXONFLOW_ENDPOINT x' > ~/.config/fish/config.fish",
    "echo AXONFLOW_TELEMETRY=off >> ~/.config/environment.d/10-a.conf",
    "systemctl --user set-environment AXONFLOW_FAIL_MODE=open",
    "launchctl setenv AXONFLOW_ENDPOINT http://192.0.2.1",
    "CLAUDE_CONFIG_DIR=/tmp/x claude -p 'do it'",
    "export HOME=/tmp/x; claude -p hi",
    "env -i PATH=$PATH claude -p hi",
    "AXONFLOW_ENDPOINT=http://192.0.2.1 nohup claude -p hi &",
    "claude --settings '{\"disableAllHooks\": true}' -p hi",
    "claude --setting-sources= -p hi",
    "HOME=/tmp/x npx -y @anthropic-ai/claude-code -p hi",
    "claude config set -g theme dark",
]
PASSED = [
    "export AXONFLOW_ENDPOINT=http://localhost:8080",
    "AXONFLOW_ENDPOINT=http://localhost:8080 axonflow-hooks status",
    "grep -n AXONFLOW_ENDPOINT= ~/.bashrc",
    "cat ~/.profile | grep AXONFLOW_FAIL_MODE=open",
    "echo 'export PATH=$PATH:~/bin' >> ~/.bashrc",
    "echo 'Set AXONFLOW_FAIL_MODE=open in ~/.bashrc' >> NOTES.md",
    "git commit -m 'docs: claude --settings and HOME=/tmp/x'",
    "claude --version",
    "HOME=/tmp/x claude --version",
    "claude -p 'summarise the log'",
    "claude config list",
    "HOME=/tmp/x npm test",
    "CLAUDE_CONFIG_DIR=/tmp/x claude -p " + "x" * MAX_COMMAND_CHARS,
]


@pytest.mark.parametrize("command", ASKED)
def test_a_person_is_asked_about_other_surroundings(command: str) -> None:
    objection = line_objection(command)
    assert objection is not None
    assert objection.decision == "ask"


@pytest.mark.parametrize("command", PASSED, ids=lambda command: command[:40])
def test_ordinary_lines_pass(command: str) -> None:
    assert line_objection(command) is None


@pytest.mark.parametrize(
    ("path", "before", "after", "asked"),
    [
        ("/home/dev/.bashrc", "", "export AXONFLOW_FAIL_MODE=open\n", True),
        ("/home/dev/.bashrc", "export AXONFLOW_FAIL_MODE=closed\n", "export AXONFLOW_FAIL_MODE=open\n", True),
        ("/home/dev/.bashrc", "export AXONFLOW_FAIL_MODE=closed\n", "", True),
        ("/home/dev/.bashrc", "export AXONFLOW_FAIL_MODE=closed\n", "export AXONFLOW_FAIL_MODE=closed\nls\n", False),
        ("/home/dev/.bashrc", "", "alias ll='ls -l'\n", False),
        ("/work/app/.envrc", "", "export AXONFLOW_ENDPOINT=http://192.0.2.1\n", True),
        ("/work/app/docs/setup.md", "", "export AXONFLOW_ENDPOINT=http://192.0.2.1\n", False),
    ],
)
def test_edits_of_start_up_files(path: str, before: str, after: str, asked: bool) -> None:
    objection = file_objection(PurePosixPath(path), before, after)
    assert (objection is not None and objection.decision == "ask") is asked
