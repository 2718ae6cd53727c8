"""Where a text was masked: found again by what an agent left of it, to put the same masks elsewhere or together."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_PLACEHOLDERS: Final = re.compile(r'("?(?:\[REDACTED[^\]\n]{0,80}\])+"?)')
"""With the quotes around them: an agent adds them where it masks a number of JSON."""


class Mask(NamedTuple):
    """One masked stretch of a text, and what stands there instead."""

    start: int
    end: int
    shown: str


def masks_of(text: str, masked: str) -> list[Mask] | None:
    """Take a text and its masked form, give the masks in order; None where they cannot be told for sure."""
    left, *parted = _PLACEHOLDERS.split(masked)
    if not parted:
        return [] if text == masked else None
    between, right = parted[1:-1:2], parted[-1]
    end = len(text) - len(right)
    if not text.startswith(left) or not text.endswith(right) or end <= len(left):
        return None
    first, last = _first_places(text, between, len(left), end), _last_places(text, between, len(left), end)
    if first is None or first != last:
        return None
    starts = [len(left), *(place + len(kept) for place, kept in zip(first, between, strict=True))]
    return [Mask(*mask) for mask in zip(starts, [*first, end], parted[0::2], strict=True)]


def masks_or_one(text: str, masked: str) -> list[Mask]:
    """Give the masks of a masked text, or where they cannot be told for sure, one that hides them all."""
    if (masks := masks_of(text, masked)) is not None:
        return masks
    left, *parted = _PLACEHOLDERS.split(masked)
    if not parted:
        return [Mask(0, len(text), masked)]
    right, shown = parted[-1], parted[0].strip('"')
    end = len(text) - len(right)
    if text.startswith(left) and text.endswith(right) and end > len(left):
        return [Mask(len(left), end, shown)]
    return [Mask(0, len(text), shown)]


def _first_places(text: str, between: Sequence[str], start: int, end: int) -> list[int] | None:
    """Give where the texts between the masks stand at the earliest; each mask takes one character or more."""
    places = []
    for kept in between:
        place = text.find(kept, start + 1, end)
        if place < 0:
            return None
        places.append(place)
        start = place + len(kept)
    return places if start < end else None


def _last_places(text: str, between: Sequence[str], start: int, end: int) -> list[int] | None:
    places = []
    for kept in reversed(between):
        place = text.rfind(kept, start, end - 1)
        if place < 0:
            return None
        places.append(place)
        end = place
    return places[::-1] if start < end else None


def with_masks(text: str, masks: Sequence[Mask]) -> str:
    """Give a text with masks, in order and apart from each other, put in."""
    parts: list[str] = []
    done = 0
    for mask in masks:
        parts += (text[done : mask.start], mask.shown)
        done = mask.end
    return "".join(parts) + text[done:]


def joined(one: Sequence[Mask], other: Sequence[Mask]) -> list[Mask]:
    """Give masks that hide all that the two hide; of those that meet in one place, the longer one shows."""
    found: list[Mask] = []
    for mask in sorted((*one, *other), key=lambda mask: (mask.start, -mask.end)):
        if found and mask.start < found[-1].end:
            before = found[-1]
            longer = max(before, mask, key=lambda known: known.end - known.start)
            found[-1] = Mask(before.start, max(before.end, mask.end), longer.shown)
        else:
            found.append(mask)
    return found


def with_more_masked(text: str, masked: str | None, masks: Sequence[Mask]) -> str | None:
    """Take a text, its masked form (None for unmasked) and further masks of it; give it with all that hidden."""
    if not masks:
        return masked
    also = with_masks(text, masks)
    if masked is None:
        return also
    if _bare(masked) == _bare(also):
        return masked
    known = masks_or_one(text, masked)
    return masked if _cover(known, masks) else with_masks(text, joined(known, masks))


def _cover(known: Sequence[Mask], masks: Sequence[Mask]) -> bool:
    """Tell whether each of some masks lies in one of others; both stand in order, and apart from each other."""
    index = 0
    for mask in masks:
        while index < len(known) and known[index].end < mask.end:
            index += 1
        if index == len(known) or known[index].start > mask.start:
            return False
    return True


def _bare(masked: str) -> str:
    return _PLACEHOLDERS.sub("\0", masked).replace("\n", " ")
