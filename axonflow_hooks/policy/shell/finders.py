"""What `find` and `fd` do to the files that they find, and where they look for them."""

from __future__ import annotations

import re
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.shell.commands import UNKNOWN, Word
from axonflow_hooks.policy.shell.places import is_credential_file
from axonflow_hooks.policy.shell.quoting import ansi_c
from axonflow_hooks.policy.shell.started import Argv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axonflow_hooks.policy.shell.commands import Command

_EXECUTES: Final = frozenset({"-x", "-X", "--exec", "--exec-batch"})
_VALUED: Final = frozenset({
    "-e", "--extension", "-E", "--exclude", "-t", "--type", "-d", "--max-depth", "--min-depth", "--exact-depth", "-S",
    "--size", "-o", "--owner", "-c", "--color", "-j", "--threads", "--changed-within", "--changed-before", "--newer",
    "--older", "--max-results", "--base-directory", "--search-path", "--path-separator", "--ignore-file", "--format",
    "--batch-size", "--and",
})  # fmt: skip
_FILTERS: Final = frozenset({
    "-e", "--extension", "-E", "--exclude", "-d", "--max-depth", "--min-depth", "--exact-depth", "-S", "--size", "-o",
    "--owner", "--changed-within", "--changed-before", "--newer", "--older", "--max-results", "-1", "--and",
})  # fmt: skip
_ALL: Final = frozenset({".", "", "*", ".*", "^", "$"})
_FIND_EXEC: Final = frozenset({"-exec", "-execdir", "-ok", "-okdir"})
_BY_NAME: Final = frozenset({"-name", "-iname", "-path", "-ipath", "-wholename"})
_NAMES_KEY: Final = re.compile(
    r"(?i)\.(?:ssh|aws|gnupg)$|id_|_rsa|ed25519|ecdsa|credential|shadow|netrc|pgpass|npmrc|pypirc|my\.cnf|kube|hosts\.yml|token|wallet|key4|logins"
)
"""What is in the name of every file that keeps credentials."""
_FIND_WRITES: Final = frozenset({"-fprint", "-fprint0", "-fprintf", "-fls"})
_FIND_FILTERS: Final = frozenset({
    "-name", "-iname", "-path", "-ipath", "-wholename", "-regex", "-iregex", "-lname",
    "-newer", "-newermt", "-cnewer", "-mtime", "-mmin", "-atime", "-amin", "-ctime", "-cmin", "-size", "-empty",
    "-user", "-nouser", "-group", "-nogroup", "-perm", "-inum", "-links", "-samefile", "-prune", "-fstype",
})  # fmt: skip
_PLACEHOLDERS: Final = ("{}", "{//}", "{/}", "{.}", "{/.}")


def executed(command: Command) -> Iterator[Argv]:
    """Take a command of fd and give the commands it starts, with the places it searches for what it finds there."""
    words = command.argv[1:]
    for index, word in enumerate(words):
        option, equals, value = word.text.partition("=")
        if option not in _EXECUTES or (equals and not option.startswith("--")):
            continue
        end = next((at for at in range(index + 1, len(words)) if words[at].text == ";"), len(words))
        first = (Word(value, word.start, word.end),) if equals else ()
        template = (*first, *words[index + 1 : end])
        # options and paths may stand behind the command too, once it is ended
        places = _searched((*words[:index], *words[end + 1 :]), command)
        if template:
            yield Argv(_filled(template, places))
        return


def _searched(words: Sequence[Word], command: Command) -> tuple[Word, ...]:
    """Give the directories that are searched; an unknown word where not everything in them is meant."""
    operands: list[Word] = []
    named: list[Word] = []
    option = ""
    for word in words:
        if option:
            if option in ("--search-path", "--base-directory"):
                named.append(word)
            option = ""
        elif word.text.startswith("-") and len(word.text) > 1:
            option = word.text if word.text in _VALUED else ""
        else:
            operands.append(word)
    names = {word.text.partition("=")[0] for word in words}
    filtered = bool(names & _FILTERS) or (bool(operands) and operands[0].text not in _ALL)
    if filtered:
        keys = [key for place in operands[1:] for key in _keys(place.text, operands[0].text)]
        if keys and names.isdisjoint(_FILTERS):
            return tuple(operands[1]._replace(text=key) for key in keys)
        return (Word(UNKNOWN, command.start, command.end),)
    return (*operands[1:], *named) or (Word(".", command.start, command.end),)


def _filled(template: tuple[Word, ...], searched: tuple[Word, ...]) -> tuple[Word, ...]:
    if not any(mark in word.text for word in template for mark in _PLACEHOLDERS):
        return (*template, *searched)
    filled: list[Word] = []
    for word in template:
        mark = next((mark for mark in _PLACEHOLDERS if mark in word.text), None)
        places = (searched if mark in ("{}", "{//}") else (Word(UNKNOWN, word.start, word.end),)) if mark else ()
        filled.extend(word._replace(text=word.text.replace(mark or "", place.text)) for place in places)
        if mark is None:
            filled.append(word)
    return tuple(filled)


def found(command: Command) -> Iterator[Argv]:
    """Give the commands that find starts (-exec, -ok, …), with its starting points for what it finds there."""
    argv = command.argv
    index = 0
    while index < len(argv):
        if argv[index].text in _FIND_EXEC:
            end = next((at for at in range(index + 1, len(argv)) if argv[at].text in (";", "+")), len(argv))
            starts = find_starts(command)
            yield Argv(tuple(part for word in argv[index + 1 : end] for part in _with_places(word, starts)))
            index = end
        index += 1


def _with_places(word: Word, values: tuple[Word, ...]) -> tuple[Word, ...]:
    # what find hands over lies below its starting points: not the points themselves, unless nothing filters
    if "{}" in word.text and word.text != "{}":
        return tuple(word._replace(text=word.text.replace("{}", value.text)) for value in values)
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
        return tuple(_named_keys(starts, command)) or (Word(UNKNOWN, command.start, command.end),)
    return tuple(starts)


def _named_keys(starts: Sequence[Word], command: Command) -> Iterator[Word]:
    """Give the places of credential files that a find looks for by their names."""
    names = [value for option, value in pairwise(command.arguments) if option in _BY_NAME]
    if "!" in command.arguments or "-not" in command.arguments:
        return
    for start in starts if names else ():
        yield from (start._replace(text=key) for name in names for key in _keys(start.text, name))


def _keys(folder: str, name: str) -> Iterator[str]:
    """Give where below a folder a credential file of this name stands, nothing for any other name."""
    folder = folder.rstrip("/")
    if _NAMES_KEY.search(name):
        yield from filter(is_credential_file, (f"{folder}/{name}", f"{folder}/.ssh/{name}", f"{folder}/.aws/{name}"))


def find_prints(command: Command) -> list[tuple[str, str]]:
    """Give the files that a find writes with a format that names nothing it found (-fprintf), and their texts."""
    arguments = command.arguments
    triples = zip(arguments, arguments[1:], arguments[2:], strict=False)
    return [(path, ansi_c(text)) for option, path, text in triples if option == "-fprintf" and "%" not in text]


def find_writes(command: Command) -> list[str]:
    """Give the files that a find writes (-fprint, -fprintf, -fls)."""
    if command.name not in ("find", "gfind") or "-f" not in " ".join(command.arguments):
        return []
    return [path for option, path in pairwise(command.arguments) if option in _FIND_WRITES]
