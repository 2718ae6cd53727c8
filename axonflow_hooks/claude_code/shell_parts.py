"""A command line → its simple commands, as far as judging by words needs it: quotes, substitutions, heredocs.

Linear in the length of the command line and without recursion: whatever a model writes, this ends.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Final

MAX_PARTS: Final = 4_000
MAX_DEPTH: Final = 40

_TOKEN: Final = re.compile(
    r"(?P<plain>[^\s\\'\"$`;|&()<>#]+)"
    r"|(?P<space>[ \t\r\f\v]+)"
    r"|(?P<newline>\n)"
    r"|(?P<escape>\\.?)"
    r"|(?P<single>'[^']*'?)"
    r"|(?P<ansi>\$'(?:[^'\\]|\\.)*'?)"
    r'|(?P<double>\$?")'
    r"|(?P<open>\$\(|[<>]\(|\()"
    r"|(?P<close>\))"
    r"|(?P<tick>`)"
    r"|(?P<read><<<|<&)"
    r"|(?P<heredoc><<-?)"
    r"|(?P<write>&>>?|<>|>>?\|?&?)"
    r"|(?P<source><)"
    r"|(?P<separator>&&|\|\|?&?|;+&?|&)"
    r"|(?P<hash>\#)"
    r"|(?P<other>.)",
    re.DOTALL,
)
_IN_DOUBLE: Final = re.compile(
    r'(?P<plain>[^"\\$`]+)|(?P<escape>\\.?)|(?P<open>\$\()|(?P<tick>`)|(?P<double>")|(?P<other>.)', re.DOTALL
)
_SUBSTITUTION: Final = re.compile(r"(?<!\\)(?:\$\(|`)")


@dataclass(frozen=True, slots=True)
class ShellPart:
    """One simple command: its words without quotes, what it writes to and reads from, its heredocs.

    The text of a substitution is part of the word it stands in, and a part of its own as well.
    """

    words: tuple[str, ...]
    targets: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    body: str = ""
    piped: bool = False
    """Its output feeds the part that follows."""


@dataclass(frozen=True, slots=True)
class _Heredoc:
    tag: str
    strips_tabs: bool
    quoted: bool


@dataclass(slots=True)
class _Frame:
    """An open substitution or group, and the simple command that is being read in it."""

    closer: str = ""
    is_group: bool = False
    started: int = 0
    in_double: bool = False
    word: list[str] = field(default_factory=list)
    has_word: bool = False
    quoted: bool = False
    expects: str = ""
    words: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    sources: list[str] = field(default_factory=list)
    heredocs: list[_Heredoc] = field(default_factory=list)

    def add(self, text: str) -> None:
        self.word.append(text)
        self.has_word = True


def shell_parts(command: str) -> list[ShellPart] | None:
    """Take a command line and give its simple commands in order, None when it is nested too deep or too long."""
    return _Lexer(command).run()


class _Lexer:
    """One pass over a command line."""

    def __init__(self, command: str) -> None:
        self._text = command
        self._at = 0
        self._frames = [_Frame()]
        self._parts: list[ShellPart] = []
        self._waiting: list[tuple[int, _Heredoc]] = []
        self._bodies: dict[int, list[str]] = {}

    def run(self) -> list[ShellPart] | None:
        while self._at < len(self._text):
            frame = self._frames[-1]
            match = (_IN_DOUBLE if frame.in_double else _TOKEN).match(self._text, self._at)
            if match is None or match.lastgroup is None:
                return None
            self._at = match.end()
            self._take(frame, match.lastgroup, match.group())
            if len(self._parts) > MAX_PARTS or len(self._frames) > MAX_DEPTH:
                return None
        while len(self._frames) > 1:
            self._leave(self._at)
        self._end_part(self._frames[0], piped=False)
        bodies = self._bodies
        return [
            replace(part, body="\n".join(bodies[index])) if index in bodies else part
            for index, part in enumerate(self._parts)
        ]

    def _take(self, frame: _Frame, kind: str, text: str) -> None:
        if kind in {"plain", "other"}:
            frame.add(text)
        elif kind == "escape":
            frame.add("" if text == "\\\n" else text[1:])
            frame.quoted = True
        elif kind in {"single", "ansi"}:
            frame.add(text[text.index("'") + 1 :].removesuffix("'"))
            frame.quoted = True
        elif kind == "double":
            frame.in_double = not frame.in_double
            frame.add("")
            frame.quoted = True
        elif kind == "hash":
            if frame.has_word:
                frame.add(text)
            else:
                self._at = self._end_of_line()
        elif kind in {"open", "close", "tick"}:
            self._nest(frame, kind, text)
        else:
            self._divide(frame, kind, text)

    def _nest(self, frame: _Frame, kind: str, text: str) -> None:
        closes = ")" if kind == "close" else "`"
        if kind != "open" and frame.closer == closes:
            self._leave(self._at - 1)
        elif kind == "close":
            self._end_part(frame, piped=False)
        else:
            if text == "(":
                self._end_part(frame, piped=False)
            closer = "`" if kind == "tick" else ")"
            self._frames.append(_Frame(closer, is_group=text == "(", started=self._at))

    def _divide(self, frame: _Frame, kind: str, text: str) -> None:
        if kind in {"write", "source"} and not frame.quoted and "".join(frame.word).isdigit():
            frame.word, frame.has_word = [], False  # the number of a file descriptor
        self._end_word(frame)
        if kind in {"write", "source", "read", "heredoc"}:
            frame.expects = text if kind == "heredoc" else kind
        elif kind == "newline":
            self._end_part(frame, piped=False)
            self._read_bodies()
        elif kind == "separator":
            self._end_part(frame, piped=text in {"|", "|&"})

    def _end_word(self, frame: _Frame) -> None:
        if not frame.has_word:
            return
        text, expects = "".join(frame.word), frame.expects
        if expects.startswith("<<"):
            frame.heredocs.append(_Heredoc(text, strips_tabs=expects == "<<-", quoted=frame.quoted))
        elif expects == "write":
            frame.targets.append(text)
        elif expects == "source":
            frame.sources.append(text)
        else:
            frame.words.append(text)
        frame.word, frame.has_word, frame.quoted, frame.expects = [], False, False, ""

    def _end_part(self, frame: _Frame, *, piped: bool) -> None:
        self._end_word(frame)
        if frame.words or frame.targets or frame.sources or frame.heredocs:
            self._waiting.extend((len(self._parts), heredoc) for heredoc in frame.heredocs)
            self._parts.append(ShellPart(tuple(frame.words), tuple(frame.targets), tuple(frame.sources), piped=piped))
        elif piped and self._parts:
            self._parts[-1] = replace(self._parts[-1], piped=True)  # the pipe follows a group
        frame.words, frame.targets, frame.sources, frame.heredocs, frame.expects = [], [], [], [], ""

    def _leave(self, end: int) -> None:
        frame = self._frames.pop()
        self._end_part(frame, piped=False)
        if not frame.is_group:
            self._frames[-1].add(self._text[frame.started : end])

    def _read_bodies(self) -> None:
        """Read the heredocs that the line before announced; one whose tag is not quoted may run commands."""
        for index, heredoc in self._waiting:
            lines: list[str] = []
            while self._at < len(self._text):
                end = self._end_of_line()
                line = self._text[self._at : end]
                self._at = end + 1
                if (line.lstrip("\t") if heredoc.strips_tabs else line) == heredoc.tag:
                    break
                lines.append(line)
            body = "\n".join(lines)
            self._bodies.setdefault(index, []).append(body)
            if not heredoc.quoted and _SUBSTITUTION.search(body):
                self._parts.append(ShellPart(tuple(body.split())))
        self._waiting = []

    def _end_of_line(self) -> int:
        found = self._text.find("\n", self._at)
        return found if found != -1 else len(self._text)
