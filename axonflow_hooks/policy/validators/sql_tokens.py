"""Splits a piece of SQL into tokens, as a database would that is already inside a string or is not."""

from __future__ import annotations

import re
from typing import Final, NamedTuple


class Token(NamedTuple):
    """`kind` is one of num, str, open (a string that never ends), id, var, op, word, comment, ( ) , ; and bad."""

    kind: str
    text: str


WORDS: Final = frozenset(
    "or and xor not like rlike regexp is in between div mod sounds binary null true false unknown case when then else "
    "end order group by having union all distinct select from where limit offset into outfile dumpfile procedure "
    "drop delete update insert exec execute shutdown declare begin create alter truncate grant revoke if while waitfor "
    "call use set print backup restore merge replace copy exists any some collate escape as cast convert "
    "interval".split()
)
MAX_TOKENS: Final = 400

_PATTERN: Final = re.compile(
    r"""(?x)
    (?P<space>[\s\u00a0]+|/\*(?!!).*?\*/|/\*!\d*|\*/)
    | (?P<comment>--|\#|;%00|/\*)
    | (?P<num>0[xX][0-9a-fA-F]+|0b[01]+|(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?(?![A-Za-z_]))
    | (?P<var>@@?[\w.$]*)
    | (?P<id>(?:[A-Za-z_\u0080-\uffff\\][\w$\u0080-\uffff]*|\[[\w ]+\])(?:\.(?:[\w$]+|\*))*)
    | (?P<op><=>|:=|<>|!=|<=|>=|==|\|\||&&|<<|>>|!<|!>|::|[=<>+\-*/%|&^~!])
    | (?P<punct>[(),;])
    """,
    re.DOTALL,
)
_QUOTES: Final = "'\"`"


def tokens(text: str, start: int = 0) -> list[Token] | None:
    """Take SQL from `start` on and give its tokens up to a comment that cuts the rest; None when there are too many."""
    found: list[Token] = []
    at = start
    while at < len(text):
        if len(found) > MAX_TOKENS:
            return None
        if text[at] in _QUOTES:
            end = string_end(text, at + 1, text[at])
            found.append(Token("str" if end > 0 else "open", text[at : end if end > 0 else None]))
            at = end if end > 0 else len(text)
            continue
        match = _PATTERN.match(text, at)
        if match is None:
            found.append(Token("bad", text[at]))
            return found
        at = match.end()
        token = _token(match)
        if token is not None:
            if token.kind == "comment" and not _cuts(text, match):
                found.append(Token("op", "-"))  # MySQL: two minus signs
                found.append(Token("op", "-"))
                continue
            if token.kind == "comment" and token.text in ("--", "#") and "\n" in text[at:]:
                at = text.index("\n", at)
                continue
            found.append(token)
            if token.kind == "comment":
                return found
    return found


def _token(match: re.Match[str]) -> Token | None:
    kind, text = match.lastgroup, match[0]
    if kind == "space":
        return None
    if kind == "punct":
        return Token(text, text)
    if kind == "id" and text.lower() in WORDS:
        return Token("word", text.lower())
    return Token(kind or "bad", text)


def _cuts(text: str, match: re.Match[str]) -> bool:
    following = text[match.end() : match.end() + 1]
    return match[0] != "--" or not following or not (following.isdigit() or following in "'\"(")


def string_end(text: str, at: int, quote: str) -> int:
    """Give the offset behind the quote that ends a string opened before `at`; -1 when none does."""
    while True:
        at = text.find(quote, at)
        if at < 0:
            return -1
        if text[at + 1 : at + 2] == quote:
            at += 2  # a doubled quote stands for one inside the string
            continue
        backslashes = at - len(text[:at].rstrip("\\"))
        if backslashes % 2 == 0:
            return at + 1
        at += 1
