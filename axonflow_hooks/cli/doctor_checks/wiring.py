"""What Claude Code reads: hooks.json, .mcp.json, and the settings files that can switch hooks off."""

from __future__ import annotations

import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.outputs import READING_TOOLS
from axonflow_hooks.claude_code.switches import governance_switches
from axonflow_hooks.cli.doctor_checks.finding import Finding, fail, ok, warn
from axonflow_hooks.cli.doctor_checks.machine import REINSTALL, read_json_object

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.cli.doctor_checks.machine import Machine

EVENTS: Final = ("PreToolUse", "PostToolUse", "PostToolUseFailure", "SessionStart", "ConfigChange")
GOVERNED: Final = ("Bash", "Write", "Edit", "MultiEdit", "NotebookEdit", "mcp__server__tool")
_ROOT: Final = "${CLAUDE_PLUGIN_ROOT}"


def hook_command(root: Path, event: str, tool: str = "") -> list[str]:
    """Give the command line that hooks.json names for an event and a tool, [] where it names none."""
    file = read_json_object(root / "hooks" / "hooks.json") or {}
    groups = _list_of(file.get("hooks"), event)
    fitting = [group for group in groups if not tool or _matches(group, tool)]
    for handler in (h for group in fitting for h in _list_of(group, "hooks")):
        return _command_line(handler, root)
    return []


def hooks_json(machine: Machine) -> Finding:
    """Whether hooks.json names every event, for every governed tool, with commands that exist."""
    root = machine.plugin
    file = read_json_object(root / "hooks" / "hooks.json")
    if file is None:
        return fail("hooks.json", f"{root / 'hooks' / 'hooks.json'} is missing or is not a JSON object.", REINSTALL)
    problem = next(_hook_problems(root), "")
    if problem:
        return fail("hooks.json", problem, REINSTALL)
    before = _list_of(file["hooks"], "PreToolUse")
    if any(handler.get("onFailure") != "block" for group in before for handler in _list_of(group, "hooks")):
        return warn(
            "hooks.json",
            'PreToolUse has no "onFailure": "block": where its hook cannot run, tool calls run ungoverned.',
            REINSTALL,
        )
    return ok("hooks.json", f"{len(EVENTS)} events; a tool call is blocked where its hook cannot run")


def launcher(machine: Machine) -> Finding:
    """Whether hooks/run and what it hands over to are there, and a shell to run it."""
    names = ("run", "dispatch.py", "set_up.py", "mcp_start.py", "mcp_tools.json", "failed_output.js")
    missing = [name for name in names if not (machine.plugin / "hooks" / name).is_file()]
    if missing:
        return fail("launcher", f"The plugin lacks {', '.join(f'hooks/{name}' for name in missing)}.", REINSTALL)
    shell = shutil.which("sh", path=machine.environ.get("PATH"))
    if shell is None:
        return fail("launcher", "There is no sh on PATH to run the hooks.", "Install one (Windows: Git for Windows).")
    return ok("launcher", f"hooks/run is run by {shell}")


def mcp_server(machine: Machine) -> Finding:
    """Whether .mcp.json starts the agent's tools through the launcher."""
    file = read_json_object(machine.plugin / ".mcp.json") or {}
    servers = file.get("mcpServers")
    server = servers.get("axonflow") if isinstance(servers, dict) else None
    command = _command_line(server, machine.plugin) if isinstance(server, dict) else []
    if not command:
        return fail("mcp server", ".mcp.json is missing or names no server `axonflow`.", REINSTALL)
    absent = _absent_file(command, machine.plugin)
    if absent:
        return fail("mcp server", f".mcp.json names a file that does not exist: {absent}", REINSTALL)
    return ok("mcp server", ".mcp.json starts the agent's tools")


def settings_files(machine: Machine) -> Finding:
    """Whether a settings file of Claude Code keeps the hooks from running, or gives them another environment."""
    unread, elsewhere = "", ""
    for path in _settings_files(machine):
        text = _text_of(path)
        switches = governance_switches(text) if text is not None else None
        if switches is None:
            unread = unread or f"{path} cannot be read as a JSON object."
            continue
        switch = _switched_off(switches, managed=path.parent == _managed_folder())
        if switch:
            return fail(
                "claude settings", f"{path} switches the hooks off ({switch}).", f"Remove {switch} from {path}."
            )
        names = [name for name, value in _given_to_hooks(switches) if machine.environ.get(name) != value]
        if names:
            elsewhere = elsewhere or f"{path} gives the hooks another {', '.join(names)} than this terminal has."
    if unread:
        return warn("claude settings", unread, "Repair it: Claude Code may ignore all of it.")
    if elsewhere:
        return warn("claude settings", elsewhere, "Set the same here, so that the doctor sees what the hooks see.")
    return ok("claude settings", "no settings file switches the hooks off")


