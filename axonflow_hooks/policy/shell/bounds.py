"""How much of a command line is analysed before the raw checks take over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

MAX_NESTING: Final = 8
"""Scripts within scripts (`bash -c "bash -c …"`)."""

MAX_TREE_DEPTH: Final = 80
"""Levels of the syntax tree, all nested scripts together."""

MAX_COMMANDS: Final = 4_000
"""Simple commands, those that others start included."""

MAX_EXPANSION: Final = 2 * 1024 * 1024
"""Characters of expanded words and nested scripts, all together: `b=$a$a; c=$b$b; …` doubles with every step."""


MAX_CALLS: Final = 64
"""Bodies of functions and loops that are looked at once more with the values of one call or one round."""


class OutOfBoundsError(Exception):
    """The command line is larger or deeper than is analysed."""


@dataclass(slots=True)
class Budget:
    """The characters that may still be expanded, the calls and rounds that may still be followed."""

    left: int = MAX_EXPANSION
    calls: int = MAX_CALLS

    def spend(self, amount: int) -> None:
        """Take `amount` from the budget; raises OutOfBoundsError when nothing is left."""
        self.left -= amount
        if self.left < 0:
            raise OutOfBoundsError

    def follow(self, times: int = 1) -> bool:
        """Take `times` calls or rounds from the budget; give whether that many were left."""
        if self.calls < times:
            return False
        self.calls -= times
        return True
