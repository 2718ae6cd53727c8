"""What a command runs in turn: wrappers, inner scripts, arguments from standard input."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.code import os_calls
from axonflow_hooks.policy.shell.commands import Command, Word, stem
from axonflow_hooks.policy.shell.constants import input_of
from axonflow_hooks.policy.shell.names import SHELLS
from axonflow_hooks.policy.shell.powershell import POWERSHELLS, code_of, shell_lines
from axonflow_hooks.policy.shell.specials import READERS, STARTERS
from axonflow_hooks.policy.shell.started import Argv, Text, after_options, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


# wrapper: letters of its short options that take a value, its long ones, operands before the command
WRAPPERS: Final[dict[str, tuple[str, tuple[str, ...], int]]] = {
    "sudo": ("ugphCRTrtD", ("user", "group", "prompt", "host", "chdir", "chroot", "role", "type"), 0),
    "doas": ("uC", (), 0),
    "env": ("uCS", ("unset", "chdir"), 0),
    "nohup": ("", (), 0),
    "nice": ("n", ("adjustment",), 0),
    "ionice": ("cnpPu", ("class", "classdata"), 0),
    "chrt": ("TPD", (), 1),
    "taskset": ("", (), 1),
    "timeout": ("sk", ("signal", "kill-after"), 1),
    "time": ("fo", ("format", "output"), 0),
    "stdbuf": ("ioe", ("input", "output", "error"), 0),
    "setsid": ("", (), 0),
    "command": ("", (), 0),
    "builtin": ("", (), 0),
    "exec": ("a", (), 0),
    "unbuffer": ("", (), 0),
    "busybox": ("", (), 0),
    "toybox": ("", (), 0),
    "chroot": ("", ("userspec", "groups"), 1),
    "caffeinate": ("tw", (), 0),
    "strace": ("oeEpPsuabIOSX", (), 0),
    "flock": ("wE", ("timeout", "conflict-exit-code"), 1),
    "unshare": ("", (), 0),
    "firejail": ("", (), 0),
    "proxychains": ("f", (), 0),
    "proxychains4": ("f", (), 0),
    "then": ("", (), 0),
    "pkexec": ("u", ("user",), 0),
    "systemd-run": ("puMGHES", ("property", "unit", "uid", "gid", "slice", "setenv", "working-directory"), 0),
    "fakeroot": ("lsifb", (), 0),
    "gosu": ("", (), 1),
    "su-exec": ("", (), 1),
    "tini": ("pe", (), 0),
    "dumb-init": ("", (), 0),
    "coproc": ("", (), 0),
    "noglob": ("", (), 0),
    "nocorrect": ("", (), 0),
    "sshpass": ("pfdP", (), 0),
    "cross-env": ("", (), 0),
    "shx": ("", (), 0),
    "-": ("", (), 0),
}


_SHELLS_ON_STDIN: Final = frozenset({"sudo", "doas", "unshare", "fakeroot", "proxychains", "firejail"})
"""Wrappers that start a shell where no command is named."""


def unwrap(command: Command) -> Iterator[Argv | Text]:
    """Take a command and give what it runs in turn; nothing for a command that runs nothing."""
    name = command.name
    if not command.argv:
        return
    if name in POWERSHELLS:
        code = code_of(command)
        if code:
            yield Text(shell_lines(code))
    elif name in SHELLS:
        yield from _shell(command)
    elif name in WRAPPERS:
        words = after_options(command.argv[1:], *WRAPPERS[name])
        given: dict[str, str] = {}
        if name in ("sudo", "env", "doas", "cross-env"):
            words, given = _after_assignments(words)
        if not words and name in _SHELLS_ON_STDIN:
            yield from _script_of(command, ())
        elif words:
            yield Argv(words, assignments=given, cwd=_folder(command) if name in ("env", "sudo") else None)
    elif name in SPECIAL:
        yield from SPECIAL[name](command)
    for text in os_calls(command):
        yield Text(text)


def _folder(command: Command) -> str | None:
    """Give the directory that env or sudo starts its command in."""
    short = "-C" if command.name == "env" else "-D"
    for option, value in pairwise(command.arguments):
        if option in (short, "--chdir"):
            return value
        if option.startswith("--chdir="):
            return option.partition("=")[2]
    return None


def _after_assignments(words: tuple[Word, ...]) -> tuple[tuple[Word, ...], dict[str, str]]:
    index = 0
    given: dict[str, str] = {}
    while index < len(words) and "=" in words[index].text and not words[index].text.startswith(("=", "-")):
        name, _equals, value = words[index].text.partition("=")
        given[name] = value
        index += 1
    return words[index:], given


def _shell(command: Command) -> Iterator[Argv | Text]:
    arguments = list(command.argv[1:])
    while arguments and arguments[0].text[:1] in ("-", "+") and len(arguments[0].text) > 1:
        option = arguments.pop(0).text
        if not option.startswith("--") and "c" in option[1:]:
            if arguments and arguments[0].text == "--":
                arguments.pop(0)
            if arguments:
                given = [word.text for word in arguments]
                name = given[1] if len(given) > 1 else ""
                yield Text(given[0], reads_stdin=True, arguments=tuple(given[2:]), name=name)
            return
        if option in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file") and arguments:
            arguments.pop(0)
        if option == "-s":
            arguments = []
    yield from _script_of(command, arguments)


def _script_of(command: Command, operands: Sequence[Word]) -> Iterator[Argv | Text]:
    """Give the script that stands in standard input or in a process substitution, where it is known."""
    text = input_of(command) if not operands else text_of(operands[0], command)
    if text is not None:
        yield Text(text, arguments=tuple(word.text for word in operands[1:]) or None)


def _sourced(command: Command) -> Iterator[Argv | Text]:
    if command.argv[1:]:
        yield from _script_of(command, command.argv[1:2])


def _eval(command: Command) -> Iterator[Argv | Text]:
    yield Text(" ".join(command.arguments), reads_stdin=True)


_SCRIPTS: Final = {**READERS, "source": _sourced, ".": _sourced, "eval": _eval}
SPECIAL: Final = {**_SCRIPTS, **STARTERS}
SCRIPT_RUNNERS: Final = frozenset(map(stem, (*SHELLS, *POWERSHELLS, *_SCRIPTS)))
"""Stems of the programs that run what they read or are handed as a text."""
