"""A simple command as the shell would run it: variables in place, and nothing before the program."""

from __future__ import annotations

import re
from collections import ChainMap
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.claude_code.shell_parts import ShellPart

MAX_COMMAND_CHARS: Final = 300_000
"""More than a system passes to a shell in one argument; a longer command line need not be understood."""
MAX_WORD_CHARS: Final = 2_000
"""Of a variable's value, and of a word in which variables are looked for."""
MAX_ASSIGNING_WORDS: Final = 20

_KEYWORDS: Final = frozenset({"!", "do", "elif", "else", "fi", "if", "then", "until", "while", "{", "}"})
_PREFIXES: Final = _KEYWORDS | {"builtin", "command", "env", "exec", "nice", "nohup", "sudo", "time"}
_ASSIGNMENT: Final = re.compile(r"([A-Za-z_]\w*)\+?=(.*)", re.DOTALL)
_VARIABLE: Final = re.compile(r"\$\{?([A-Za-z_]\w*)(?:\[[^\]]{0,9}\])?\}?")
_HOME_TILDE: Final = re.compile(r"(?<![\w/.])~(?=/|\s|$)")


@dataclass(frozen=True, slots=True)
class SimpleCommand:
    """One part of a command line, ready to be judged.

    `program` is the program's name in lower case and without its folder, "" for none. `words` are the program as it is
    written and its arguments; `targets` and `sources` the files it is redirected to and from; `body` its heredoc;
    `is_piped` that its output feeds the part that follows, `is_loop` that it is the condition of `while`.
    """

    program: str
    words: tuple[str, ...]
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    body: str = ""
    is_piped: bool = False
    is_loop: bool = False

    @property
    def arguments(self) -> tuple[str, ...]:
        """The words after the program."""
        return self.words[1:]

    @property
    def length(self) -> int:
        """The characters of its words, redirections and heredoc, variables in place."""
        return sum(map(len, self.words)) + sum(map(len, self.targets)) + sum(map(len, self.sources)) + len(self.body)


class TooLongToJudge(Exception):  # noqa: N818
    """A command line is longer than a system takes, as it is written or with its variables in place."""


def simple_command(part: ShellPart, variables: dict[str, str]) -> SimpleCommand:
    """Take a part and the shell's variables, to which those that the part sets are added; give its simple command.

    Raises TooLongToJudge when the variables make it longer than MAX_COMMAND_CHARS.
    """
    words = _without_prefixes(_all_expanded(part.words, variables))
    variables.update(assigned(part.words, variables))
    return SimpleCommand(
        program=program_of(words),
        words=words,
        targets=tuple(_all_expanded(part.targets, variables)),
        sources=tuple(_all_expanded(part.sources, variables)),
        body=part.body,
        is_piped=part.piped,
        is_loop="while" in part.words[:2],
    )


def program_of(words: Sequence[str]) -> str:
    """Give the name of the program that words run, in lower case and without its folder; `.` is a program too."""
    if not words:
        return ""
    return "." if words[0] == "." else PurePath(words[0]).name.lower()


def _all_expanded(words: Sequence[str], variables: Mapping[str, str]) -> list[str]:
    made: list[str] = []
    length = 0
    for word in words:
        made.append(expanded(word, variables))
        length += len(made[-1])
        if length > MAX_COMMAND_CHARS:
            raise TooLongToJudge
    return made


def expanded(word: str, variables: Mapping[str, str]) -> str:
    """Put the values of known variables, and the home folder for `~`, in their places in a word."""
    if "$" in word and len(word) <= MAX_WORD_CHARS:
        word = _VARIABLE.sub(lambda match: variables.get(match.group(1), match.group()), word)
    return _HOME_TILDE.sub(lambda _: variables["HOME"], word) if "~" in word else word


def assigned(words: Sequence[str], variables: dict[str, str]) -> dict[str, str]:
    """Give the variables that the words of a part set: `NAME=VALUE`, and what `for NAME in WORDS` goes through."""
    made: dict[str, str] = {}
    for match in filter(None, map(_ASSIGNMENT.match, words[:MAX_ASSIGNING_WORDS])):
        made[match.group(1)] = expanded(match.group(2), ChainMap(made, variables))[:MAX_WORD_CHARS]
    if words and words[0] == "for" and len(words) > 2:
        made[words[1]] = " ".join(words[3:])[:MAX_WORD_CHARS]
    return made


def _without_prefixes(words: Sequence[str]) -> tuple[str, ...]:
    start = 0
    while start < len(words) and (not words[start] or words[start] in _PREFIXES or _ASSIGNMENT.match(words[start])):
        start += 1
    return tuple(words[start:])
