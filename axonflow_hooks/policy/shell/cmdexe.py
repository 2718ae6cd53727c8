"""`cmd.exe /c …`: the POSIX commands that do what it does (help of cmd, del, rd, format, type, copy)."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.started import Argv, Text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.shell.commands import Command

_RUNS: Final = frozenset({"/c", "/k", "/r", "//c", "//k"})
"""Switches behind which the command stands, the last two as Git Bash needs them."""
_JOINS: Final = re.compile(r"\s*(?:&&?|\|\|?)\s*")
_WORD: Final = re.compile(r"\"([^\"]*)\"?|([^\s\"]+)")
_SWITCH: Final = re.compile(r"/\w(?::\S*)?$")
_DRIVE: Final = re.compile(r"(?i)^(?:[a-z]:|%(?:systemdrive|systemroot|windir)%)(?=[\\/]|$)")
_HOME: Final = re.compile(r"(?i)%(?:userprofile|homedrive%%homepath|homepath)%")
_DELETES: Final = frozenset({"del", "erase", "rd", "rmdir", "deltree"})
_AS_POSIX: Final = {"type": "cat", "more": "cat", "copy": "cp", "xcopy": "cp", "robocopy": "cp", "move": "mv"}
_MAX_COMMANDS: Final = 32


def unwrapped(command: Command) -> Iterator[Argv | Text]:
    """Take a command of cmd.exe and give what it runs, with the names that the same things have on POSIX."""
    words = command.arguments
    at = next((index for index, word in enumerate(words) if word.lower() in _RUNS), None)
    if at is None:
        return
    # a whole line may stand in one word
    for line in _JOINS.split(" ".join(words[at + 1 :]))[:_MAX_COMMANDS]:
        parts = [quoted or bare for quoted, bare in _WORD.findall(line)]
        if parts:
            yield Text(_translated(parts))


def _translated(words: list[str]) -> str:
    name = words[0].lower().removesuffix(".exe").removesuffix(".com")
    switches = {word.lower() for word in words[1:] if _SWITCH.match(word)}
    operands = [_place(word) for word in words[1:] if not _SWITCH.match(word)]
    if name in _DELETES:
        recursive = "/s" in switches or name == "deltree"
        return shlex.join(["rm", "-rf" if recursive else "-f", "--", *operands])
    if name == "format" and words[1:] and _DRIVE.match(words[1]):
        return shlex.join(["format-volume", "-DriveLetter", words[1][:1]])
    if name in _AS_POSIX:
        return shlex.join([_AS_POSIX[name], "--", *operands])
    return shlex.join(words)


def _place(path: str) -> str:
    """Give a path of Windows as one of POSIX; a drive counts as the root."""
    path = _HOME.sub("~", path)
    return (_DRIVE.sub("", path) or "/").replace("\\", "/").replace("//", "/")
