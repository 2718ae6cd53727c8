"""What the words of a command line name or mention of what is guarded: places, settings, credentials.

A word is taken for a path from the working folder on, and for a text that may hold one.
"""

from __future__ import annotations

import posixpath
import re
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.guard_commands import MAX_WORD_CHARS
from axonflow_hooks.claude_code.guarded_places import CLAUDE_SETTINGS, MCP_SERVERS, OWN_DATA

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.claude_code.guard_commands import SimpleCommand
    from axonflow_hooks.claude_code.guarded_places import GuardedPlaces

MAX_PATH_CHARS: Final = 1_024

_WILDCARD: Final = re.compile(r"[*?\[]")
_WILDCARD_OR_BRACE: Final = re.compile(r"[*?\[{]")
_CREDENTIALS: Final = re.compile(
    r"\b(?:(?:agent-credentials|try-registration|license-token|self-hosted-auth|presence)\.json"
    r"|(?:audit-signing|statement-hash)\.key)"
)
_SETTINGS: Final = re.compile(
    r"\.claude(?:/+(?:settings(?:\.local)?\.json(?![\w.-])|managed|hooks(?![\w.-])|plugins(?![\w.-])"
    r"|[^\s/]*[*?\[{])|/*(?![\w./*-]))|\.claude\.json(?![\w.-])"
)
_MCP_CONFIG: Final = re.compile(r"(?:^|[\s=/])\.mcp\.json(?![\w.-])")
_DATA_BY_RELATIVE_PATH: Final = re.compile(r"\.(?:config|cache|local/share|local/state)/axonflow(?![\w-])")


@dataclass(frozen=True, slots=True)
class Scene:
    """Where a command runs: what is guarded there, and the working folder."""

    places: GuardedPlaces
    cwd: str


def scene_after(scene: Scene, command: SimpleCommand) -> Scene:
    """Give the scene of what follows a command: `cd` and `pushd` change the folder, where it can be told to which."""
    if command.program not in {"cd", "pushd"}:
        return scene
    folder = next((word for word in command.arguments if not word.startswith("-")), "")
    entered = posixpath.normpath(posixpath.join(scene.cwd, folder))
    known = folder and "$" not in folder and len(entered) <= MAX_PATH_CHARS
    return replace(scene, cwd=entered) if known else scene


def owner_named(words: Sequence[str], scene: Scene) -> str:
    """Say what one of some words names or mentions, "" for nothing guarded."""
    if not words:
        return ""
    paths = [_absolute(word, scene) for word in words if word and word[0] != "-" and len(word) <= MAX_WORD_CHARS]
    settings = scene.places.settings_files
    if not settings.isdisjoint(paths) or _may_be_settings(paths, scene):
        return CLAUDE_SETTINGS
    return owner_in_text("\n".join([*paths, *words]), scene.places)


def owner_in_text(text: str, places: GuardedPlaces) -> str:
    """Say what a text mentions, "" for nothing guarded."""
    folded = text.lower()
    if owner := places.owner_mentioned_in(folded):
        return owner
    if _DATA_BY_RELATIVE_PATH.search(folded):
        return OWN_DATA
    if _SETTINGS.search(folded) or "managed-settings" in folded:
        return CLAUDE_SETTINGS
    return MCP_SERVERS if _MCP_CONFIG.search(folded) else ""


def owner_below(words: Sequence[str], scene: Scene) -> str:
    """Say what lies in the folders that words name, "" for nothing guarded."""
    folders = tuple(f"{_absolute(word, scene).rstrip('/')}/" for word in words if not word.startswith("-"))
    return next((owner for place, owner in scene.places.owners if place.startswith(folders)), "")


def names_credentials(words: Sequence[str], scene: Scene) -> bool:
    """Tell whether one of some words names a credential or key, a folder of such, or several files of one."""
    if owner_named(words, scene) != OWN_DATA:
        return False
    own = (word for word in words if len(word) <= MAX_WORD_CHARS and owner_named((word,), scene) == OWN_DATA)
    return any(_is_credential(word, scene) for word in own)


def _is_credential(word: str, scene: Scene) -> bool:
    path, key_folders = _absolute(word, scene), scene.places.key_folders
    folder, _, name = path.rpartition("/")
    several = folder in key_folders and _WILDCARD_OR_BRACE.search(name) is not None
    return path in key_folders or several or _CREDENTIALS.search(word.lower()) is not None


def _absolute(word: str, scene: Scene) -> str:
    # `--target=PATH` and `of=PATH` name a file as well.
    named = word.rpartition("=")[2] if "=" in word else word
    if "/" not in named and "." not in named:
        return f"{scene.cwd.rstrip('/')}/{named}".lower()
    return posixpath.normpath(posixpath.join(scene.cwd, named)).lower()


def _may_be_settings(paths: Sequence[str], scene: Scene) -> bool:
    """Tell whether a path with wildcards may stand for a settings file of the host."""
    patterns = [path.split("/") for path in paths if _WILDCARD.search(path) and len(path) <= MAX_PATH_CHARS]
    return any(_stands_for(pattern, file.split("/")) for pattern in patterns for file in scene.places.settings_files)


def _stands_for(pattern: Sequence[str], place: Sequence[str]) -> bool:
    # As in a shell: a wildcard stands for no `/`, and for no dot at the beginning of a name.
    return len(pattern) == len(place) and all(
        fnmatchcase(name, wanted) and wanted.startswith(".") >= name.startswith(".")
        for wanted, name in zip(pattern, place, strict=True)
    )
