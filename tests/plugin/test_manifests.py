"""What Claude Code reads: the manifests, hooks.json, .mcp.json and the skills, written for the strictest release."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

import axonflow_hooks

from .conftest import REPOSITORY

# An event that a release does not know drops all hooks of the plugin there: only those known since 2.1.197.
KNOWN_EVENTS = {"PreToolUse", "PostToolUse", "PostToolUseFailure", "SessionStart", "SessionEnd", "ConfigChange"}
SKILLS = {
    "axonflow-audit-search",
    "axonflow-create-override",
    "axonflow-explain-decision",
    "axonflow-list-overrides",
    "axonflow-login",
    "axonflow-recover",
    "axonflow-recover-verify",
    "axonflow-revoke-override",
    "axonflow-status",
}
TOOLS = {"check_policy", "check_output", "audit_tool_call", "list_policies", "get_policy_stats", "search_audit_events"}
TOOLS |= {"explain_decision", "create_override", "delete_override", "list_overrides"}
READS = "^(Read|WebFetch|WebSearch)$"
LAUNCHER = 'sh "${CLAUDE_PLUGIN_ROOT}/hooks/run"'


def read(name: str) -> Any:
    return json.loads((REPOSITORY / name).read_text(encoding="utf-8"))


def hooks() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """Give (event, its group with the matcher, the handler) for every handler."""
    groups = [(event, group) for event, several in read("hooks/hooks.json")["hooks"].items() for group in several]
    return [(event, group, handler) for event, group in groups for handler in group["hooks"]]


def skill(name: str) -> tuple[dict[str, str], str]:
    """Give a skill's frontmatter and its text."""
    text = (REPOSITORY / "skills" / name / "SKILL.md").read_text(encoding="utf-8")
    _, head, body = text.split("---\n", 2)
    pairs = [line.split(": ", 1) for line in head.splitlines()]
    return {key: value.strip('"') for key, value in pairs}, body


def test_the_version_is_the_same_everywhere() -> None:
    market = read(".claude-plugin/marketplace.json")
    versions = {read(".claude-plugin/plugin.json")["version"], market["metadata"]["version"]}
    versions |= {entry["version"] for entry in market["plugins"]}
    assert versions == {axonflow_hooks.__version__}


def test_the_marketplace_lists_this_folder_as_the_plugin() -> None:
    (entry,) = read(".claude-plugin/marketplace.json")["plugins"]
    manifest = read(".claude-plugin/plugin.json")
    assert entry["source"] == "./"
    shared = ("name", "description", "homepage", "repository", "license", "keywords")
    assert {key: entry[key] for key in shared} == {key: manifest[key] for key in shared}


def test_only_events_that_every_supported_release_knows_are_named() -> None:
    events = {event for event, _, _ in hooks()}
    assert events <= KNOWN_EVENTS
    assert events == {"PreToolUse", "PostToolUse", "PostToolUseFailure", "SessionStart", "ConfigChange"}


def test_every_hook_runs_the_launcher_without_a_shell_line() -> None:
    for event, group, handler in hooks():
        words = re.sub(r"(?<!^)([A-Z])", r"-\1", event).lower()
        words = "post-read" if group.get("matcher") == READS else words
        assert handler["type"] == "command"
        assert handler["command"] == "sh"
        assert handler["args"] == ["${CLAUDE_PLUGIN_ROOT}/hooks/run", words]
    assert (REPOSITORY / "hooks" / "run").stat().st_mode & 0o100


def test_the_hooks_module_masks_what_the_hooks_govern() -> None:
    (module,) = read("hooks/hooks.json")["modules"]
    source = (REPOSITORY / "hooks" / module).read_text(encoding="utf-8")
    matchers = {group["matcher"] for event, group, _ in hooks() if event == "PostToolUseFailure"}
    assert {f"/{matcher}/" for matcher in matchers} == set(re.findall(r"GOVERNED = (/.*/);", source))
    assert "`${$.plugin.root}/hooks/run`, 'failed-output'" in source


