"""What a validator judges: a matched place in its text."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Candidate:
    """`text[start:end]` matched a pattern; the validator says whether it is what the policy looks for."""

    text: str
    start: int
    end: int

    @classmethod
    def whole(cls, text: str) -> Candidate:
        """Make a candidate of all of `text`."""
        return cls(text, 0, len(text))

    @property
    def value(self) -> str:
        """The matched text."""
        return self.text[self.start : self.end]

    def before(self, length: int) -> str:
        """Give at most `length` characters that stand before the match."""
        return self.text[max(0, self.start - length) : self.start]

    def after(self, length: int) -> str:
        """Give at most `length` characters that stand after the match."""
        return self.text[self.end : self.end + length]
