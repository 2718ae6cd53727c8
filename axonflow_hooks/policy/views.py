"""The parts of a text that a group of policies looks at, with the way back to the text."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from axonflow_hooks.policy.matching import Haystack, compile_set
from axonflow_hooks.policy.readings import letters, mirrored, readings, signs
from axonflow_hooks.policy.shell import CommandLine

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axonflow_hooks.policy.groups import Group, Possible
    from axonflow_hooks.policy.matching import PatternSet
    from axonflow_hooks.policy.model import StatementKind
    from axonflow_hooks.policy.shell.commands import Command

DATABASE_CLIENTS: Final = frozenset({
    "psql", "mysql", "mariadb", "sqlite3", "sqlite", "sqlcmd", "mysqlsh", "pgcli", "mycli", "litecli", "usql", "duckdb",
    "clickhouse-client", "clickhouse", "cockroach", "bq", "snowsql", "sqlplus", "isql", "cqlsh", "trino", "presto",
    "hive", "beeline", "spark-sql", "bsqldb", "sqlcl", "vsql", "impala-shell", "turso", "libsql", "dolt", "wrangler",
})  # fmt: skip
_SEARCHES: Final = frozenset({
    "grep", "egrep", "fgrep", "rg", "ag", "ack", "git", "gh", "glab", "hg", "sed", "awk", "gawk", "find", "perl",
})  # fmt: skip
_MCP_VALUE: Final = re.compile(r"^[\w$-]+(?:\.[\w$-]+|\[\d+\])*: ", re.MULTILINE)
_MCP_COMMAND: Final = re.compile(
    r"(?i)^(?:[\w$.\[\]-]*[._\]-])?(?:command|cmd|script|shell|bash|exec|run|code|commandline)(?:\[\d+\]|\.\d+)?$"
)
_SCRIPT_NAME: Final = re.compile(r"(?i)\.(?:sh|bash|zsh|ksh)\s*$")
_SHEBANG: Final = re.compile(r"#! ?/[\w/]*/(?:env +)?(?:ba|z|da|k|a)?sh\b")

_ESCAPED_BLANK: Final = re.compile(r"\\[nrt]")
_ASCII_FORMS: Final = {
    **{ord(c): str(unicodedata.digit(c)) for c in filter(str.isdecimal, map(chr, range(0x80, 0x1FC00)))},
    **dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63\uff0d"), "-"),
    **dict.fromkeys(map(ord, "\u00a0\u2002\u2003\u2005\u2007\u2009\u200a\u202f\u3000"), " "),
}

MAX_PROSE: Final = 16 * 1024
"""A longer text of unknown form is prose or data, not a command line."""

MAX_SCRIPT: Final = 64 * 1024
"""A longer file is not read as a shell script."""


class View(NamedTuple):
    """A part to match patterns in.

    A match at `i` stands at `offset + i` of the text or, when `place` is set (the part was decoded), somewhere in
    `place`. In a `loose` view only standalone patterns count, in a view of `letters` only those made for it.
    """

    haystack: Haystack
    offset: int = 0
    place: tuple[int, int] | None = None
    loose: bool = False
    letters: bool = False

    def locate(self, start: int, end: int) -> tuple[int, int]:
        """Take a place in the view and give it in the text."""
        return self.place or (self.offset + start, self.offset + end)


class TextViews:
    """The views of a text that do not depend on its kind, each made when first asked for.

    Evaluations of the same text share them, and with them what the engine notes in `possible`: for groups of patterns,
    the views in which some may occur.
    """

    __slots__ = ("_disguised", "_plain", "possible", "text", "whole")

    def __init__(self, text: str) -> None:
        self.text = text
        self.whole: tuple[View, ...] = (View(Haystack(text)),)
        self.possible: dict[Group, Sequence[Possible]] = {}
        self._plain: tuple[View, ...] | None = None
        self._disguised: tuple[View, ...] | None = None

    @property
    def plain(self) -> tuple[View, ...]:
        """The text with the digits, dashes and blanks of every script as the ASCII ones (each one character).

        Where line breaks are escaped (in JSON or source code), the text with blanks in their place as well: an
        escape would glue its letter to the word that follows.
        """
        if self._plain is None:
            text = self.text if self.text.isascii() else self.text.translate(_ASCII_FORMS)
            views = self.whole if text == self.text else (View(Haystack(text)),)
            blank = _ESCAPED_BLANK.sub("  ", text) if "\\" in text else text
            self._plain = views if blank == text else (*views, View(Haystack(blank)))
        return self._plain

    @property
    def disguised(self) -> tuple[View, ...]:
        """The text, and what it may stand for where it hides its words."""
        if self._disguised is None:
            place = (0, len(self.text))
            shown = signs(self.whole[0].haystack)
            if not shown and self.text.isascii():
                mirror = mirrored(self.text)
                mirrors = () if mirror is None else (View(Haystack(mirror), place=place),)
                self._disguised = (*self.whole, *mirrors)
                return self._disguised
            views = [View(Haystack(text), place=place) for text in readings(self.text, shown)]
            if shown:
                views += [View(Haystack(text), place=place, letters=True) for text in letters(self.text, shown)]
            self._disguised = (*self.whole, *views)
        return self._disguised


class Subject:
    """The evaluated text as its kind has it: the views of the text, where SQL and command lines stand in it."""

    __slots__ = ("_command_lines", "_values", "kind", "views")

    def __init__(self, text: str, kind: StatementKind, views: TextViews | None = None) -> None:
        self.kind: StatementKind = kind
        self.views = TextViews(text) if views is None else views
        self._command_lines: tuple[tuple[int, CommandLine], ...] | None = None
        self._values: tuple[tuple[str, int, int], ...] | None = None

    @property
    def sql(self) -> tuple[View, ...]:
        """Where SQL may stand: arguments of commands, values of MCP arguments, else the text itself."""
        if self.kind == "shell":
            # few command lines show a sign of a statement
            if not _statement_signs().hits(self.views.whole[0].haystack):
                return ()
            return tuple(self._sql_in_commands())
        if self.kind == "mcp":
            text = self.views.text
            return tuple(View(Haystack(text[start:end]), start) for _name, start, end in self._mcp_values)
        return self.views.whole

    @property
    def command_lines(self) -> tuple[tuple[int, CommandLine], ...]:
        """Command lines in the text with their offsets."""
        if self._command_lines is None:
            self._command_lines = self._find_command_lines()
        return self._command_lines

    def _find_command_lines(self) -> tuple[tuple[int, CommandLine], ...]:
        text = self.views.text
        if self.kind == "shell" or (self.kind == "text" and len(text) <= MAX_PROSE):
            return ((0, CommandLine(self.views.whole[0].haystack)),)
        if self.kind == "file":
            path, newline, content = text.partition("\n")
            if len(content) <= MAX_SCRIPT and (_SCRIPT_NAME.search(path) or _SHEBANG.match(content)):
                return ((len(path) + len(newline), CommandLine(Haystack(content))),)
        if self.kind == "mcp":
            return tuple(
                (start, CommandLine(Haystack(text[start:end])))
                for name, start, end in self._mcp_values
                if _MCP_COMMAND.match(name)
            )
        return ()

    @property
    def _mcp_values(self) -> tuple[tuple[str, int, int], ...]:
        if self._values is None:
            self._values = _mcp_values(self.views.text)
        return self._values

    def _sql_in_commands(self) -> Iterator[View]:
        haystack = self.views.whole[0].haystack
        commands = self.command_lines[0][1].commands
        if commands is None:
            yield View(haystack, loose=True)
            return
        views: dict[str, View] = {}
        for command in commands:
            place = haystack.offset(command.start), haystack.offset(command.end)
            loose = command.name not in DATABASE_CLIENTS
            if command.name in _SEARCHES:
                continue
            for text in _statements(command, loose=loose):
                # what is echoed into a client is a statement, not an argument of echo
                if text not in views or (views[text].loose and not loose):
                    views[text] = View(Haystack(text), place=place, loose=loose)
        yield from views.values()


def _mcp_values(text: str) -> tuple[tuple[str, int, int], ...]:
    heads = list(_MCP_VALUE.finditer(text))
    if not heads or heads[0].start() > 0:
        return (("", 0, len(text)),)
    ends = [head.start() - 1 for head in heads[1:]] + [len(text)]
    return tuple((head[0][:-2], head.end(), end) for head, end in zip(heads, ends, strict=True))


@lru_cache(maxsize=1)
def _statement_signs() -> PatternSet:
    # an argument with a blank in it is quoted, escaped or expanded; a client may be fed plain words
    clients = "|".join(map(re.escape, sorted(DATABASE_CLIENTS)))
    return compile_set([rf"""(?i)["'\\$`<{{]|%20|/\*\*/|\b(?:{clients})\b"""])


def _statements(command: Command, *, loose: bool) -> Iterator[str]:
    for argument in command.arguments:
        if " " in argument or "'" in argument or "%20" in argument or "/**/" in argument:
            yield argument
    if loose:
        return
    if command.stdin is not None:
        yield command.stdin
    for feed in command.feeds:
        if feed.name in ("echo", "printf"):
            yield " ".join(feed.arguments)
