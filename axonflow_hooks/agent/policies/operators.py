"""The operators of dynamic conditions (wire 1.12): one definition for the validator, for verdicts and for trials.

A field has no value, one, or several (the texts of a statement). An operator holds when it holds for any of them, its
negation when it holds for none: so a negation also holds where there is no value.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from axonflow_hooks.agent.policies.patterns import Text, literal, places, rejection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from axonflow_hooks.wire.dynamic_policies import Scalar, Value

    Places = list[tuple[int, int]]
    Fact = Scalar | Text
    Holds = Callable[[Fact], "Places | None"]
    """Gives the places of a value for which the operator holds (none where it is no text), None where it does not."""

Operator = Literal[
    "equals", "not_equals", "contains", "not_contains", "contains_any", "regex", "greater_than", "less_than", "in",
    "not_in",
]  # fmt: skip

OPERATORS: Final[tuple[Operator, ...]] = (
    "equals", "not_equals", "contains", "not_contains", "contains_any", "regex", "greater_than", "less_than", "in",
    "not_in",
)  # fmt: skip
ALIASES: Final[Mapping[str, Operator]] = {
    "==": "equals", "!=": "not_equals", ">": "greater_than", "<": "less_than", "matches": "regex",
}  # fmt: skip

_NEGATIONS: Final[Mapping[Operator, Operator]] = {
    "not_equals": "equals", "not_contains": "contains", "not_in": "in",
}  # fmt: skip
_LISTS: Final = frozenset({"contains_any", "in", "not_in"})
_WORDS: Final = frozenset({"contains", "not_contains", "contains_any"})
_NUMBERS: Final = frozenset({"greater_than", "less_than"})
_NUMBER: Final = re.compile(r"[+-]?\d{1,30}(?:\.\d{1,30})?(?:[eE][+-]?\d{1,3})?", re.ASCII)

MAX_WORD_CHARS: Final = 500


def normalised(operator: str) -> Operator | None:
    """Take an operator or its symbol and give the operator, None for one that there is not."""
    return next((known for known in OPERATORS if known == operator), ALIASES.get(operator))


def value_fault(operator: Operator, value: Value) -> str | None:
    """Give why `value` does not suit the operator, None where it does."""
    if operator in _LISTS:
        if not isinstance(value, list) or not value:
            return f"{operator} needs a list with at least one value"
    elif isinstance(value, list):
        return f"{operator} needs a single value"
    items = value if isinstance(value, list) else [value]
    if any(isinstance(item, str) and not _is_unicode(item) for item in items):
        return "text must be Unicode: a lone surrogate is none"
    if operator in _WORDS and not all(isinstance(item, str) and 0 < len(item) <= MAX_WORD_CHARS for item in items):
        return f"{operator} needs text of 1 to {MAX_WORD_CHARS} characters"
    if operator in _NUMBERS and number(items[0]) is None:
        return f"{operator} needs a number"
    if operator == "regex":
        return rejection(items[0]) if isinstance(items[0], str) and items[0] else "regex needs a pattern"
    if any(isinstance(item, float) and not math.isfinite(item) for item in items):
        return "numbers must be finite"
    return None


@dataclass(frozen=True, slots=True)
class Test:
    """An operator with its value, ready to be asked."""

    __test__ = False

    operator: Operator
    holds: Holds
    negated: bool

    def ask(self, facts: Sequence[Fact]) -> tuple[bool, tuple[tuple[int, Places], ...]]:
        """Tell whether the condition holds for a field's values, and at which places of which of them.

        A negation has no places.
        """
        found = []
        for index, fact in enumerate(facts):
            where = self.holds(fact)
            if where is not None:
                if self.negated:
                    return False, ()
                found.append((index, where))
        return (True, ()) if self.negated else (bool(found), tuple(found))


def prepared(operator: Operator, value: Value) -> Test:
    """Give the test of an operator whose value has no `value_fault`."""
    positive = _NEGATIONS.get(operator, operator)
    items = value if isinstance(value, list) else [value]
    if positive in ("contains", "contains_any"):
        holds = _searching(literal([str(item) for item in items]))
    elif positive == "regex":
        holds = _searching(str(value))
    elif positive in ("greater_than", "less_than"):
        holds = _comparing(number(items[0]) or 0, greater=positive == "greater_than")
    else:
        holds = _equalling(items)
    return Test(operator, holds, operator in _NEGATIONS)


def number(value: object) -> int | float | None:
    """Give a number, or the number that a text writes in decimal; None for everything else."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if not isinstance(value, str) or not _NUMBER.fullmatch(value):
        return None
    if value.lstrip("+-").isdecimal():
        return int(value)
    written = float(value)
    return written if math.isfinite(written) else None


def _searching(pattern: str) -> Holds:
    def holds(fact: Fact) -> Places | None:
        found = places(pattern, fact if isinstance(fact, Text) else Text(_written(fact)))
        return found or None

    return holds


def _comparing(bound: float, *, greater: bool) -> Holds:
    def holds(fact: Fact) -> Places | None:
        size = number(_plain(fact))
        if size is None or not (size > bound if greater else size < bound):
            return None
        return _whole(fact)

    return holds


def _equalling(wanted: Sequence[Scalar]) -> Holds:
    def holds(fact: Fact) -> Places | None:
        value = _plain(fact)
        return _whole(fact) if any(_same(value, item) for item in wanted) else None

    return holds


def _same(value: Scalar, wanted: Scalar) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return _written(value).lower() == _written(wanted).lower()
    if isinstance(value, str) and isinstance(wanted, str):
        return value == wanted
    sizes = number(value), number(wanted)
    return None not in sizes and sizes[0] == sizes[1]


def _is_unicode(text: str) -> bool:
    return text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text)


def _plain(fact: Fact) -> Scalar:
    return fact.text if isinstance(fact, Text) else fact


def _written(value: Scalar) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _whole(fact: Fact) -> Places:
    return [(0, len(fact.text))] if isinstance(fact, Text) else []
