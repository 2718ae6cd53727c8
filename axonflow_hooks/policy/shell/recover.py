"""Finds the commands in a source that the grammar does not follow, so that they can be looked at one by one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN: Final = re.compile(
    rb"\\.|'[^']*'|\$'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|\$?\(\(|[$<>]\(|\$\{[^}\n]{0,200}\}|<<<|"
    rb"<<-?[ \t]*(?P<quote>[\"']?)(?P<heredoc>[\w.-]+)(?P=quote)|(?<![^\s;&|()])\#[^\n]*|(?P<end>[\n;|()]|&&|"
    rb"(?<![<>])&(?!>))",
    re.DOTALL,
)
_KEYWORDS: Final = re.compile(rb"[\s{]*(?:(?:then|do|else|elif|if|while|until|time|!)\b[\s{]*)*")
MAX_SEGMENTS: Final = 500


def segments(source: bytes) -> Iterator[tuple[int, int]]:
    """Give the places between the separators of a source (quotes, comments and heredocs are seen, nesting is not)."""
    start, waiting, at, count = 0, [], 0, 0
    while count < MAX_SEGMENTS:
        match = _TOKEN.search(source, at)
        end = match.start() if match is not None else len(source)
        if match is not None and match["end"] is None:
            at = match.end()
            if match["heredoc"]:
                waiting.append(match["heredoc"])
            continue
        first = _KEYWORDS.match(source, start, end)
        begin = first.end() if first is not None else start
        if begin < end:
            count += 1
            yield begin, end
        if match is None:
            return
        start = at = match.end()
        if match["end"] == b"\n" and waiting:
            start = at = _after_heredocs(source, at, waiting)
            waiting = []


def _after_heredocs(source: bytes, at: int, words: list[bytes]) -> int:
    for word in words:
        end = re.compile(rb"^[ \t]*" + re.escape(word) + rb"[ \t]*$", re.MULTILINE).search(source, at)
        if end is None:
            return len(source)
        at = end.end()
    return at
