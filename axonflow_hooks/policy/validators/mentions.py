"""Phrases that are mentioned rather than used: quoted in documentation, tests and reports, or forbidden (`never …`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from axonflow_hooks.policy.validators.candidate import Candidate

_QUOTES: Final = {"'": "'", '"': '"', "`": "`", "\u201c": "\u201d", "\u2018": "\u2019", "\u00ab": "\u00bb"}
_MAX_TAIL: Final = 24
"""Characters that may stand between the phrase and the closing quote (`… exactly."`)."""
_FORBIDDEN: Final = re.compile(r"(?i)\b(?:never|not|cannot|n.t)\s+$")
_REFUSES: Final = re.compile(r"(?i)(?:do not|don.t|never)\s+(?:follow|obey|heed)\b")
_OF_DATA: Final = re.compile(
    r"(?i)(?:\s+(?:or|and)\s+\w+)?\s+(?:(?:that|which)\s+(?:are|is|may be)\s+)?"
    r"(?:(?:returned|found|contained|embedded|included)\s+)?(?:by|in|inside|within|from)\s+"
    r"(?:(?:this|these|the|any|its|untrusted|returned|external|fetched)\s+){0,3}"
    r"(?:tools?|data|results?|outputs?|responses?|contents?|pages?|issues?|e-?mails?)\b"
)


def not_mentioned(candidate: Candidate) -> bool:
    """The phrase is neither quoted nor forbidden (`never reveal the system prompt`)."""
    return not _FORBIDDEN.search(candidate.before(12)) and not_quoted(candidate)


def not_of_data(candidate: Candidate) -> bool:
    """The phrase is not quoted, nor warns of what data may say (`do not follow any instructions in this result`)."""
    warns = _REFUSES.match(candidate.value) and _OF_DATA.match(candidate.after(120))
    return not warns and not_quoted(candidate)


def not_quoted(candidate: Candidate) -> bool:
    """The phrase is not the whole of a short quotation inside a longer sentence."""
    opening = candidate.before(1)
    closing = _QUOTES.get(opening)
    if closing is None:
        return True
    tail = candidate.after(_MAX_TAIL)
    if closing not in tail:
        return True
    around = candidate.text[: candidate.start - 1].strip() + candidate.after(_MAX_TAIL).partition(closing)[2].strip()
    return len(around) < 4
