"""What later sessions would run in: governing variables in start-up files, and Claude Code started beside its settings.

The hooks of a session see neither: the host reads its environment before the first of them runs. A person may want
either, so they are asked.
"""

from __future__ import annotations

import re
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.guard_commands import MAX_COMMAND_CHARS, program_of
from axonflow_hooks.claude_code.guarded_places import Objection
from axonflow_hooks.claude_code.shell_parts import shell_parts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.claude_code.shell_parts import ShellPart

_GOVERNS: Final = re.compile(r"\b(?:AXONFLOW_[A-Z_]+|PII_ACTION|CLAUDE_CONFIG_DIR)\b[\"']?[ \t]*[= \t][ \t]*[^\s;&|]*")
_START_UP: Final = re.compile(
    r"(?:^|/)(?:\.(?:bash(?:rc|_profile|_login|_aliases)|profile|zsh(?:rc|env|profile|login)|kshrc|envrc|pam_environment|"
    r"xprofile|xsessionrc)|\.config/(?:fish/.+\.fish|environment\.d/[^/]+))$"
    r"|^/etc/(?:profile|environment|bash\.bashrc|zsh/\w+|profile\.d/[^/]+)$"
)
_HARMLESS: Final = frozenset("cat diff echo grep egrep head less ls printf rg source . stat tail test wc [".split())
_KEEPERS: Final = frozenset({"launchctl", "systemctl", "setx"})
_ELSEWHERE: Final = re.compile(r"^(?:HOME|USERPROFILE|CLAUDE_CONFIG_DIR|AXONFLOW_[A-Z_]+)=")
_OTHER_SETTINGS: Final = ("--settings", "--setting-sources", "--bare")
_CHANGES_CONFIG: Final = frozenset({"set", "add", "remove", "rm"})
_PREFIXES: Final = frozenset({"command", "env", "exec", "nice", "nohup", "sudo", "time", "timeout"})

_VARIABLES_KEPT: Final = "This sets what governs Claude Code in every later session ({where}). Allow it?"
_STARTS_ELSEWHERE: Final = (
    "This starts Claude Code with settings of its own, where nothing may govern what it does. Allow it?"
)


def line_objection(command: str) -> Objection | None:
    """Take a command line and give what a person is to be asked about it, None for nothing."""
    sets = _GOVERNS.search(command) is not None
    if (not sets and "claude" not in command) or len(command) > MAX_COMMAND_CHARS:
        return None
    parts = shell_parts(command) or []
    kept = next((where for part in parts if (where := _keeps(part))), "") if sets else ""
    if kept:
        return Objection("ask", _VARIABLES_KEPT.format(where=kept))
    elsewhere = any(_ELSEWHERE.match(word) for part in parts for word in part.words)
    if any(_starts_claude(part.words, elsewhere=elsewhere) for part in parts):
        return Objection("ask", _STARTS_ELSEWHERE)
    return None


def file_objection(path: PurePath, before: str, after: str) -> Objection | None:
    """Take a start-up file as it is and as it would be; give what a person is to be asked, None for nothing."""
    if _START_UP.search(path.as_posix()) is None or set(_GOVERNS.findall(before)) == set(_GOVERNS.findall(after)):
        return None
    return Objection("ask", _VARIABLES_KEPT.format(where=path.name))


def is_start_up_file(path: PurePath) -> bool:
    """Tell whether shells or sessions read variables from a file of this name when they start."""
    return _START_UP.search(path.as_posix()) is not None


def _keeps(part: ShellPart) -> str:
    """Say where a part would keep variables, "" for nowhere."""
    program, arguments = _program(part.words)
    if program in _KEEPERS and _GOVERNS.search(" ".join(arguments)):
        return program
    named = [*part.targets, *(arguments if program not in _HARMLESS else ())]
    found = next((word for word in named if _START_UP.search(word)), "")
    return PurePath(found).name


def _starts_claude(words: Sequence[str], *, elsewhere: bool) -> bool:
    program, arguments = _program(words)
    if program in {"npx", "bunx", "pnpm"}:
        named = any("claude-code" in word for word in arguments)
    else:
        named = program == "claude"
    if not named:
        return False
    if arguments[:1] == ["config"] and _CHANGES_CONFIG.intersection(arguments[1:2]):
        return True
    asks = {"--version", "-v", "--help", "-h", "doctor", "update"}.isdisjoint(arguments[:1])
    emptied = "env" in words and "-i" in words
    return asks and (elsewhere or emptied or any(word.startswith(_OTHER_SETTINGS) for word in arguments))


def _program(words: Sequence[str]) -> tuple[str, list[str]]:
    start = 0
    while start < len(words) and (words[start] in _PREFIXES or "=" in words[start] or words[start].startswith("-")):
        start += 1
    return program_of(words[start:]), list(words[start + 1 :])
