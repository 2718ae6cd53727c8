"""Where statements begin in a text of SQL, and which of them change every row of a table.

A reading by tokens, not by a full grammar: it knows comments, quotes, parentheses and bodies of procedures in the
spellings of PostgreSQL, MySQL, SQL Server, Oracle and SQLite, which is what the question takes. It never fails.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

MAX_TEXT: Final = 64 * 1024
"""Characters that are read; what is longer is a dump."""
MAX_LOOKED_AT: Final = 50_000
"""Tokens in which conditions are looked for, all statements together; a change that comes later counts as unbounded."""
_MAX_DEPTH: Final = 4
"""Bodies within bodies (`DO $$ … EXECUTE '…' $$`)."""

_TOKEN: Final = re.compile(
    r"""(?xs)
    (?P<skip>\s+|--[^\n]*|\#[^\n]*|/\*.*?(?:\*/|\Z))
    | (?P<dollar>\$\w{0,40}\$)
    | '(?P<string>(?:[^'\\]|''|\\.)*)'
    | (?P<name>"(?:[^"]|"")*"|`[^`]*`|\[[^\]\n]{0,128}\])
    | (?P<word>[A-Za-z_][\w$]*(?:\.[\w$]+)*)
    | (?P<number>\d[\w.]*)
    | (?P<mark>[();=,*.]|.)
    """
)
# after these a statement begins; after `as` only behind a parenthesis (a CTE) or in PREPARE
_BEFORE: Final = frozenset({"begin", "then", "else", "loop", "as", "explain", "analyze", "go"})
_BOUNDS: Final = frozenset({"where", "join", "limit", "top"})


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    start: int


def at_statement(candidate: Candidate) -> bool:
    """The match is where a statement begins: not inside a string, a comment or another statement."""
    return candidate.start in _statements(candidate.text[:MAX_TEXT])[0]


def unbounded_change(candidate: Candidate) -> bool:
    """The match is a DELETE or UPDATE that names no condition, or one that always holds."""
    return candidate.start in _statements(candidate.text[:MAX_TEXT])[1]


@lru_cache(maxsize=4)
def _statements(text: str) -> tuple[frozenset[int], frozenset[int]]:
    starts: set[int] = set()
    unbounded: set[int] = set()
    _read(text, 0, starts, unbounded, 0)
    return frozenset(starts), frozenset(unbounded)


def _read(text: str, offset: int, starts: set[int], unbounded: set[int], depth: int) -> None:
    tokens: list[_Token] = []
    at = 0
    while (match := _TOKEN.match(text, at)) is not None:
        kind, start, at = match.lastgroup or "mark", at, match.end()
        if kind == "skip":
            continue
        body: tuple[int, int] | None = None
        if kind == "dollar":
            end = text.find(match[0], at)
            body = (at, end if end >= 0 else len(text))
            kind, at = "string", body[1] + (len(match[0]) if end >= 0 else 0)
        elif kind == "string" and _executes(tokens):
            body = match.span("string")
        if body is not None and depth < _MAX_DEPTH:
            _read(text[slice(*body)], offset + body[0], starts, unbounded, depth + 1)
        tokens.append(_Token(kind, match[0].lower() if kind == "word" else match[0], offset + start))
    _judge(tokens, starts, unbounded)


def _judge(tokens: list[_Token], starts: set[int], unbounded: set[int]) -> None:
    merges, left = False, MAX_LOOKED_AT
    for index, token in enumerate(tokens):
        if not _begins(tokens, index):
            continue
        starts.add(token.start)
        if index == 0 or tokens[index - 1].text == ";":
            merges = token.text == "merge"
        of_merge = merges and tokens[index - 1].text in ("then", "else")
        if token.text in ("delete", "update") and not of_merge and _changes_rows(tokens, index):
            end, bounded = _bound(tokens, index) if left > 0 else (index, False)
            left -= end - index
            if not bounded:
                unbounded.add(token.start)


def _executes(tokens: list[_Token]) -> bool:
    words = [token.text for token in tokens[-3:]]
    return bool({"execute", "exec", "immediate"} & set(words)) or words[-2:] == ["sp_executesql", "n"]


def _begins(tokens: list[_Token], index: int) -> bool:
    if tokens[index].kind != "word":
        return False
    if index == 0:
        return True
    before = tokens[index - 1]
    if before.text in (";", ")"):
        return before.text == ";" or tokens[index].text in ("delete", "update", "insert", "merge", "select")
    if before.text == "(":
        return index > 1 and tokens[index - 2].text in ("as", "materialized")
    return before.kind == "word" and before.text in _BEFORE


def _changes_rows(tokens: list[_Token], index: int) -> bool:
    if tokens[index].text == "delete":
        return any(token.kind == "word" and token.text == "from" for token in tokens[index + 1 : index + 4])
    for at in range(index + 1, min(index + 8, len(tokens))):
        if tokens[at].kind == "word" and tokens[at].text == "set":
            assigned = [token.text for token in tokens[at + 1 : at + 4]]
            return assigned[:1] == ["("] or "=" in assigned
    return False


def _bound(tokens: list[_Token], index: int) -> tuple[int, bool]:
    """Give where the search for a condition ended, and whether there is one."""
    level = 0
    for at in range(index + 1, len(tokens)):
        token = tokens[at]
        if token.text == "(":
            level += 1
        elif token.text == ")":
            level -= 1
        if token.text == ";" or level < 0:
            return at, False
        if level == 0 and token.kind == "word" and token.text in _BOUNDS:
            return at, token.text != "where" or not _always_holds(tokens, at + 1)
    return len(tokens), False


def _always_holds(tokens: list[_Token], at: int) -> bool:
    rest = tokens[at : at + 4]
    texts = [token.text for token in rest]
    ends = (";", ")", "returning", "")
    if texts[:1] in (["true"], ["1"]) and (texts[1:2] or [""])[0] in ends:
        return True
    constants = len(rest) >= 3 and rest[0].kind in ("number", "string") and rest[2].kind == rest[0].kind
    return constants and texts[1] == "=" and texts[0] == texts[2] and (texts[3:4] or [""])[0] in ends