def test_a_tool_is_blocked_when_its_check_fails_to_run() -> None:
    for event, _, handler in hooks():
        assert handler["timeout"] == (300 if event == "SessionStart" else 15)
        assert handler.get("onFailure") == ("block" if event == "PreToolUse" else None)


@pytest.mark.parametrize(
    ("tool", "governed"),
    [
        *((tool, True) for tool in ("Bash", "Write", "Edit", "MultiEdit", "NotebookEdit", "mcp__db__query")),
        *((tool, False) for tool in ("Read", "WebFetch", "ReadMcpResourceTool", "BashOutput", "TodoWrite", "KillBash")),
        *((tool, False) for tool in ("Agent", "amcp__x__y", "bash")),
    ],
)
def test_the_matcher_names_the_governed_tools_and_no_other(tool: str, governed: bool) -> None:
    for event, group, _ in hooks():
        if group.get("matcher") == READS:
            assert event == "PostToolUse"
            assert bool(re.search(READS, tool)) is (tool in {"Read", "WebFetch"})
        elif event.endswith("ToolUse") or event == "PostToolUseFailure":
            assert bool(re.search(group["matcher"], tool)) is governed
        else:
            assert "matcher" not in group


def test_the_mcp_server_is_started_by_the_launcher_and_holds_no_credential() -> None:
    server = read(".mcp.json")["mcpServers"]
    assert server == {"axonflow": {"command": "sh", "args": ["${CLAUDE_PLUGIN_ROOT}/hooks/run", "mcp"]}}


def test_the_skills_are_the_commands_that_users_know() -> None:
    assert {path.parent.name for path in (REPOSITORY / "skills").glob("*/SKILL.md")} == SKILLS


@pytest.mark.parametrize("name", sorted(SKILLS))
def test_a_skill_has_its_own_name_so_that_it_resolves_without_the_plugins(name: str) -> None:
    head, body = skill(name)
    assert head["name"] == name
    assert 20 <= len(head["description"]) <= 200
    assert head.keys() <= {"name", "description", "argument-hint", "allowed-tools", "disable-model-invocation"}
    assert "$CLAUDE_PLUGIN_ROOT" not in body, "only the form with braces is substituted"


@pytest.mark.parametrize("name", sorted(SKILLS))
def test_a_skill_runs_nothing_but_the_launcher(name: str) -> None:
    head, body = skill(name)
    for allowed in re.findall(r"Bash\((.*?)\)(?:,|$)", head.get("allowed-tools", "")):
        assert allowed.replace('\\"', '"').startswith(f"{LAUNCHER} ")
    for inline in re.findall(r"!`(.*?)`", body):
        assert f"Bash({inline})" in head["allowed-tools"]
        assert "$ARGUMENTS" not in inline


@pytest.mark.parametrize("name", sorted(SKILLS))
def test_a_skill_names_only_tools_that_exist(name: str) -> None:
    head, body = skill(name)
    named = set(re.findall(r"mcp__plugin_axonflow_axonflow__(\w+)", head.get("allowed-tools", "")))
    assert named <= TOOLS
    assert set(re.findall(r"tool `(\w+)`", body)) <= TOOLS
    assert named.isdisjoint({"create_override", "delete_override"}), "a person confirms these"


@pytest.mark.parametrize("name", ["axonflow-login", "axonflow-recover-verify"])
def test_a_token_never_reaches_the_conversation(name: str) -> None:
    head, body = skill(name)
    assert head["disable-model-invocation"] == "true"
    assert "allowed-tools" not in head
    assert f"{LAUNCHER} cli {name.removeprefix('axonflow-')} -" in body
    assert "$ARGUMENTS" not in body


@pytest.mark.parametrize("name", ["axonflow-recover", "axonflow-create-override", "axonflow-revoke-override"])
def test_the_model_does_not_start_what_changes_something(name: str) -> None:
    assert skill(name)[0]["disable-model-invocation"] == "true"
