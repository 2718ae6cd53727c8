"""What words and texts name of what is guarded, and where."""

from __future__ import annotations

import pytest

from axonflow_hooks.claude_code.guard_commands import MAX_WORD_CHARS, SimpleCommand
from axonflow_hooks.claude_code.guard_mentions import (
    MAX_PATH_CHARS,
    Scene,
    names_credentials,
    owner_below,
    owner_in_text,
    owner_named,
    scene_after,
)
from axonflow_hooks.claude_code.guarded_places import CLAUDE_SETTINGS, MCP_SERVERS, OWN_DATA, THIS_PLUGIN, GuardedPlaces

PLACES = GuardedPlaces(
    owners=(
        ("/home/dev/.config/axonflow", OWN_DATA),
        ("/home/dev/.local/state/axonflow", OWN_DATA),
        ("/opt/plugin/hooks", THIS_PLUGIN),
    ),
    settings_files=frozenset({"/work/app/.claude/settings.json", "/home/dev/.claude/settings.json"}),
    key_folders=frozenset({"/home/dev/.config/axonflow"}),
)
APP = Scene(PLACES, "/work/app")


@pytest.mark.parametrize(
    ("cwd", "words", "owner"),
    [
        ("/work/app", (), ""),
        ("/work/app", ("",), ""),
        ("/work/app", ("x", ".claude/settings.json"), CLAUDE_SETTINGS),
        ("/work/app", ("x/../.claude/./Settings.json",), CLAUDE_SETTINGS),
        ("/work/app", ("of=.claude/settings.json",), CLAUDE_SETTINGS),
        ("/work/app", (".claude",), CLAUDE_SETTINGS),
        ("/work/app", (".claude/agents",), ""),
        ("/work/app", ("see .claude/settings.json",), CLAUDE_SETTINGS),
        ("/work/app", ("settings.json",), ""),
        ("/work/app/.claude", ("settings.json",), CLAUDE_SETTINGS),
        ("/work/app/.CLAUDE", ("settings.json",), CLAUDE_SETTINGS),
        ("/work/app/.claude", ("of=settings.json",), CLAUDE_SETTINGS),
        ("/work/app/.claude", ("of=x=settings.json",), CLAUDE_SETTINGS),
        ("/work/app/.claude", ("-x/../settings.json",), ""),
        ("/work/app/.claude", ("x/../" * MAX_WORD_CHARS + "settings.json",), ""),
        ("/work/app", (".other/s*",), ""),
        ("/work/app", (".cl*/settings.json",), CLAUDE_SETTINGS),
        ("/work/app", ("*/settings.json",), ""),
        ("/work/app", (".*/*.json",), CLAUDE_SETTINGS),
        ("/work", ("?pp/.c[l]aude/s*",), CLAUDE_SETTINGS),
        ("/work", ("*/.claude",), CLAUDE_SETTINGS),
        ("/work", ("*.claude/settings.json",), CLAUDE_SETTINGS),
        ("/opt/plugin", ("hooks/run",), THIS_PLUGIN),
        ("/opt/plugin", ("hooks",), THIS_PLUGIN),
        ("/opt/plugin", ("hooks-old",), ""),
        ("/home/dev/.config", ("axonflow",), OWN_DATA),
        ("/home/dev/.config", ("x" * (MAX_WORD_CHARS + 1),), ""),
        ("/work/app", (".mcp.json",), MCP_SERVERS),
        ("/work/app", ("x.mcp.json",), ""),
    ],
    ids=lambda given: str(given)[:50],
)
def test_what_words_name_from_a_folder_on(cwd: str, words: tuple[str, ...], owner: str) -> None:
    assert owner_named(words, Scene(PLACES, cwd)) == owner


