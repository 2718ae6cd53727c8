"""What make runs: the recipes of a makefile that is known, text given to `--eval`, variables that are commands.

GNU make manual 4 (rules), 5 (recipes), 9.5 (overriding variables) and 9.8 (options). Every recipe counts as run.
"""

from __future__ import annotations

import re
from itertools import islice, pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

MAKERS: Final = frozenset({"make", "gmake", "mingw32-make", "bmake", "just"})

_RULE: Final = re.compile(r"^(?![ \t#])[^\n=;#]*:(?!=)[^\n;=]*;[ \t]*(.*)$")
_DEFINITION: Final = re.compile(r"^[ ]*(?:export[ ]+|override[ ]+)?([\w.-]+)[ \t]*(?:::?|[+?!])?=[ \t]*(.*)$")
_REFERENCE: Final = re.compile(r"\$(?:\(([\w.-]+)\)|\{([\w.-]+)\})")
_SHELL_CALL: Final = re.compile(r"\$\(shell[ \t]+")
_COMMANDS: Final = frozenset({
    "SHELL", "CC", "CXX", "CPP", "LD", "AR", "AS", "FC", "RM", "INSTALL", "MAKE", "YACC", "LEX", "PYTHON", "NODE",
    "DOCKER", "GO", "CARGO", "STRIP", "RANLIB", "MAKESHELL",
})  # fmt: skip
"""Variables that recipes begin with."""
_AUTOMATIC: Final = re.compile(r"\$[@<^*?+|%]")
_NOT_KNOWN: Final = "${_}"
_MAX_RECIPES: Final = 64
_MAX_CALLS: Final = 16
_MAX_LINE: Final = 4096


def recipes(text: str, arguments: Iterable[str] = ()) -> list[str]:
    """Take a makefile and the arguments of make; give the shell lines that it may run."""
    variables = dict(_definitions(arguments))
    found: list[str] = []
    joined = text.replace("\\\n", " ")
    for line in joined.split("\n"):
        rule = _RULE.match(line)
        if line.startswith("\t"):
            found.append(line.strip())
        elif rule is not None:
            found.append(rule[1])
        else:
            for name, value in _definitions((line,)):
                variables.setdefault(name, value)
        found.extend(_shell_calls(line))
        if len(found) > _MAX_RECIPES:
            break
    return [line for line in (_expanded(line, variables) for line in found[:_MAX_RECIPES]) if line]


def makefile_names(arguments: Iterable[str]) -> tuple[str, ...]:
    """Take the arguments of make and give the names of the makefiles that it may read."""
    pairs = dict(pairwise(arguments))
    named = pairs.get("-f") or pairs.get("--file") or pairs.get("--makefile")
    return (named,) if named else ("GNUmakefile", "makefile", "Makefile")


def command_variables(arguments: Iterable[str]) -> Iterator[str]:
    """Take the arguments of make and give the values of variables that are started as commands."""
    for name, value in _definitions(arguments):
        if name in _COMMANDS and " " in value:
            yield value
        yield from _shell_calls(value)


def _definitions(lines: Iterable[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        match = _DEFINITION.match(line)
        if match is not None:
            yield match[1], match[2]


def _shell_calls(line: str) -> Iterator[str]:
    line = line[:_MAX_LINE]
    for match in islice(_SHELL_CALL.finditer(line), _MAX_CALLS):
        depth = 1
        for at in range(match.end(), len(line)):
            depth += {"(": 1, ")": -1}.get(line[at], 0)
            if depth == 0:
                yield line[match.end() : at]
                break


def _expanded(line: str, variables: dict[str, str]) -> str:
    line = _AUTOMATIC.sub(_NOT_KNOWN, line[:_MAX_LINE])
    for _round in range(3):
        line = _REFERENCE.sub(lambda match: variables.get(match[1] or match[2], _NOT_KNOWN)[:1024], line)[:_MAX_LINE]
    return line.lstrip("@-+ \t").replace("$$", "$")
