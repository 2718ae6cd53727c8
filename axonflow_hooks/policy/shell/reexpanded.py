"""Text that the shell expands once more than one sees: subscripts in arithmetic, prompt strings.

Bash evaluates the values of the variables that an arithmetic expression names, and expands the subscripts in them and
in quoted names of array elements (Bash manual 6.5, 6.7 and 4.2 `read`, `printf -v`, `unset`); `${x@P}` expands a value
like a prompt (3.5.3).
"""

from __future__ import annotations

import re
from itertools import islice
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from axonflow_hooks.policy.shell.script import Script

_NAME: Final = re.compile(r"[A-Za-z_]\w*")
_ELEMENT: Final = re.compile(r"\w\[")
_NUMERIC: Final = r"-(?:eq|ne|lt|le|gt|ge)"
_OPERAND: Final = r"('[^']*'|\"[^\"]*\"|[^\s'\"]+)"
_EVALUATED: Final = re.compile(rf"\s(?:-v|{_NUMERIC})\s+{_OPERAND}|{_OPERAND}\s+{_NUMERIC}\s")
"""Operands of a test that are evaluated as arithmetic, or as the name of an element."""
_MAX_TEXT: Final = 4096
_MAX_FOUND: Final = 16


def substitutions(text: str) -> Iterator[str]:
    """Give the command lines in the substitutions (`$(…)`, backquotes) of a text."""
    at, found = 0, 0
    text = text[:_MAX_TEXT]
    while found < _MAX_FOUND:
        start = min((place for place in (text.find("$(", at), text.find("`", at)) if place >= 0), default=-1)
        if start < 0:
            return
        end = text.find("`", start + 1) if text[start] == "`" else _closing(text, start + 2)
        if end < 0:
            return
        yield text[start + 1 + (text[start] == "$") : end]
        at, found = end + 1, found + 1


def _closing(text: str, start: int) -> int:
    depth = 1
    for at in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[at], 0)
        if depth == 0:
            return at
    return -1


def may_hold(text: str) -> bool:
    """Whether a text may have a substitution in a subscript: a cheap first look."""
    return "[" in text and ("$(" in text or "`" in text)


def in_subscripts(texts: Iterable[str]) -> Iterator[str]:
    """Give the command lines that are substituted in the subscripts of texts."""
    for text in texts:
        for element in _ELEMENT.finditer(text) if may_hold(text) else ():
            start, end = element.end(), text.find("]", element.end())
            places = [place for place in (text.find("$(", start), text.find("`", start)) if place >= 0]
            if places and (end < 0 or min(places) < end):
                yield from islice(substitutions(text[start:]), 1)


def evaluated(expression: str, script: Script) -> list[str]:
    """Give the command lines that run when `[[ … ]]` or `((…))` is evaluated: in subscripts, and in those of values."""
    if not (script.evaluated or may_hold(expression)):
        return []
    if expression.startswith("(("):
        operands = [expression]
    else:
        operands = [second or first for second, first in _EVALUATED.findall(expression[:_MAX_TEXT])]
    return [*in_subscripts(operands), *in_values(" ".join(operands), script)]


def in_values(expression: str, script: Script) -> Iterator[str]:
    """Give the command lines in the subscripts of the values of the variables that an expression names."""
    if script.evaluated:
        names = dict.fromkeys(_NAME.findall(expression[:_MAX_TEXT]))
        yield from in_subscripts(script.variables.get(name, "") for name in names if name in script.evaluated)