@pytest.mark.parametrize(("stars", "owner"), [(1, CLAUDE_SETTINGS), (MAX_PATH_CHARS, "")])
def test_a_pattern_longer_than_a_path_stands_for_nothing(stars: int, owner: str) -> None:
    assert owner_named((".cl" + "*" * stars + "ude/settings.json",), APP) == owner


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("open('/home/dev/.CONFIG/axonflow/x')", OWN_DATA),
        ("in .config/axonflow/x", OWN_DATA),
        ("in .local/state/axonflow", OWN_DATA),
        ("in .config/axonflow-other", ""),
        ("edit .claude/settings.local.json now", CLAUDE_SETTINGS),
        ("edit .CLAUDE/Settings.json now", CLAUDE_SETTINGS),
        (".claude/settings.json.bak", ""),
        (".claude/hooks/x", CLAUDE_SETTINGS),
        (".claude//{settings,x}.json", CLAUDE_SETTINGS),
        ("~/.claude.json", CLAUDE_SETTINGS),
        ("managed-settings.d", CLAUDE_SETTINGS),
        (".claude-flow/settings.json", ""),
        ("a .mcp.json b", MCP_SERVERS),
        ("", ""),
    ],
)
def test_what_a_text_mentions(text: str, owner: str) -> None:
    assert owner_in_text(text, PLACES) == owner


@pytest.mark.parametrize(
    ("cwd", "words", "owner"),
    [
        ("/work/app", ("/home",), OWN_DATA),
        ("/work/app", ("/home/",), OWN_DATA),
        ("/work/app", ("-r", "/opt"), THIS_PLUGIN),
        ("/work/app", ("/home/developer", "/opt/plug"), ""),
        ("/opt", ("plugin",), THIS_PLUGIN),
        ("/opt/plugin", (".",), THIS_PLUGIN),
        ("/home", ("DEV",), OWN_DATA),
        ("/work/app", ("-/home",), ""),
        ("/work/app", (), ""),
    ],
)
def test_what_lies_in_folders(cwd: str, words: tuple[str, ...], owner: str) -> None:
    assert owner_below(words, Scene(PLACES, cwd)) == owner


@pytest.mark.parametrize(
    ("cwd", "words", "named"),
    [
        ("/work/app", ("/home/dev/.config/axonflow/license-token.json",), True),
        ("/work/app", ("x", ".config/axonflow/audit-signing.key"), True),
        ("/work/app", ("/home/dev/.config/axonflow",), True),
        ("/work/app", ("/home/dev/.config/axonflow/*",), True),
        ("/work/app", ("/home/dev/.config/axonflow/{a,b}",), True),
        ("/home/dev/.config/axonflow", ("presence.json",), True),
        ("/work/app", ("/home/dev/.config/axonflow/License-Token.JSON",), True),
        ("/work/app", ("/home/dev/.config/axonflow/config.toml",), False),
        ("/work/app", ("/home/dev/.config/axonflow/config.toml", "/tmp/presence.json"), False),
        ("/work/app", ("/home/dev/.local/state/axonflow/*",), False),
        ("/work/app", ("/home/dev/.config/axonflow/presence.json" + " " * MAX_WORD_CHARS,), False),
        ("/work/app", ("presence.json",), False),
        ("/work/app", (".claude/settings.json",), False),
        ("/work/app", (), False),
    ],
    ids=lambda given: str(given)[:80],
)
def test_credentials_are_told_from_other_data(cwd: str, words: tuple[str, ...], named: bool) -> None:
    assert names_credentials(words, Scene(PLACES, cwd)) is named


@pytest.mark.parametrize(
    ("words", "cwd"),
    [
        (("cd", "src"), "/work/app/src"),
        (("cd", "-P", "../x"), "/work/x"),
        (("pushd", "/opt"), "/opt"),
        (("cd",), "/work/app"),
        (("cd", "-"), "/work/app"),
        (("cd", "$X"), "/work/app"),
        (("cd", "x/" * MAX_PATH_CHARS), "/work/app"),
        (("ls", "src"), "/work/app"),
    ],
    ids=lambda given: str(given)[:40],
)
def test_the_folder_that_follows(words: tuple[str, ...], cwd: str) -> None:
    assert scene_after(APP, SimpleCommand(words[0], words)) == Scene(PLACES, cwd)
