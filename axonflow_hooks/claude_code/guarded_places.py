"""Where this plugin, its settings, its records and its credentials lie: what no tool call may change."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from axonflow_hooks.account.agent_places import AGENT_FILES, agent_folders

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.paths import Paths

OWN_DATA: Final = "AxonFlow's own data"
THIS_PLUGIN: Final = "this plugin"
CLAUDE_SETTINGS: Final = "Claude Code's settings"
MCP_SERVERS: Final = "the list of MCP servers"
INSTALLED_PLUGINS: Final = "Claude Code's installed plugins"
WAY_OUT: Final = "If you want this change, make it yourself in an editor or in Claude Code's own menus."

# Of a plugin loaded from a checkout, these parts govern; the rest (docs, tests) is a project like any other.
_PLUGIN_PARTS: Final = (
    ".claude-plugin",
    ".mcp.json",
    ".venv",
    "axonflow_hooks",
    "commands",
    "hooks",
    "requirements",
    "skills",
)
_SETTINGS_NAMES: Final = ("settings.json", "settings.local.json")
_SETTINGS_FILE: Final = re.compile(
    r"/\.claude/settings(?:\.local)?\.json$|/managed-settings\.json$|/managed-settings\.d/[^/]*$|/managed-mcp\.json$"
)
_VARIABLES: Final = (
    "HOME",
    "AXONFLOW_AGENT_KEY_DIR",
    "AXONFLOW_CONFIG_DIR",
    "CLAUDE_CONFIG_DIR",
    "CLAUDE_PLUGIN_DATA",
    "CLAUDE_PLUGIN_ROOT",
    "CLAUDE_PROJECT_DIR",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    "XDG_STATE_HOME",
)


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a tool call may not go on by itself: `deny` it, or `ask` the person at the keyboard."""

    decision: Literal["deny", "ask"]
    reason: str


@dataclass(frozen=True, slots=True)
class GuardedPlaces:
    """What is guarded. Every path is absolute and in lower case, for some file systems know no case.

    `owners` are folders and files with what they belong to, `settings_files` the host's settings under whatever name
    links give them, `key_folders` the folders whose credentials and keys are not even to be read, `variables` what a
    command line may call these places.
    """

    owners: tuple[tuple[str, str], ...]
    settings_files: frozenset[str]
    key_folders: frozenset[str]
    variables: Mapping[str, str] = field(default_factory=dict)

    def owner_of(self, path: str | Path) -> str:
        """Say what an absolute path belongs to, "" when it is not guarded; the host's settings have no owner here."""
        folded = str(path).lower()
        return next((owner for place, owner in self.owners if _is_in(folded, place)), "")

    def owner_mentioned_in(self, text: str) -> str:
        """Say what a text mentions by its absolute path, "" for nothing guarded."""
        folded = text.lower()
        return next((owner for place, owner in self.owners if _mentions(folded, place)), "")

    def is_settings_file(self, path: str | Path) -> bool:
        """Tell whether an absolute path is a settings file of the host."""
        folded = str(path).lower()
        return folded in self.settings_files or _SETTINGS_FILE.search(folded) is not None


def guarded_places(environ: Mapping[str, str], paths: Paths, cwd: str = "") -> GuardedPlaces:
    """Take the environment of a hook, this user's paths and the working folder; give what the model must not change."""
    home = environ.get("HOME") or str(Path("~").expanduser())
    claude_dir = Path(environ.get("CLAUDE_CONFIG_DIR") or Path(home) / ".claude")
    owners = [(place, OWN_DATA) for place in (paths.config_dir, paths.state_dir, paths.data_dir, paths.cache_dir)]
    agents = _agent_places(environ, paths, (home, cwd, environ.get("CLAUDE_PROJECT_DIR", "")))
    owners += [(place, OWN_DATA) for place in agents]
    owners.append((claude_dir / "plugins", INSTALLED_PLUGINS))
    if data := environ.get("CLAUDE_PLUGIN_DATA"):
        owners.append((Path(data), OWN_DATA))
    if root := environ.get("CLAUDE_PLUGIN_ROOT"):
        owners.extend((Path(root) / part, THIS_PLUGIN) for part in _PLUGIN_PARTS)
    projects = {Path(folder) / ".claude" for folder in (cwd, environ.get("CLAUDE_PROJECT_DIR", "")) if folder}
    settings = [folder / name for folder in (claude_dir, *projects) for name in _SETTINGS_NAMES]
    # Links are followed for the tool's path too, so both spellings have to be known. They are followed anew for each
    # call, as they may change; what many places have in common, once.
    seen: dict[str, str] = {}
    return GuardedPlaces(
        owners=tuple(dict.fromkeys((spelled, owner) for place, owner in owners for spelled in _spellings(place, seen))),
        settings_files=frozenset(spelled for place in settings for spelled in _spellings(place, seen)),
        key_folders=frozenset(
            spelled
            for place in (paths.config_dir, paths.agent_data_dir, *agents)
            if place.name not in AGENT_FILES
            for spelled in _spellings(place, seen)
        ),
        variables={"HOME": home, **{name: environ[name] for name in _VARIABLES if environ.get(name)}},
    )


def _agent_places(environ: Mapping[str, str], paths: Paths, work: tuple[str, ...]) -> list[Path]:
    """Give where agents keep data and keys beyond their usual folder.

    A folder in which the user also works (`work`) is not guarded as a whole, only what agents keep there.
    """
    chosen = environ.get("AXONFLOW_AGENT_KEY_DIR", "")
    folders = dict.fromkeys([*([Path(chosen).expanduser()] if chosen else []), *agent_folders(paths)])
    worked_in = {spelled for inside in work if inside for spelled in _spellings(Path(inside), {})} if folders else ()
    places: list[Path] = []
    for folder in folders:
        if any(_is_in(inside, str(folder).rstrip("/").lower()) for inside in worked_in):
            places += [folder / name for name in AGENT_FILES]
        else:
            places.append(folder)
    return places


def _spellings(path: Path, seen: dict[str, str]) -> tuple[str, ...]:
    """Give a path as it is written and as links lead to it; `seen` keeps where folders really are."""
    spelled = os.path.normpath(path)
    try:
        known = Path(spelled).expanduser() if spelled.startswith("~") else spelled
        return tuple(dict.fromkeys(text.lower() for text in (spelled, _really(str(known), seen))))
    except (OSError, RuntimeError, ValueError):
        return (spelled.lower(),)


def _really(path: str, seen: dict[str, str]) -> str:
    """Do what os.path.realpath does, following the links of each folder once."""
    folder, name = os.path.split(path)
    if folder not in seen:
        seen[folder] = os.path.realpath(folder)
    found = os.path.join(seen[folder], name)  # noqa: PTH118 - paths as text: pathlib would take longer than this
    return os.path.realpath(found) if os.path.islink(found) else found  # noqa: PTH114


def _is_in(path: str, place: str) -> bool:
    return path == place or path.startswith(place + "/")


def _mentions(text: str, place: str) -> bool:
    """Tell whether a text holds a path and not just one that begins with the same letters."""
    at = text.find(place)
    while at != -1:
        after = text[at + len(place) : at + len(place) + 1]
        if not (after.isalnum() or after in {"_", "-"}):
            return True
        at = text.find(place, at + 1)
    return False
