"""Edits of settings, plugin files and AxonFlow's data, judged by what they change."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from axonflow_hooks.account.agent_places import note_agent_folders
from axonflow_hooks.claude_code.events import HookEvent
from axonflow_hooks.claude_code.guard import objection_to
from axonflow_hooks.claude_code.guarded_places import guarded_places
from axonflow_hooks.paths import resolve_paths

SETTINGS = {"permissions": {"allow": ["Bash(ls)"]}, "disableAllHooks": False, "env": {"FOO": "1"}}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / ".claude" / "hooks").mkdir(parents=True)
    (folder / ".claude" / "settings.json").write_text(json.dumps(SETTINGS, indent=2), encoding="utf-8")
    (tmp_path / "home" / ".claude").mkdir(parents=True)
    (tmp_path / "plugin" / "hooks").mkdir(parents=True)
    return folder


def decide(project: Path, tool: str, given: dict[str, Any], **environ: str) -> str:
    base = project.parent
    env = {
        "HOME": str(base / "home"),
        "CLAUDE_PLUGIN_ROOT": str(base / "plugin"),
        "CLAUDE_PLUGIN_DATA": str(base / "home" / ".claude" / "plugins" / "data" / "axonflow"),
        **environ,
    }
    event = HookEvent("PreToolUse", cwd=str(project), tool_name=tool, tool_input=given)
    objection = objection_to(event, guarded_places(env, resolve_paths(env), str(project)))
    return objection.decision if objection else ""


def write(project: Path, path: str, content: str = "x") -> str:
    return decide(project, "Write", {"file_path": path, "content": content})


@pytest.mark.parametrize(
    ("path", "decision"),
    [
        ("{home}/.config/axonflow/config.toml", "deny"),
        ("{home}/.config/axonflow/new/file", "deny"),
        ("{home}/.config/axonflow-other/config.toml", ""),
        ("{home}/.local/state/axonflow/ungoverned.jsonl", "deny"),
        ("{home}/.local/share/axonflow/agent/agent.db", "deny"),
        ("{home}/.cache/axonflow/throttle-until", "deny"),
        ("{home}/.claude/plugins/installed_plugins.json", "deny"),
        ("{home}/.claude/plugins/data/axonflow/interpreter", "deny"),
        ("{plugin}/hooks/hooks.json", "deny"),
        ("{plugin}/hooks/run", "deny"),
        ("{plugin}/axonflow_hooks/claude_code/guard.py", "deny"),
        ("{plugin}/.claude-plugin/plugin.json", "deny"),
        ("{plugin}/docs/guide.md", ""),
        ("{plugin}/../plugin/hooks/run", "deny"),
        ("{plugin}/HOOKS/run", "deny"),
        (".claude/hooks/format.sh", "ask"),
        (".claude/commands/review.md", ""),
        (".claude/agents/settings.md", ""),
        (".mcp.json", "ask"),
        ("sub/.mcp.json", "ask"),
        ("{home}/.claude.json", "ask"),
        ("settings.json", ""),
        ("config/settings.local.json", ""),
        ("src/hooks/useThing.ts", ""),
        ("CLAUDE.md", ""),
    ],
)
def test_places(project: Path, path: str, decision: str) -> None:
    base = project.parent
    assert write(project, path.format(home=base / "home", plugin=base / "plugin")) == decision


def changed(**keys: Any) -> str:
    return json.dumps(SETTINGS | keys)


@pytest.mark.parametrize(
    ("content", "decision"),
    [
        (json.dumps(SETTINGS), ""),
        (changed(permissions={"allow": ["Bash(*)"], "deny": []}), ""),
        (changed(model="opus", env={"FOO": "2"}), ""),
        (changed(disableAllHooks=True), "deny"),
        (changed(disableAllHooks="yes"), "deny"),
        (changed(allowManagedHooksOnly=True), "deny"),
        (changed(enabledPlugins={"axonflow@market": False}), "deny"),
        (changed(enabledPlugins={"other@market": False}), ""),
        (changed(env={"FOO": "1", "AXONFLOW_FAIL_MODE": "open"}), "deny"),
        (changed(env={"FOO": "1", "axonflow_endpoint": "http://evil"}), "deny"),
        (changed(env={"FOO": "1", "PII_ACTION": "log"}), "deny"),
        (changed(env={"FOO": "1", "HTTPS_PROXY": "http://evil"}), "deny"),
        (changed(env={"FOO": "1", "PATH": "/tmp/evil"}), "deny"),
        (changed(extraKnownMarketplaces={"m": {}}), "deny"),
        (changed(pluginConfigs={"axonflow@m": {"options": {}}}), "deny"),
        (changed(hooks={"PreToolUse": []}), "ask"),
        (changed(statusLine={"type": "command", "command": "x"}), "ask"),
        (changed(apiKeyHelper="./x.sh"), "ask"),
        ("{", "deny"),
        ("[]", "deny"),
        ("", ""),
        ("\ufeff" + changed(disableAllHooks=True), "deny"),
        ('{"disableAllHooks": false, "disableAllHooks": true}', "deny"),
    ],
)
@pytest.mark.parametrize("name", ["settings.json", "settings.local.json", "Settings.JSON"])
def test_settings_are_judged_by_what_they_will_say(project: Path, name: str, content: str, decision: str) -> None:
    if name != "settings.json":
        (project / ".claude" / name).write_text(json.dumps(SETTINGS), encoding="utf-8")
    assert write(project, f".claude/{name}", content) == decision


def edit(project: Path, old: str, new: str, **more: Any) -> str:
    given = {"file_path": ".claude/settings.json", "old_string": old, "new_string": new, **more}
    return decide(project, "Edit", given)


@pytest.mark.parametrize(
    ("old", "new", "decision"),
    [
        ("fals", "tru", "deny"),
        ("Bash(ls)", "Bash(pwd)", ""),
        ('"FOO"', '"AXONFLOW_TELEMETRY"', "deny"),
        ("{", "", "deny"),
        ("not in the file", "x", "ask"),
        ("\u201cdisableAllHooks\u201d: false", "\u201cdisableAllHooks\u201d: true", "ask"),
    ],
)
def test_an_edit_of_a_few_characters_is_judged_by_the_whole_file(
    project: Path, old: str, new: str, decision: str
) -> None:
    assert edit(project, old, new) == decision


def test_an_edit_hidden_beside_an_empty_list_of_edits(project: Path) -> None:
    assert edit(project, "fals", "tru", edits=[]) == "deny"


def test_multi_edit_is_judged_by_its_end(project: Path) -> None:
    steps = [{"old_string": "fals", "new_string": "@@"}, {"old_string": "@@e", "new_string": "true"}]
    given = {"file_path": ".claude/settings.json", "edits": steps}
    assert decide(project, "MultiEdit", given) == "deny"
    given["edits"] = [*steps, {"old_string": 'Hooks": true', "new_string": 'Hooks": false'}]
    assert decide(project, "MultiEdit", given) == ""


def test_removing_what_enables_the_plugin(project: Path) -> None:
    path = project.parent / "home" / ".claude" / "settings.json"
    path.write_text('{"enabledPlugins": {"axonflow@market": true, "x@market": true}}', encoding="utf-8")
    assert write(project, str(path), '{"enabledPlugins": {"x@market": true}}') == "deny"
    assert write(project, str(path), '{"enabledPlugins": {"axonflow@market": true}}') == ""
    given = {"file_path": "~/.claude/settings.json", "old_string": "true", "new_string": "false", "replace_all": True}
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(project.parent / "home"))
        assert decide(project, "Edit", given) == "deny"


def test_notebook_tool_on_a_settings_file(project: Path) -> None:
    given = {"notebook_path": ".claude/settings.json", "new_source": changed(disableAllHooks=True)}
    assert decide(project, "NotebookEdit", given) == "deny"


def test_settings_that_are_a_link_are_judged_under_both_names(project: Path) -> None:
    dotfiles = project.parent / "dotfiles"
    dotfiles.mkdir()
    target = dotfiles / "claude.json"
    target.write_text("{}", encoding="utf-8")
    link = project.parent / "home" / ".claude" / "settings.json"
    link.symlink_to(target)
    for path in (link, target):
        assert write(project, str(path), '{"disableAllHooks": true}') == "deny"
        assert write(project, str(path), '{"model": "x"}') == ""
    other = project.parent / "other" / ".claude"
    other.mkdir(parents=True)
    (other / "settings.json").symlink_to(project.parent / "elsewhere.json")
    assert write(project, str(other / "settings.json"), '{"disableAllHooks": true}') == "deny"
    (project / "innocent.json").symlink_to(project / ".claude" / "settings.json")
    assert write(project, "innocent.json", changed(disableAllHooks=True)) == "deny"


def test_settings_in_a_config_folder_of_another_name(project: Path) -> None:
    folder = project.parent / "claude-home"
    given = {"file_path": str(folder / "settings.json"), "content": '{"disableAllHooks": true}'}
    assert decide(project, "Write", given) == ""
    assert decide(project, "Write", given, CLAUDE_CONFIG_DIR=str(folder)) == "deny"


def test_managed_settings(project: Path) -> None:
    for path in ("/etc/claude-code/managed-settings.json", "/etc/claude-code/managed-settings.d/10.json"):
        assert write(project, path, '{"disableAllHooks": true}') == "deny"


@pytest.mark.parametrize(
    ("tool", "given", "decision"),
    [
        ("mcp__files__write_file", {"path": "{project}/.claude/settings.json", "content": "{}"}, "ask"),
        ("mcp__files__write_file", {"path": ".claude/settings.local.json", "content": "{}"}, "ask"),
        ("mcp__files__edit", {"files": [{"uri": "file://{home}/.config/axonflow/config.toml"}]}, "ask"),
        ("mcp__files__read_file", {"path": "{project}/.claude/settings.json"}, ""),
        ("mcp__files__write_file", {"path": "{project}/src/a.py", "content": "see .claude/settings.json"}, ""),
        ("mcp__github__create_issue", {"title": "Guard .claude/settings.json", "body": "a\nb"}, ""),
        ("mcp__x__y", {"a": "\0", "b": "~nobody-here/x", "c": 5, "d": None}, ""),
    ],
)
def test_mcp_calls_that_name_a_guarded_path_are_asked(
    project: Path, tool: str, given: dict[str, Any], decision: str
) -> None:
    text = json.dumps(given).replace("{project}", str(project)).replace("{home}", str(project.parent / "home"))
    assert decide(project, tool, json.loads(text)) == decision


@pytest.mark.parametrize(
    ("tool", "given"),
    [
        ("Bash", {}),
        ("Bash", {"command": ["rm", ".claude/settings.json"]}),
        ("Write", {}),
        ("Write", {"file_path": None, "content": "x"}),
        ("Write", {"file_path": "", "content": "x"}),
        ("Write", {"file_path": "a\0b", "content": "x"}),
        ("Read", {"file_path": ".claude/settings.json"}),
    ],
)
def test_unexpected_input_raises_nothing(project: Path, tool: str, given: dict[str, Any]) -> None:
    assert decide(project, tool, given) == ""


def test_content_of_another_kind_is_not_valid_settings(project: Path) -> None:
    assert decide(project, "Write", {"file_path": ".claude/settings.json", "content": {"a": 1}}) == "deny"


@pytest.mark.parametrize(
    ("path", "decision"),
    [
        ("{base}/srv/agent.db", "deny"),
        ("{base}/srv/audit-head", "deny"),
        ("{base}/srv/new", "deny"),
        ("{base}/keys/audit-signing.key", "deny"),
        ("{base}/keys/presence.json", "deny"),
        ("{base}/srv-other/agent.db", ""),
        ("audit-head", ""),
    ],
)
def test_data_and_keys_of_an_agent_are_guarded_wherever_they_are(project: Path, path: str, decision: str) -> None:
    base = project.parent
    (base / "srv").mkdir()
    note_agent_folders(resolve_paths({"HOME": str(base / "home")}), (base / "srv",))
    given = {"file_path": path.format(base=base), "content": "x"}
    assert decide(project, "Write", given, AXONFLOW_AGENT_KEY_DIR=str(base / "keys")) == decision


@pytest.mark.parametrize(("name", "decision"), [("agent.db", "deny"), ("audit-head", "deny"), ("main.py", "")])
def test_of_a_folder_that_is_worked_in_only_the_agents_files_are_guarded(
    project: Path, name: str, decision: str
) -> None:
    note_agent_folders(resolve_paths({"HOME": str(project.parent / "home")}), (project,))
    assert write(project, name) == decision


def test_governing_variables_in_a_start_up_file_are_put_to_a_person(project: Path) -> None:
    assert write(project, str(project.parent / "home" / ".bashrc"), "export AXONFLOW_FAIL_MODE=open\n") == "ask"
    assert write(project, str(project.parent / "home" / ".bashrc"), "alias ll='ls -l'\n") == ""
    line = "echo 'export AXONFLOW_FAIL_MODE=open' >> ~/.bashrc"
    assert decide(project, "Bash", {"command": line}) == "ask"
