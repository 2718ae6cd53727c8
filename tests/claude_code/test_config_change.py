from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.claude_code.conftest import Hooks, StubAgent


def change(hooks: Hooks, text: str, *, source: str = "local_settings", **environ: str) -> Any:
    path = hooks.project / ".claude" / "settings.local.json"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    event = hooks.event("ConfigChange", source=source, file_path=str(path))
    return hooks.answer("config-change", json.dumps(event).encode(), environ)


@pytest.mark.parametrize(
    ("text", "switch"),
    [
        ('{"disableAllHooks": true}', "disableAllHooks"),
        ('{"disableAllHooks": 1}', "disableAllHooks"),
        ('{"enabledPlugins": {"axonflow@market": false}}', "enabledPlugins.axonflow@market"),
        ('{"env": {"AXONFLOW_ENDPOINT": "http://evil"}}', "env.AXONFLOW_ENDPOINT"),
        ('{"env": {"PII_ACTION": "log"}}', "env.PII_ACTION"),
    ],
)
@pytest.mark.parametrize("source", ["user_settings", "project_settings", "local_settings", ""])
def test_what_switches_governance_off_does_not_take_effect(
    hooks: Hooks, agent: StubAgent, text: str, switch: str, source: str
) -> None:
    reply = change(hooks, text, source=source)
    assert reply["decision"] == "block"
    assert switch in reply["reason"]
    assert reply["systemMessage"] == reply["reason"]
    assert agent.requests == []


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "",
        "{not json",
        "[]",
        '{"permissions": {"allow": ["Bash(ls)"]}}',
        '{"disableAllHooks": false}',
        '{"enabledPlugins": {"axonflow@market": true, "other@market": false}}',
        '{"env": {"FOO": "1"}, "hooks": {}}',
    ],
)
def test_other_changes_pass_in_silence(hooks: Hooks, text: str) -> None:
    assert change(hooks, text) is None


def test_a_variable_the_session_runs_with_is_no_change(hooks: Hooks) -> None:
    text = json.dumps({"env": {"AXONFLOW_ENDPOINT": hooks.endpoint}, "permissions": {"allow": ["Bash(make)"]}})
    assert change(hooks, text) is None
    assert change(hooks, text, AXONFLOW_ENDPOINT="https://agent.example.com")["decision"] == "block"


def test_the_administrators_settings_are_not_judged(hooks: Hooks) -> None:
    assert change(hooks, '{"disableAllHooks": true}', source="policy_settings") is None


def test_it_works_with_settings_of_ours_that_do_not(hooks: Hooks) -> None:
    assert change(hooks, '{"disableAllHooks": true}', AXONFLOW_TIMEOUT_SECONDS="abc")["decision"] == "block"


@pytest.mark.parametrize("path", ["/nonexistent/settings.json", "", "\ud800", "a\0b", 5])
def test_a_file_that_cannot_be_read_changes_nothing(hooks: Hooks, path: object) -> None:
    event = hooks.event("ConfigChange", source="local_settings", file_path=path)
    assert hooks.answer("config-change", json.dumps(event).encode()) is None


def test_hostile_names_do_not_reach_the_screen(hooks: Hooks) -> None:
    reply = change(hooks, json.dumps({"env": {"AXONFLOW_\x1b[31m\n\u202eX": "1"}}))
    assert reply["reason"].isprintable()
