"""Random digits for ids: drawn from the system many at a time, as each draw is a system call."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Final

DRAWN_BYTES: Final = 2_048


@dataclass(slots=True)
class Nonces:
    """Gives out each digit once."""

    _drawn: str = ""
    _place: int = 0

    def take(self, digits: int) -> str:
        """Give that many random hexadecimal digits, at most 4,096."""
        start, end = self._place, self._place + digits
        if end > len(self._drawn):
            self._drawn = os.urandom(DRAWN_BYTES).hex()
            start, end = 0, digits
        self._place = end
        return self._drawn[start:end]
