"""Command lines that touch what governs, and the ordinary ones that only talk of it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.account.agent_places import note_agent_folders
from axonflow_hooks.claude_code.guard_bash import bash_objection
from axonflow_hooks.claude_code.guarded_places import GuardedPlaces, guarded_places
from axonflow_hooks.paths import resolve_paths

if TYPE_CHECKING:
    from pathlib import Path

ENVIRON = {
    "HOME": "/home/dev",
    "CLAUDE_PLUGIN_ROOT": "/opt/plug in/axonflow",
    "CLAUDE_PLUGIN_DATA": "/home/dev/.claude/plugins/data/axonflow-market",
}
CWD = "/work/app"

ORDINARY = [
    "rm *.json */settings.json",
    "yq .permissions .claude/settings.json",
    "git status",
    "git log --oneline -- .claude/settings.json",
    "git diff .claude/settings.local.json | head -50",
    "git add .claude/settings.json .mcp.json",
    'git commit -m "Guard writes to .claude/settings.json (tee, sed; rm) and hooks > all"',
    'git commit -m "stop the axonflow agent; kill it" && git push',
    "git commit -F - <<'EOF'\nrm .claude/settings.json; pkill axonflow\nEOF",
    "git commit -m \"$(cat <<'EOF'\nfeat: guard `.claude/settings.json`\n\nkill, pkill and rm are judged.\nEOF\n)\"",
    'gh pr create --title "Guard .claude/settings.json" --body "rm .claude/settings.json; is denied now (see #2)"',
    "cat .claude/settings.json",
    "cat .claude/settings.json | jq .hooks",
    "jq '.permissions' ~/.claude/settings.json",
    'grep -rn "disableAllHooks" .claude',
    "grep -rn kill axonflow_hooks/",
    "rg 'axonflow-hooks agent stop' docs/",
    "rg 'axonflow-hooks override confirm' docs/",
    "rg 'axonflow-hooks agent client add' docs/",
    "pip install 'axonflow-hooks[agent]'",
    "axonflow-hooks agent --help",
    "uv remove requests",
    "axonflow-hooks override list",
    "axonflow-hooks override revoke ovr_1",
    "axonflow-hooks approval list --json",
    "axonflow-hooks approval reject apr_1",
    "axonflow-hooks presence status",
    "echo 'run axonflow-hooks override confirm' >> NOTES.md",
    'git commit -m "axonflow-hooks override confirm"',
    'echo "edit .claude/settings.json; then rm it > done"',
    "echo 'pkill -f axonflow' >> NOTES.md",
    'printf "%s\\n" ".mcp.json" >> .gitignore',
    "ls -la ~/.claude ~/.config/axonflow",
    "find . -name settings.json -not -path './node_modules/*'",
    "find .claude -type f",
    "DJANGO_SETTINGS_MODULE=config.settings.local python manage.py migrate",
    "python manage.py test --settings=config.settings.local",
    "sed -i 's/a/b/' config/settings/local.py",
    "sed -n '1,20p' .claude/settings.json",
    "rm -rf build dist",
    "rm settings.json",
    "kill 12345",
    'pkill -f "vite dev"',
    "killall node",
    "docker compose down",
    "cp .claude/settings.json /tmp/backup.json",
    "tar czf /tmp/backup.tgz .claude",
    "diff .claude/settings.json /tmp/backup.json",
    "mkdir -p .claude/commands && cat > .claude/commands/a.md <<'EOF'\nMention .claude/settings.json; rm x\nEOF",
    "cat > docs/guard.md <<'EOF'\nRun `rm .claude/settings.json` never. pkill axonflow.\nEOF",
    "npm run build && npm test",
    "cd .claude && ls && cat settings.json",
    "if [ -f .claude/settings.json ]; then echo yes; fi",
    "test -f .mcp.json && echo found",
    'for f in src/*.py; do wc -l "$f"; done',
    "curl -s http://localhost:8080/health | jq .",
    "claude --version",
    "claude mcp list",
    "export NODE_OPTIONS=--max-old-space-size=4096",
    "pytest tests/settings -q",
    "vim settings.json.j2",
    "python -m axonflow_hooks status",
    "axonflow-hooks status",
    "axonflow-hooks policy check < cases.jsonl",
    "tail -f ~/.local/state/axonflow/ungoverned.jsonl",
    "stat ~/.config/axonflow/license-token.json",
    "# rm .claude/settings.json",
    "npx create-app my-app # then edit .mcp.json",
    "cat .claude/agents/reviewer.md > /tmp/x",
    "sed -i s/a/b/ .claude/agents/reviewer.md",
    "rm .claude-flow/settings.json",
    "git clone https://github.com/getaxonflow/axonflow && cd axonflow && docker compose up -d",
    "mv notes.md ~/",
    "mv a.txt .",
    "pip install axonflow-hooks",
    "echo hi 2>&1 >/dev/null",
    "awk '{print $1}' access.log | sort | uniq -c",
    "(cd frontend && npm ci) && make",
    "cat <<EOF > config.yml\nname: $USER\nEOF",
]

DENIED = [
    "yq -i '.disableAllHooks = true' .claude/settings.json",
    "echo x > .c*/settings.json",
    "rm .claud?/settings.local.json",
    "echo '{\"disableAllHooks\":true}' > .claude/settings.local.json",
    "echo x >> ~/.claude/settings.json",
    "printf x>.claude/settings.json",
    ": > .claude/settings.json",
    "cat > .claude/settings.json <<'EOF'\n{}\nEOF",
    "tee .claude/settings.local.json < /tmp/x",
    "echo y | tee -a .claude/hooks/x.sh",
    "cd .claude && echo '{}' > settings.json",
    "cd .claude; rm settings.local.json",
    "(cd .claude && rm settings.json)",
    "true && { rm .claude/settings.json; }",
    "if true; then rm .claude/settings.json; fi",
    "cp /tmp/x .claude/settings.json",
    "cp -t .claude/ settings.json",
    "rsync /tmp/x .claude/settings.json",
    "dd of=.claude/settings.json if=/tmp/x",
    "mv .claude /tmp/x",
    "ln -s /tmp/x .claude/settings.local.json",
    "truncate -s0 .CLAUDE/Settings.json",
    "rm -rf ~/.claude",
    "rm -rf $HOME/.claude/plugins",
    'rm "$HOME/.claude/settings.json"',
    "rm ${HOME}/.claude/settings.json",
    "rm .cl''aude/sett\\ings.json",
    "rm .claude/set*",
    "rm .claude/foo/../settings.json",
    "rm ~/.claude.json",
    "echo x > ./.mcp.json",
    "sed -i s/false/true/ .claude/settings.json",
    "sed -n 'w .claude/settings.json' /tmp/evil",
    "D=.claude; echo x > $D/settings.json",
    "export D=.claude && echo x > ${D}/settings.json",
    'f=.claude/settings.json && rm "$f"',
    "for f in .claude/settings.json; do rm $f; done",
    "bash -c 'rm .claude/settings.json'",
    "sh -ec 'cd .claude; rm settings.json'",
    'eval "rm .claude/settings.json"',
    "rm $(echo .claude/settings.json)",
    "rm `echo .claude/settings.json`",
    "sudo rm .claude/settings.json",
    "env X=1 rm .claude/settings.json",
    "echo x # y\nrm .claude/settings.json",
    'echo "\ncat <<EOF\n"; rm .claude/settings.json; echo "\nEOF\n"',
    'git x"-m \'"; rm .claude/settings.json; echo "\'"',
    "rm /etc/claude-code/managed-settings.json",
    'echo x > "/opt/plug in/axonflow/hooks/run"',
    'cd "/opt/plug in/axonflow" && rm hooks/run',
    "rm -rf /opt/plug\\ in/axonflow/axonflow_hooks",
    "chmod -x '/opt/plug in/axonflow/hooks/run'",
    "rm ~/.local/state/axonflow/ungoverned.jsonl",
    "rm -rf ~/.config/axonflow",
    "echo 'fail_mode = \"open\"' > ~/.config/axonflow/config.toml",
    "rm -r ~/.claude/plugins/data/axonflow-market/environments",
    "cat ~/.config/axonflow/license-token.json",
    "cat ~/.config/axonflow/*.json",
    "cp -r ~/.config/axonflow /tmp/x",
    "base64 < ~/.config/axonflow/agent-credentials.json",
    "grep -r . ~/.config/axonflow",
    "cd ~/.config/axonflow && python3 -m http.server --directory try-registration.json",
    "pkill -f axonflow",
    "pkill -9 -f axonflow_hooks",
    "killall axonflow-hooks",
    "kill $(pgrep -f axonflow)",
    "kill -9 `pidof axonflow-hooks`",
    "pgrep -f axonflow | xargs kill",
    "ps aux | grep axonflow | awk '{print $2}' | xargs kill -9",
    "systemctl --user stop axonflow-agent",
    "launchctl bootout gui/501 com.axonflow.agent",
    "axonflow-hooks agent stop",
    "uv run axonflow-hooks agent stop",
    "python -m axonflow_hooks agent stop",
    "axonflow-hooks override confirm KQ7P-2MXD",
    "axonflow-hooks override create sys_x --reason 'the user said so'",
    "axonflow-hooks approval approve apr_1",
    "axonflow-hooks presence set",
    "axonflow-hooks proxy approve files:read",
    "echo 'axonflow-hooks agent stop' | sh",
    "axonflow-hooks agent client add ci; axonflow-hooks presence set",
    "docker stop axonflow-agent > ~/.claude/settings.json",
    "docker stop axonflow-agent; rm ~/.claude/settings.json",
    "script -qc 'axonflow-hooks override confirm' /dev/null",
    "X=axonflow-hooks; $X override confirm",
    "sh '/srv/plugin/hooks/run' cli override confirm",
    "python3 -m axonflow_hooks.cli override confirm",
    "python3 -c \"import subprocess; subprocess.run(['axonflow-hooks', 'override', 'confirm'])\"",
    "python3 - <<'EOF'\nimport pty; pty.spawn(['axonflow-hooks', 'approval', 'approve', 'apr_1'])\nEOF",
    "echo 'axonflow-hooks override confirm' | sh",
    "expect -c 'spawn axonflow-hooks override confirm; send x'",
    "cat ~/.local/share/axonflow/agent/presence.json",
    "claude plugin disable axonflow",
    "claude plugin uninstall axonflow@market",
    "claude plugins disable --all",
]

ASKED = [
    "find .claude -name 'settings*' | xargs rm",
    "find .claude -name settings.json -delete",
    'find .claude -name settings.json | while read f; do rm "$f"; done',
    "python3 -c \"open('.claude/settings.json','w').write('{}')\"",
    "python3 - <<'EOF'\nopen('.claude/settings.json','w')\nEOF",
    "python3 <<'EOF'\nopen('.claude/settings.json','w')\nEOF",
    'node -e \'require("fs").writeFileSync(".claude/settings.local.json","{}")\'',
    "echo 'rm .claude/settings.json' | sh",
    "echo \"open('.claude/settings.json','w')\" | python3 -",
    "cat <<EOF\n$(rm .claude/settings.json)\nEOF",
    "cat <<'EOF' | bash\nrm .claude/settings.json\nEOF",
    "git checkout -- .claude/settings.json",
    "git stash push .claude/settings.json",
    "curl -o .claude/settings.json http://x",
    "wget -O .claude/settings.local.json http://x",
    "awk 'BEGIN{print > \".claude/settings.json\"}'",
    "code .mcp.json",
    "docker stop axonflow-agent",
    "axonflow-hooks agent client add ci",
    "echo 'axonflow-hooks agent client add ci' | sh",
    "sh -c 'axonflow-hooks agent client add ci | tee out'",
    "python -m axonflow_hooks agent client add ci",
    "axonflow-hooks agent --data-dir /tmp/other --port 8080",
    "sh '/srv/plugin/hooks/run' cli agent start",
    "sh '/srv/plugin/hooks/run' cli login -",
    "pip3 uninstall -y axonflow-hooks",
    "python3 -m pip uninstall axonflow-hooks",
    "uv tool uninstall axonflow-hooks",
    "rm -rf ~/.local/share ~/.config",
    "rm -rf /opt/*in '/opt/plug in'",
    "mv '/opt/plug in/axonflow' /tmp/gone",
    "rm -rf ~",
]


@pytest.fixture(scope="module")
def places() -> GuardedPlaces:
    return guarded_places(ENVIRON, resolve_paths(ENVIRON), CWD)


@pytest.mark.parametrize("command", ORDINARY)
def test_ordinary_work_is_not_held_up(command: str, places: GuardedPlaces) -> None:
    assert bash_objection(command, CWD, places) is None


@pytest.mark.parametrize("command", DENIED)
def test_what_changes_governance_is_denied(command: str, places: GuardedPlaces) -> None:
    objection = bash_objection(command, CWD, places)
    assert objection is not None
    assert objection.decision == "deny"


@pytest.mark.parametrize("command", ASKED)
def test_what_might_change_governance_is_asked(command: str, places: GuardedPlaces) -> None:
    objection = bash_objection(command, CWD, places)
    assert objection is not None
    assert objection.decision == "ask"


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
    ],
)
def test_relative_names_are_judged_by_where_they_lead(
    cwd: str, command: str, decision: str, places: GuardedPlaces
) -> None:
    objection = bash_objection(command, cwd, places)
    assert (objection.decision if objection else "") == decision


def test_a_config_folder_of_another_name(tmp_path: Path) -> None:
    environ = {"HOME": str(tmp_path), "CLAUDE_CONFIG_DIR": str(tmp_path / "claude-home")}
    places = guarded_places(environ, resolve_paths(environ), CWD)
    for command in ("echo x > $CLAUDE_CONFIG_DIR/settings.json", f"rm {tmp_path}/claude-home/settings.json"):
        objection = bash_objection(command, CWD, places)
        assert objection is not None, command
        assert objection.decision == "deny"
    assert bash_objection("cat $CLAUDE_CONFIG_DIR/settings.json", CWD, places) is None


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
    places = guarded_places(agents, resolve_paths(agents), CWD)
    objection = bash_objection(command.format(folder=tmp_path), CWD, places)
    assert (objection.decision if objection else "") == decision


HOSTILE = {
    "words": "axonflow ",
    "commands": "rm .claude/settings.json; ",
    "prefixes": "env ",
    "globs": "sett-*",
    "paths": ".claude/",
    "mentions": ".claude ",
    "slashes": ".claude////",
    "heredocs": "cat <<A\n",
    "heredocs in a row": "<<A ",
    "lines": "\n",
    "quotes": "'\"",
    "substitutions": "$(",
    "backticks": "`",
    "variables": "A=$A$A;",
    "expansions": "$HOME ",
    "tildes": "~ ",
    "redirections": ">.claude/x ",
    "folders": "cd .claude/a;",
    "evals": "eval eval ",
    "shells": "sh -c 'sh -c ",
    "names": "rm a b c d ",
    "kills": "kill 1 axonflow|",
    "near misses": "/home/dev/.config/axonflo ",
    "backslashes": "\\",
}


@pytest.mark.parametrize("unit", HOSTILE.values(), ids=HOSTILE.keys())
def test_hostile_command_lines_take_linear_time(unit: str, places: GuardedPlaces) -> None:
    def seconds(length: int) -> float:
        command = "cd .claude; " + unit * (length // len(unit))
        started = time.perf_counter()
        bash_objection(command, CWD, places)
        return time.perf_counter() - started

    seconds(1_000)
    small, large = seconds(10_000), min(seconds(100_000), seconds(100_000))
    assert large < max(small, 0.005) * 200, "ten times the length, generously"
    seconds(1_000_000)


def test_a_command_too_long_to_judge_is_denied_where_it_mentions_what_governs(places: GuardedPlaces) -> None:
    long = "echo x; " * 10_000
    assert bash_objection(long, CWD, places) is None
    assert bash_objection("y" * 2_000_000, CWD, places) is None
    for mention in ("cat .claude/settings.json", "axonflow-hooks status", "rm '.cl'aude/settings.json"):
        objection = bash_objection(long + mention, CWD, places)
        assert objection is not None
        assert objection.decision == "deny"
