"""Understands command lines: source in, effects of the commands that will run out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING

from axonflow_hooks.policy.matching import Haystack, compile_set
from axonflow_hooks.policy.shell.bounds import OutOfBoundsError
from axonflow_hooks.policy.shell.effects import EFFECTS
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.raw import RAW_PATTERNS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.policy.matching import PatternSet
    from axonflow_hooks.policy.shell.commands import Command

__all__ = ["CommandLine"]


@dataclass(frozen=True)
class CommandLine:
    """One command line; it is lowered when first asked, and found out of bounds then."""

    source: Haystack

    @cached_property
    def commands(self) -> list[Command] | None:
        """The simple commands that will run, None when the source is out of bounds."""
        try:
            return lower(self.source.text)
        except (OutOfBoundsError, RecursionError):
            return None

    def places(self, effect: str) -> list[tuple[int, int]]:
        """Give the places (str offsets) of the commands that have the effect."""
        if self.commands is None:
            return self._raw_places(effect)
        found = EFFECTS[effect](self.commands)
        return [(self.source.offset(command.start), self.source.offset(command.end)) for command in found]

    def _raw_places(self, effect: str) -> list[tuple[int, int]]:
        names, patterns = _raw_set()
        return [
            place for index in self._raw_hits if names[index] == effect for place in patterns.find(index, self.source)
        ]

    @cached_property
    def _raw_hits(self) -> Sequence[int]:
        _names, patterns = _raw_set()
        return patterns.hits(self.source)


@lru_cache(maxsize=1)
def _raw_set() -> tuple[list[str], PatternSet]:
    return list(RAW_PATTERNS), compile_set(list(RAW_PATTERNS.values()))
