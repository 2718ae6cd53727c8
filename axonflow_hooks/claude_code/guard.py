"""The enforcement point protects itself: no tool call may switch governance off, whatever the policies say.

Not policy but integrity: it must hold with the agent down. Edits of settings files are judged by what the file will
say; this plugin's own files are not for the model at all; command lines are judged in `guard_bash`. What slips
through here is caught by the ConfigChange hook before it takes effect.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.edits import absolute_path, apply_edits, edits_of, read_text, unplaced
from axonflow_hooks.claude_code.guard_bash import bash_objection
from axonflow_hooks.claude_code.guard_surroundings import file_objection, is_start_up_file, line_objection
from axonflow_hooks.claude_code.guarded_places import CLAUDE_SETTINGS, WAY_OUT, GuardedPlaces, Objection
from axonflow_hooks.claude_code.statements import scalars_of
from axonflow_hooks.claude_code.switches import governance_switches, started_commands

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.claude_code.events import HookEvent

_EDITING_TOOLS: Final = frozenset({"Write", "Edit", "MultiEdit", "NotebookEdit"})
_READING_MCP_TOOL: Final = re.compile(r"__(?:describe|fetch|get|grep|list|read|search|show|stat|view)", re.IGNORECASE)
MAX_PATH_CHARS: Final = 1_000


def objection_to(event: HookEvent, places: GuardedPlaces) -> Objection | None:
    """Take a PreToolUse event and give what stands against it, None for nothing."""
    if event.tool_name == "Bash":
        command = event.tool_input.get("command")
        if not isinstance(command, str):
            return None
        return bash_objection(command, event.cwd, places) or line_objection(command)
    if event.tool_name in _EDITING_TOOLS:
        named = [event.tool_input.get(key) for key in ("file_path", "notebook_path")]
        # A link is judged by its own name and by what it leads to.
        found = (
            _edit_objection(event, path, places)
            for name in named
            if isinstance(name, str)
            for path in dict.fromkeys((absolute_path(name, event.cwd), _as_named(name, event.cwd)))
        )
        return next((objection for objection in found if objection), None)
    if event.tool_name.startswith("mcp__") and not _READING_MCP_TOOL.search(event.tool_name):
        return _mcp_objection(event, places)
    return None


def _as_named(file_path: str, cwd: str) -> Path:
    return Path(os.path.normpath(os.path.join(cwd or "/", os.path.expanduser(file_path))))  # noqa: PTH111, PTH118


def _mcp_objection(event: HookEvent, places: GuardedPlaces) -> Objection | None:
    """Judge an MCP call by the paths among its arguments: what its server does with them, only its user knows."""
    for text in scalars_of(event.tool_input):
        if not isinstance(text, str) or not 2 < len(text) <= MAX_PATH_CHARS or "\n" in text:
            continue
        path = absolute_path(text.removeprefix("file://"), event.cwd)
        owner = CLAUDE_SETTINGS if places.is_settings_file(path) else places.owner_of(path)
        if owner:
            return Objection("ask", f"This call names {path.name}, a part of {owner}. Allow it?")
    return None


def _edit_objection(event: HookEvent, path: Path, places: GuardedPlaces) -> Objection | None:
    owner = places.owner_of(path)
    if owner:
        return Objection("deny", f"{path.name} belongs to {owner}, which the model may not change. {WAY_OUT}")
    if places.is_settings_file(path):
        return _settings_objection(event, path)
    if is_start_up_file(path):
        return file_objection(path, read_text(path) or "", _text_after(event, path))
    folders = {part.lower() for part in path.parts[:-1]}
    if ".claude" in folders and "hooks" in folders:
        return Objection("ask", f"This changes {path.name}, which Claude Code may run as a hook. Allow it?")
    if path.name.lower() in {".mcp.json", ".claude.json"}:
        return Objection(
            "ask", f"This changes {path.name}, which decides what MCP servers Claude Code starts. Allow it?"
        )
    return None


def _settings_objection(event: HookEvent, path: Path) -> Objection | None:
    before, after = read_text(path) or "", _text_after(event, path)
    switches = governance_switches(after)
    if switches is None:
        return Objection(
            "deny", f"{path.name} would no longer be valid JSON, so nobody can tell what it switches off. {WAY_OUT}"
        )
    changed = sorted(_differences(governance_switches(before) or {}, switches))
    if changed:
        return Objection(
            "deny",
            f"This would change {changed[0]} in {path.name}, which decides whether calls are governed. {WAY_OUT}",
        )
    commands = sorted(_differences(started_commands(before), started_commands(after)))
    if commands:
        return Objection("ask", f"This changes {commands[0]} in {path.name}: commands that no hook sees. Allow it?")
    if event.tool_name in {"Edit", "MultiEdit"} and unplaced(before, edits_of(event.tool_input)):
        # The host may find a text where we do not: it forgives other quotation marks.
        return Objection("ask", f"Nobody can tell what this edit would change in {path.name}. Allow it?")
    return None


def _text_after(event: HookEvent, path: Path) -> str:
    if event.tool_name in {"Edit", "MultiEdit"}:
        return apply_edits(read_text(path) or "", edits_of(event.tool_input))
    content = event.tool_input.get("content", event.tool_input.get("new_source", ""))
    return content if isinstance(content, str) else "?"


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> set[str]:
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
