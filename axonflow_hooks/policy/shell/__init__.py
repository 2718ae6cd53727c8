"""Understands command lines: source in, effects of the commands that will run out."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from axonflow_hooks.policy.matching import Haystack, compile_set
from axonflow_hooks.policy.shell.bounds import OutOfBoundsError
from axonflow_hooks.policy.shell.certainty import BY_SPELLING, uncertainty
from axonflow_hooks.policy.shell.effects import effects_of
from axonflow_hooks.policy.shell.lower import lower
from axonflow_hooks.policy.shell.raw import RAW_PATTERNS
from axonflow_hooks.policy.shell.skim import may_have_effects

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.policy.matching import PatternSet
    from axonflow_hooks.policy.shell.commands import Command

__all__ = ["CommandLine", "Place"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command with an effect stands (str offsets), and what is not sure about it (empty: nothing)."""

    start: int
    end: int
    note: str = ""


class CommandLine:
    """One command line; it is lowered when first asked, and found out of bounds then."""

    __slots__ = ("_commands", "_lowered", "source")

    def __init__(self, source: Haystack) -> None:
        self.source = source
        self._lowered = False
        self._commands: list[Command] | None = None

    @property
    def commands(self) -> list[Command] | None:
        """The simple commands that will run, None when the source is out of bounds."""
        if not self._lowered:
            self._lowered = True
            with contextlib.suppress(OutOfBoundsError, RecursionError):
                self._commands = lower(self.source.text)
        return self._commands

    @property
    def effects(self) -> Mapping[str, tuple[Place, ...]]:
        """The effects that the commands have, with the places of those commands.

        A line in which no command can have any is not parsed (see `skim`).
        """
        if not may_have_effects(self.source):
            return {}
        commands = self.commands
        if commands is None:
            return self._by_spelling()
        return {
            name: tuple(
                # a loop or a function may have run the same command more than once
                dict.fromkeys(
                    Place(self.source.offset(command.start), self.source.offset(command.end), uncertainty(command))
                    for command in having
                )
            )
            for name, having in effects_of(commands).items()
        }

    def _by_spelling(self) -> dict[str, tuple[Place, ...]]:
        names, patterns = _raw_set()
        found = {
            names[index]: tuple(Place(start, end, BY_SPELLING) for start, end in patterns.find(index, self.source))
            for index in patterns.hits(self.source)
        }
        return {name: places for name, places in found.items() if places}


@lru_cache(maxsize=1)
def _raw_set() -> tuple[list[str], PatternSet]:
    return list(RAW_PATTERNS), compile_set(list(RAW_PATTERNS.values()))