def _hook_problems(root: Path) -> Iterator[str]:
    """Give what is wrong with the hooks of a hooks.json that is a JSON object."""
    hooks = (read_json_object(root / "hooks" / "hooks.json") or {}).get("hooks")
    for event in EVENTS:
        handlers = [h for group in _list_of(hooks, event) for h in _list_of(group, "hooks")]
        if not handlers:
            yield f"hooks.json has no hook for {event}."
        for tool in _tools_of(event):
            if not any(_matches(group, tool) and _list_of(group, "hooks") for group in _list_of(hooks, event)):
                yield f"The {event} hook does not cover {tool}."
        for handler in handlers:
            command = _command_line(handler, root)
            if handler.get("type") != "command" or not command:
                yield f"The hook for {event} has no command."
            if _absent_file(command, root):
                yield f"The hook for {event} names a file that does not exist: {_absent_file(command, root)}"


def _tools_of(event: str) -> tuple[str, ...]:
    """Give the tools that an event's hooks have to cover; what only reads is scanned where the user wants it."""
    if event == "PostToolUse":
        return (*GOVERNED, *sorted(READING_TOOLS))
    return GOVERNED if "Tool" in event else ()


def _list_of(value: object, key: str) -> list[dict[str, Any]]:
    found = value.get(key) if isinstance(value, dict) else None
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []


def _matches(group: dict[str, Any], tool: str) -> bool:
    matcher = group.get("matcher", "")
    if matcher in {"", "*"}:
        return True
    try:
        return isinstance(matcher, str) and re.search(matcher, tool) is not None
    except re.error:
        return False


def _command_line(handler: dict[str, Any], root: Path) -> list[str]:
    """Give the words of a command with arguments; one without them is a line for the shell."""
    command, arguments = handler.get("command"), handler.get("args")
    if not isinstance(command, str) or not command:
        return []
    if arguments is None:
        return ["sh", "-c", command]  # the host sets CLAUDE_PLUGIN_ROOT for it
    if not isinstance(arguments, list) or not all(isinstance(part, str) for part in arguments):
        return []
    return [part.replace(_ROOT, str(root)) for part in (command, *arguments)]


def _absent_file(command: list[str], root: Path) -> str:
    """Name a file that a command needs and that is not there; of hooks/run, which all need, `launcher` tells."""
    files = [Path(part) for part in command if Path(part).is_absolute() and Path(part) != root / "hooks" / "run"]
    return next((str(path) for path in files if not path.is_file()), "")


def _settings_files(machine: Machine) -> list[Path]:
    project = machine.cwd / ".claude"
    candidates = [
        _managed_folder() / "managed-settings.json",
        machine.claude_dir / "settings.json",
        project / "settings.json",
        project / "settings.local.json",
    ]
    return [path for path in dict.fromkeys(candidates) if os.path.lexists(path)]


def _managed_folder() -> Path:
    """Give the folder of the administrator's settings."""
    folders = {"darwin": "/Library/Application Support/ClaudeCode", "win32": "C:/Program Files/ClaudeCode"}
    return Path(folders.get(sys.platform, "/etc/claude-code"))


def _text_of(path: Path) -> str | None:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _switched_off(switches: dict[str, Any], *, managed: bool) -> str:
    """Name the switch that keeps the hooks from running; only an administrator can shut out all but managed ones."""
    ours = {name: on for name, on in switches.items() if name.startswith("enabledPlugins.")}
    if "disableAllHooks" in switches:
        return "disableAllHooks"
    if managed and "allowManagedHooksOnly" in switches and True not in ours.values():
        return "allowManagedHooksOnly"
    return next((name for name, on in ours.items() if on is False), "")


def _given_to_hooks(switches: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in switches.items():
        variable = name.removeprefix("env.")
        if variable != name and variable.startswith(("AXONFLOW_", "PII_ACTION")):
            yield variable, value
