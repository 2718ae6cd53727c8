"""Commands that would end this product: its processes, its plugin, its agent's container, its package."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.guard_programs import only_talks
from axonflow_hooks.claude_code.guarded_places import WAY_OUT, Objection

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.claude_code.guard_commands import SimpleCommand

_PLUGIN_ENDS: Final = frozenset({"disable", "remove", "rm", "uninstall"})
_SERVICE_ENDS: Final = frozenset({"bootout", "disable", "kill", "mask", "remove", "stop", "unload"})
_CONTAINER_ENDS: Final = frozenset({"down", "kill", "pause", "rm", "stop"})
_PACKAGE_ENDS: Final = frozenset({"remove", "uninstall"})
_SERVICE_MANAGERS: Final = frozenset({"launchctl", "service", "systemctl"})
_PACKAGE_MANAGERS: Final = frozenset({"conda", "pdm", "pip", "pipx", "poetry", "uv"})

_ENDS_US: Final = Objection("deny", f"This command would stop AxonFlow's own processes or plugin. {WAY_OUT}")
_MAY_END_AGENT: Final = Objection("ask", "This command may stop an AxonFlow agent. Allow it?")
_REMOVES_US: Final = Objection("ask", "This command would remove AxonFlow. Allow it?")


def objection_to_stopping(command: SimpleCommand, *, ours: bool, fed_ours: bool) -> Objection | None:
    """Give what stands against a command that may end this product, None where it does not.

    `ours` tells whether the command has this product's name in it, `fed_ours` whether what feeds it has.
    """
    program, words = command.program, command.words
    if _kills(program, words, ours=ours, fed_ours=fed_ours) or _disables_plugin(program, words, ours=ours):
        return _ENDS_US
    if not ours:
        return None
    if program in _SERVICE_MANAGERS and _SERVICE_ENDS.intersection(words):
        return _ENDS_US
    if ("agent", "stop") in pairwise(words) and not only_talks(program):
        return _ENDS_US
    if program in {"docker", "podman"} and _CONTAINER_ENDS.intersection(words):
        return _MAY_END_AGENT
    manager = program.rstrip("0123456789.") in _PACKAGE_MANAGERS or "pip" in words
    return _REMOVES_US if manager and _PACKAGE_ENDS.intersection(words) else None


def _kills(program: str, words: Sequence[str], *, ours: bool, fed_ours: bool) -> bool:
    if program in {"pkill", "killall"}:
        return ours
    kills = program == "kill" or (program == "xargs" and "kill" in words)
    return kills and (ours or fed_ours)


def _disables_plugin(program: str, words: Sequence[str], *, ours: bool) -> bool:
    if program != "claude" or len(words) < 2 or words[1] not in {"plugin", "plugins"}:
        return False
    which = ours or not {"--all", "-a"}.isdisjoint(words)
    return which and not _PLUGIN_ENDS.isdisjoint(words)
