"""Where this plugin, its settings, its records and its credentials lie: what no tool call may change."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

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
    links give them, `variables` what a command line may call these places.
    """

    owners: tuple[tuple[str, str], ...]
    settings_files: frozenset[str]
    credentials_dir: str
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
    owners.append((claude_dir / "plugins", INSTALLED_PLUGINS))
    if data := environ.get("CLAUDE_PLUGIN_DATA"):
        owners.append((Path(data), OWN_DATA))
    if root := environ.get("CLAUDE_PLUGIN_ROOT"):
        owners.extend((Path(root) / part, THIS_PLUGIN) for part in _PLUGIN_PARTS)
    projects = {Path(folder) / ".claude" for folder in (cwd, environ.get("CLAUDE_PROJECT_DIR", "")) if folder}
    settings = [folder / name for folder in (claude_dir, *projects) for name in _SETTINGS_NAMES]
    # Links are followed for the tool's path too, so both spellings have to be known.
    return GuardedPlaces(
        owners=tuple(dict.fromkeys((spelled, owner) for place, owner in owners for spelled in _spellings(place))),
        settings_files=frozenset(spelled for place in settings for spelled in _spellings(place)),
        credentials_dir=str(paths.config_dir).lower(),
        variables={"HOME": home, **{name: environ[name] for name in _VARIABLES if environ.get(name)}},
    )


def _spellings(path: Path) -> tuple[str, ...]:
    spelled = os.path.normpath(path)
    try:
        return tuple(dict.fromkeys(text.lower() for text in (spelled, os.path.realpath(Path(spelled).expanduser()))))
    except (OSError, RuntimeError, ValueError):
        return (spelled.lower(),)


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
