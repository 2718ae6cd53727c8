"""What tells an injected piece of SQL from a statement that somebody wrote as a whole."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from axonflow_hooks.policy.validators.sql_grammar import continues_statement

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

_KEYWORD: Final = re.compile(
    r"(?i)[\s(]*(?:select|with|insert|update|delete|merge|create|alter|drop|explain|describe|show|grant|revoke|truncate|"
    r"begin|commit|rollback|set|use|call|exec|execute|declare|values|from|table|analyze|vacuum|copy|pragma|replace|"
    r"comment|cache|load|refresh|attach|pivot|summarize)\b"
)
_HEAD: Final = 4096
"""Characters of a text in which its first keyword must stand, comments included; a fragment is not longer."""
_FRAGMENT_LINES: Final = 12
"""Line breaks in a fragment at most: source code and prose have more."""

_EQUALITY: Final = re.compile(
    r"(?i)^\W*(?:or|and|\|\||&&|xor|having|where|not|like)?[\s(!'\"`]*(?:not\b)?[\s('\"`]*"
    r"([\w.]+)['\"`\s)]*(=|<>|!=|<=>|>=|<=|<|>|like|is|rlike|regexp|in)[\s('\"`]*([\w.]+)"
)


def fragment(candidate: Candidate) -> bool:
    """The text around the match is a piece put into a statement: short, and not a statement of its own."""
    text = candidate.text
    return len(text) <= _HEAD and text.count("\n") <= _FRAGMENT_LINES and not _starts_statement(candidate.text[:_HEAD])


@lru_cache(maxsize=64)
def _starts_statement(head: str) -> bool:
    at = 0
    while True:
        while at < len(head) and (head[at].isspace() or head[at] == "("):
            at += 1
        comment = "\n" if head.startswith("--", at) else "*/" if head.startswith("/*", at) else ""
        end = head.find(comment, at + 2) if comment else -1
        if end < 0:
            return _KEYWORD.match(head, at) is not None
        at = end + len(comment)


def comparison_of_constants(candidate: Candidate) -> bool:
    """The compared sides are both constants, so the condition is decided whatever the data (a tautology)."""
    match = _EQUALITY.search(candidate.value)
    if match is None:
        return False
    left, operator, right = match[1].lower(), match[2].lower(), match[3].lower()
    if left.isdigit() and right.isdigit():
        return True
    return left == right and operator in ("=", "like", "<=>", "<=", ">=")


def continuation(candidate: Candidate) -> bool:
    """The whole text is a value that goes on with SQL of its own (see `sql_grammar`)."""
    return not _starts_statement(candidate.text[:_HEAD]) and continues_statement(candidate)
