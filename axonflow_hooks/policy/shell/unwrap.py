"""What a command runs in turn: wrappers, inner scripts, arguments from standard input."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.code import os_calls
from axonflow_hooks.policy.shell.commands import Command, Word, stem
from axonflow_hooks.policy.shell.constants import input_of, output_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Argv:
    """A command that the outer one starts with these words."""

    words: tuple[Word, ...]
    stdin: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A script that the outer one hands to a shell."""

    text: str
    reads_stdin: bool = False


SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish", "rbash", "csh", "tcsh", "pwsh"})

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
    "-": ("", (), 0),
}
_FIND_EXEC: Final = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_FIND_FILTERS: Final = frozenset({
    "-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex", "-lname", "-maxdepth",
    "-newer", "-newermt", "-cnewer", "-mtime", "-mmin", "-atime", "-amin", "-ctime", "-cmin", "-size", "-empty",
    "-user", "-nouser", "-group", "-nogroup", "-perm", "-inum", "-links", "-samefile", "-prune", "-fstype",
})  # fmt: skip
_SSH_VALUES: Final = "BbcDEeFIiJLlmOopQRSWw"
_MAX_ARGUMENTS: Final = 64


def unwrap(command: Command) -> Iterator[Argv | Text]:
    """Take a command and give what it runs in turn; nothing for a command that runs nothing."""
    name = command.name
    if not command.argv:
        return
    if name in SHELLS:
        yield from _shell(command)
    elif name in WRAPPERS:
        words = _after_options(command.argv[1:], *WRAPPERS[name])
        if name in ("sudo", "env", "doas"):
            words = _after_assignments(words)
        if words:
            yield Argv(words)
    elif name in SPECIAL:
        yield from SPECIAL[name](command)
    for text in os_calls(command):
        yield Text(text)


def _after_options(words: Sequence[Word], short: str, long: tuple[str, ...], operands: int) -> tuple[Word, ...]:
    index = 0
    while index < len(words):
        text = words[index].text
        if text == "--":
            index += 1
            break
        if not text.startswith("-") or text == "-":
            break
        index += 1
        if text.startswith("--"):
            index += "=" not in text and text[2:] in long
        else:
            index += text[-1] in short and len(text) == 2
    return tuple(words[index + operands :])


def _after_assignments(words: tuple[Word, ...]) -> tuple[Word, ...]:
    index = 0
    while index < len(words) and "=" in words[index].text and not words[index].text.startswith(("=", "-")):
        index += 1
    return words[index:]


def _shell(command: Command) -> Iterator[Argv | Text]:
    arguments = list(command.argv[1:])
    while arguments and arguments[0].text[:1] in ("-", "+") and len(arguments[0].text) > 1:
        option = arguments.pop(0).text
        if not option.startswith("--") and "c" in option[1:]:
            if arguments and arguments[0].text == "--":
                arguments.pop(0)
            if arguments:
                yield Text(arguments[0].text, reads_stdin=True)
            return
        if option in ("-o", "+o", "-O", "+O", "--rcfile", "--init-file") and arguments:
            arguments.pop(0)
        if option == "-s":
            arguments = []
    yield from _script_of(command, arguments)


def _script_of(command: Command, operands: Sequence[Word]) -> Iterator[Argv | Text]:
    """Give the script that stands in standard input or in a process substitution, where it is known."""
    text = None
    if not operands or operands[0].text in ("-", "/dev/stdin"):
        text = input_of(command)
    elif operands[0].sources and not operands[0].known:
        text = output_of(operands[0].sources[-1])
    if text is not None:
        yield Text(text)


def _sourced(command: Command) -> Iterator[Argv | Text]:
    if command.argv[1:]:
        yield from _script_of(command, command.argv[1:2])


def _eval(command: Command) -> Iterator[Argv | Text]:
    yield Text(" ".join(command.arguments), reads_stdin=True)


def _su(command: Command) -> Iterator[Argv | Text]:
    arguments = command.arguments
    if "--" in arguments:
        yield Argv(command.argv[arguments.index("--") + 2 :])
    for index, argument in enumerate(arguments[:-1]):
        if argument in ("-c", "--command"):
            yield Text(arguments[index + 1])


def _trap(command: Command) -> Iterator[Argv | Text]:
    operands = command.operands()
    if len(operands) > 1:
        yield Text(operands[0])


def _at(command: Command) -> Iterator[Argv | Text]:
    text = input_of(command)
    if text is not None:
        yield Text(text)


_CRON_LINE: Final = re.compile(r"(?m)^\s*(?:@\w+|(?:[\d*/,A-Za-z-]+\s+){5})(.*)$")


def _crontab(command: Command) -> Iterator[Argv | Text]:
    for feed in (*command.feeds, command):
        text = command.stdin if feed is command else output_of(feed)
        for line in _CRON_LINE.findall(text or "")[:_MAX_ARGUMENTS]:
            yield Text(line)


def _watch(command: Command) -> Iterator[Argv | Text]:
    words = _after_options(command.argv[1:], "n", ("interval",), 0)
    yield Text(" ".join(word.text for word in words))


def _entr(command: Command) -> Iterator[Argv | Text]:
    words = _after_options(command.argv[1:], "", (), 0)
    if words:
        yield Argv(words)


def _ssh(command: Command) -> Iterator[Argv | Text]:
    words = _after_options(command.argv[1:], _SSH_VALUES, (), 1)
    if words:
        yield Text(" ".join(word.text for word in words), reads_stdin=True)
    else:
        yield from _at(command)


