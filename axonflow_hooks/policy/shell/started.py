"""What a command starts in turn, and the words in which it says so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from axonflow_hooks.policy.shell.constants import input_of, output_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.policy.shell.commands import Command, Word


@dataclass(frozen=True, slots=True)
class Argv:
    """A command that the outer one starts with these words, and with these variables besides its own."""

    words: tuple[Word, ...]
    stdin: str | None = None
    assignments: Mapping[str, str] = field(default_factory=dict)
    cwd: str | None = None


@dataclass(frozen=True, slots=True)
class Text:
    """A script that the outer one hands to a shell, with the arguments (None: those of the outer script) and name."""

    text: str
    reads_stdin: bool = False
    arguments: tuple[str, ...] | None = None
    name: str = ""


def after_options(words: Sequence[Word], short: str, long: tuple[str, ...], operands: int) -> tuple[Word, ...]:
    """Give the words behind the options and `operands` more.

    `short` are the letters of the options that take a value, `long` their words.
    """
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


def value_of(command: Command, short: str, long: str) -> Word | None:
    """Give the value of an option, a word of its own or behind the option's name."""
    for index, word in enumerate(command.argv):
        text = word.text
        if not text.startswith("-"):
            continue
        if text in (short, long) and index + 1 < len(command.argv):
            return command.argv[index + 1]
        for head in (f"{long}=", short):
            if text.startswith(head) and len(text) > len(head):
                return word._replace(text=text.removeprefix(head))
    return None


def text_of(word: Word, command: Command) -> str | None:
    """Give what stands in the file that a word names, for `-` and process substitutions and as far as it is known."""
    if word.text in ("-", "/dev/stdin", "/dev/fd/0"):
        return input_of(command)
    return output_of(word.sources[-1]) if word.sources and not word.known else None
