"""The simple commands that a command line will run: what the effects look at."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

UNKNOWN: Final = "\0"
"""Stands in a word's text for a part whose value is not known before the command runs."""

HOME: Final = "~"
"""Value of the home directory however it is written: `~`, `$HOME`, `${HOME}`."""

_STEM: Final = re.compile(r"[^\W\d_]+(?:-[^\W\d_]+)*")


@lru_cache(maxsize=4096)
def stem(name: str) -> str:
    """Take a program's name and give its letters in lower case: `python` for `python3.11`, `mkfs` for `mkfs.ext4`."""
    match = _STEM.match(name)
    return match[0].lower() if match else name


class Word(NamedTuple):
    """One field of a command after expansion; `sources` are the commands whose output it holds or names.

    `start` and `end` are byte offsets in the outermost source.
    """

    text: str
    start: int
    end: int
    sources: tuple[Command, ...] = ()

    @property
    def known(self) -> bool:
        """Whether every part of the word has a value that is known now."""
        return UNKNOWN not in self.text


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirection `operator target` (`>`, `>>`, `>&`, `<`, `<>`, …) of file descriptor `fd` (empty: the default)."""

    operator: str
    target: Word
    fd: str = ""

    @property
    def writes(self) -> bool:
        """Whether the target is opened for writing."""
        return ">" in self.operator


@dataclass(frozen=True, slots=True)
class Command:
    """A simple command that will run.

    `feeds` are the commands to its left in the pipeline, `stdin` is constant input (heredoc, herestring), `start` and
    `end` are byte offsets in the outermost source, `in_function` is the function whose body it stands in, `program` the
    text of the program file it runs, `files` that of the files it reads, both where they are known. `name` is the
    program without its directory and in lower case (`rm` for `/bin/RM`: some file systems do not tell the cases apart),
    `arguments` are the texts of all words but the first.
    """

    argv: tuple[Word, ...]
    start: int
    end: int
    redirects: tuple[Redirect, ...] = ()
    feeds: tuple[Command, ...] = ()
    stdin: str | None = None
    assignments: dict[str, str] = field(default_factory=dict)
    in_function: str = ""
    background: bool = False
    cwd: str | None = None
    program: str | None = None
    files: str | None = None
    name: str = field(init=False)
    arguments: tuple[str, ...] = field(init=False)
    _operands: tuple[str, ...] | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        path = self.argv[0].text if self.argv else ""
        object.__setattr__(self, "name", path.rsplit("/", 1)[-1].rsplit("\\", 1)[-1].lower().removesuffix(".exe"))
        object.__setattr__(self, "arguments", tuple(word.text for word in self.argv[1:]))

    def operands(self) -> list[str]:
        """The arguments that are no options (after `--` every one)."""
        if self._operands is not None:
            return list(self._operands)
        found, only_operands = [], False
        for argument in self.arguments:
            if only_operands or not argument.startswith("-") or argument == "-":
                found.append(argument)
            elif argument == "--":
                only_operands = True
        object.__setattr__(self, "_operands", tuple(found))
        return found

    def mentions(self, *parts: str) -> bool:
        """Whether one of the parts occurs in an argument, a redirect's target or the directory: a cheap first look."""
        texts = "\n".join((*self.arguments, *[item.target.text for item in self.redirects], self.cwd or ""))
        return any(part in texts for part in parts)

    def has_option(self, short: str, *long: str) -> bool:
        """Whether one of the letters `short` (also in a cluster: `-rf`) or of the words `long` is given."""
        for argument in self.arguments:
            if argument == "--":
                return False
            if argument.startswith("--"):
                name = argument[2:].partition("=")[0]
                if name and any(word.startswith(name) for word in long):
                    return True
            elif argument.startswith("-") and any(letter in argument[1:] for letter in short):
                return True
        return False