def _find(command: Command) -> Iterator[Argv | Text]:
    argv = command.argv
    index = 0
    while index < len(argv):
        if argv[index].text in _FIND_EXEC:
            end = next((at for at in range(index + 1, len(argv)) if argv[at].text in (";", "+")), len(argv))
            starts = find_starts(command)
            yield Argv(tuple(part for word in argv[index + 1 : end] for part in _filled(word, starts)))
            index = end
        index += 1


def _filled(word: Word, values: tuple[Word, ...]) -> tuple[Word, ...]:
    # what find hands over lies below its starting points: not the points themselves, unless nothing filters
    return values if word.text == "{}" else (word,)


def find_starts(command: Command) -> tuple[Word, ...]:
    """Give the starting points of a find that nothing filters; an unknown word when something does."""
    starts = []
    for word in command.argv[1:]:
        if word.text.startswith(("-", "(", "!")):
            break
        starts.append(word)
    matching_all = {option for option, value in pairwise(command.arguments) if value == "*"}
    if _FIND_FILTERS & set(command.arguments) - matching_all:
        return (Word("\0", command.start, command.end),)
    return tuple(starts)


def _xargs(command: Command) -> Iterator[Argv | Text]:
    words = _after_options(
        command.argv[1:], "InLPsdaE", ("max-args", "max-procs", "replace", "delimiter", "arg-file", "max-chars"), 0
    )
    if not words:
        return
    replaced = _replacement(command)
    text = input_of(command)
    if replaced:
        lines = (text or "\0").split("\n")[:_MAX_ARGUMENTS] if text else ["\0"]
        for line in lines:
            yield Argv(
                tuple(
                    Word(word.text.replace(replaced, line), word.start, word.end, word.sources + command.feeds)
                    for word in words
                )
            )
        return
    if text is not None and words[0].text.rsplit("/", 1)[-1] in SHELLS and words[-1].text == "-c":
        yield Text(text)
    given = _split_words(text) if text is not None else ["\0"]
    yield Argv((*words, *(Word(item, command.start, command.end) for item in given[:_MAX_ARGUMENTS])))


def _replacement(command: Command) -> str:
    arguments = command.arguments
    for index, argument in enumerate(arguments):
        if argument in ("-I", "-i", "--replace"):
            following = arguments[index + 1] if index + 1 < len(arguments) else ""
            return following if argument == "-I" else "{}"
        if argument.startswith("-I") and len(argument) > 2:
            return argument[2:]
        if argument.startswith("--replace="):
            return argument.partition("=")[2]
    return ""


def _split_words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


_PARALLEL_VALUES: Final = "jNnPISaCLTuW"
_PARALLEL_LONG: Final = (
    "jobs", "max-procs", "results", "joblog", "arg-file", "colsep", "delay", "timeout", "retries", "sshlogin",
    "workdir", "tmpdir", "load", "memfree", "nice", "halt", "max-args", "max-lines", "tagstring", "basefile", "env",
)  # fmt: skip


def _parallel(command: Command) -> Iterator[Argv | Text]:
    words = [word.text for word in _after_options(command.argv[1:], _PARALLEL_VALUES, _PARALLEL_LONG, 0)]
    template, values = words, []
    for marker in (":::", ":::+", "::::"):
        if marker in words:
            at = words.index(marker)
            template, values = words[:at], [word for word in words[at + 1 :] if not word.startswith(":::")]
            break
    else:
        text = input_of(command)
        values = text.split("\n") if text is not None else []
    line = " ".join(template) if len(template) == 1 else shlex.join(template).replace("'{}'", "{}")
    for value in (values or ["\0"])[:_MAX_ARGUMENTS]:
        if not template:
            yield Text(value)
        elif "{}" in line:
            yield Text(line.replace("{}", shlex.quote(value)))
        else:
            yield Text(f"{line} {shlex.quote(value)}")


def _sqlite(command: Command) -> Iterator[Argv | Text]:
    for argument in command.arguments:
        for line in argument.split("\n"):
            head, _blank, rest = line.strip().partition(" ")
            if head in (".shell", ".system", "\\!"):
                yield Text(rest)


def _container(command: Command) -> Iterator[Argv | Text]:
    arguments = command.argv[1:]
    at = next((index for index, word in enumerate(arguments) if word.text == "exec"), None)
    if at is None:
        return
    words = _after_options(arguments[at + 1 :], "uwenc", ("user", "workdir", "env", "namespace", "container"), 1)
    if words and words[0].text == "--":
        words = words[1:]
    if words:
        yield Argv(words)


SPECIAL: Final = {
    "source": _sourced,
    ".": _sourced,
    "eval": _eval,
    "su": _su,
    "runuser": _su,
    "trap": _trap,
    "watch": _watch,
    "at": _at,
    "batch": _at,
    "crontab": _crontab,
    "entr": _entr,
    "script": _su,
    "ssh": _ssh,
    "find": _find,
    "gfind": _find,
    "xargs": _xargs,
    "parallel": _parallel,
    "sqlite3": _sqlite,
    "psql": _sqlite,
    "docker": _container,
    "podman": _container,
    "kubectl": _container,
}
SCRIPT_RUNNERS: Final = frozenset(map(stem, (*SHELLS, *SPECIAL)))
"""Stems of the programs that run what they read or are handed as a text."""
