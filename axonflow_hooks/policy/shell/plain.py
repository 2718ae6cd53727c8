"""Reads the command lines that need no parser: bare and quoted words, pipes, lists (Bash manual 3.2.2 to 3.2.4).

Most lines are of that form, and reading them here costs a tenth of a syntax tree. What is read gives the same commands
as the tree does; a line that holds anything else (variables, redirects, groups, comments, keywords) is the parser's.
"""

from __future__ import annotations

import re
from typing import Final

from axonflow_hooks.policy.shell.commands import Word

MAX_JOINED: Final = 30
"""`&&` and `||` in a row; with more of them the tree is deep, and how deep it may be is counted where it is walked."""

MAX_JOINED_PIPELINE: Final = 2
"""Commands of a pipeline somewhere before `&&` or `||`: the tree of longer ones is another than the manual's."""

_BARE: Final = r"[A-Za-z0-9_./:@%+,~^*?-][A-Za-z0-9_./:@%+,=~^*?-]*"
_QUOTED: Final = r"""'[^']*'|"[^"\\$`]*\""""
_COMMAND: Final = re.compile(
    rf"[ \t]*(([A-Za-z_./~][A-Za-z0-9_./~+-]*)(?:[ \t]+(?:{_BARE}|{_QUOTED}))*)[ \t]*(&&|\|\|?|[;\n]|\Z)"
)
"""A command, the name of its program, and the operator behind it."""

_WORD: Final = re.compile(rf"{_QUOTED}|[^ \t]+")
_EMPTY_LINE: Final = re.compile(r"[ \t]*(?:\n|\Z)")
_KEYWORDS: Final = frozenset({
    "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case", "esac", "in", "select",
    "function", "time", "coproc", "declare", "typeset", "export", "readonly", "local", "unset", "unsetenv",
})  # fmt: skip


def pipelines(source: bytes, place: tuple[int, int] | None) -> list[list[list[Word]]] | None:
    """Take shell and give its pipelines as lists of commands, each a list of words; None where it takes a parser.

    Words stand at `place`, or where they are in the source.
    """
    if not source.isascii():
        return None
    text = source.decode("ascii")
    found: list[list[list[Word]]] = []
    pipeline: list[list[Word]] = []
    at = joined = longest = 0
    operator = ""
    while at < len(text):
        command = _COMMAND.match(text, at)
        if command is None or command[2] in _KEYWORDS:
            empty = _EMPTY_LINE.match(text, at) if command is None and operator in ("", ";", "\n") else None
            if empty is None:
                return None
            at = empty.end()
            continue
        pipeline.append(_words(text, *command.span(1), place))
        operator, at = command[3], command.end()
        if operator == "|":
            continue
        found.append(pipeline)
        joined = joined + 1 if operator in ("&&", "||") else 0
        longest = max(longest, len(pipeline))
        if joined > MAX_JOINED or (joined and longest > MAX_JOINED_PIPELINE):
            return None
        pipeline = []
    # what ends in an operator that joins waits for more
    return found if found and not pipeline and not joined else None


def _words(text: str, start: int, end: int, place: tuple[int, int] | None) -> list[Word]:
    words: list[Word] = []
    part = text[start:end]
    if "'" not in part and '"' not in part:
        for value in part.split():
            start = text.index(value, start)
            end = start + len(value)
            words.append(Word(value, *(place or (start, end))))
            start = end
        return words
    for match in _WORD.finditer(text, start, end):
        value = match[0]
        if value[0] in "'\"":
            value = value[1:-1]
        words.append(Word(value, *(place or match.span())))
    return words
