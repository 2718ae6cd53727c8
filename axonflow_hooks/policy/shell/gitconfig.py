"""What git starts because it is configured so (git-config, git-submodule, git-bisect, gitremote-helpers)."""

from __future__ import annotations

import re
import shlex
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from axonflow_hooks.policy.shell.commands import Command

_COMMAND_KEYS: Final = re.compile(
    r"(?i)^(?:core\.(?:pager|editor|sshcommand|fsmonitor|gitproxy|askpass)|(?:pager|man)\.[\w.-]+|diff\.external|"
    r"(?:diff|filter|merge|difftool|mergetool)\.[^=]+\.(?:command|textconv|clean|smudge|process|driver|cmd)|"
    r"sequence\.editor|gpg\.(?:[\w.]+\.)?program|uploadpack\.packobjectshook|interactive\.difffilter|"
    r"remote\.[^=]+\.(?:uploadpack|receivepack)|sendemail\.[\w.]*cmd|web\.browser)$"
)
_BANG_KEYS: Final = re.compile(r"(?i)^(?:alias\.[^=]+|credential\.(?:[^=]+\.)?helper)$")
"""Keys whose value is a command line when it begins with `!`."""
_VERBS: Final = frozenset({
    "config", "submodule", "bisect", "clone", "init", "fetch", "pull", "push", "remote", "ls-remote", "grep", "archive",
    "hash-object",
})  # fmt: skip
_VALUED: Final = frozenset({"-C", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env"})
_CONFIG_VALUED: Final = frozenset({"-f", "--file", "--blob", "--type", "--default", "--comment", "--value", "--url"})
_BARE_BLANK: Final = re.compile(r"(?<!%) ")
_READS: Final = frozenset({
    "--get", "--get-all", "--get-regexp", "--get-urlmatch", "--list", "-l", "--unset", "--unset-all", "get", "list",
    "unset", "--remove-section", "--rename-section",
})  # fmt: skip


def may_configure(command: Command) -> bool:
    """Whether a git command may configure what is started: a cheap first look."""
    first = command.arguments[0] if command.arguments else ""
    return first in _VERBS or first.startswith("-") or (first == "diff" and "--no-index" in command.arguments)


def configured_commands(command: Command) -> Iterator[str]:
    """Take a git command and give the command lines that it configures, or runs in each submodule or bisection step."""
    arguments = list(command.arguments)
    while arguments and arguments[0].startswith("-"):
        option = arguments.pop(0)
        if option == "-c" and arguments:
            yield from _setting(*_pair(arguments.pop(0)))
        elif option in _VALUED and arguments:
            arguments.pop(0)
    if not arguments:
        return
    yield from _started_by(arguments[0], arguments[1:])


def configured_by_variables(assignments: Mapping[str, str]) -> Iterator[str]:
    """Take variables and give the command lines that they configure for git (git-config, ENVIRONMENT)."""
    for name, key in assignments.items():
        if name.startswith("GIT_CONFIG_KEY_"):
            yield from _setting(key, assignments.get(f"GIT_CONFIG_VALUE_{name[15:]}", ""))
        elif name == "GIT_CONFIG_PARAMETERS":
            for text in re.findall(r"'([^']*)'", key.replace("'='", "=")):
                yield from _setting(*_pair(text))


def _started_by(verb: str, rest: list[str]) -> Iterator[str]:
    if verb == "config" and not _READS & set(rest):
        yield from _setting(*_assigned(rest))
    elif verb == "submodule" and rest[:1] == ["foreach"]:
        words = [word for word in rest[1:] if word not in ("--recursive", "-q", "--quiet")]
        yield words[0] if len(words) == 1 else shlex.join(words)
    elif verb == "bisect" and rest[:1] == ["run"]:
        yield shlex.join(rest[1:])
    elif verb == "hash-object" or (verb == "diff" and "--no-index" in rest):
        yield shlex.join(["cat", *(word for word in rest if not word.startswith("-"))])
    elif verb in ("clone", "init"):
        for option, value in pairwise(rest):
            if option in ("-c", "--config"):
                yield from _setting(*_pair(value))
    for word in rest:
        if word.startswith("ext::"):
            yield word[5:].replace("% ", " ")
            # a blank behind a percent sign stands in a word (gitremote-ext)
            yield shlex.join(part.replace("% ", " ") for part in _BARE_BLANK.split(word[5:]))
        elif word.startswith("--open-files-in-pager=") or (verb == "grep" and word.startswith("-O")):
            pager = word.partition("=")[2] if word.startswith("--") else word[2:]
            yield f"{pager} {' '.join(rest[-1:])}"


def _pair(text: str) -> tuple[str, str]:
    key, _equals, value = text.partition("=")
    return key, value


def _assigned(words: list[str]) -> tuple[str, str]:
    given: list[str] = []
    skip = False
    for word in words:
        if skip or word.startswith("--") or (word.startswith("-") and not given):
            skip = not skip and word in _CONFIG_VALUED
        elif word not in ("set", "add") or given:
            given.append(word)
    return (given[0], given[1]) if len(given) > 1 else ("", "")


def _setting(key: str, value: str) -> Iterator[str]:
    if _COMMAND_KEYS.match(key):
        yield value.removeprefix("!")
    elif value.startswith("!") and _BANG_KEYS.match(key):
        yield value[1:]
