"""What the agent masks of a request's texts all together, taken back to the arguments that these texts stand in.

The text of a query is asked about with one word for each placeholder that stands in it already: the signs of one would
be a comment in SQL (`#1]`).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.masks import Mask, with_masks
from axonflow_hooks.proxy.context_text import Line, note_masks
from axonflow_hooks.proxy.refusals import MaskedName
from axonflow_hooks.proxy.statement import query_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from axonflow_hooks.proxy.leaves import Leaf

NAME_MASKED: Final = "The name of an argument would have to be masked."

_PLACEHOLDER: Final = re.compile(r"\[REDACTED:[A-Za-z0-9_.-]{1,40}(?:#\d{1,9})?\]")
_MASKED: Final = "[REDACTED]"
_NUMBER: Final = re.compile(r"#\d+\]")
_DIGIT: Final = re.compile(r"\d")
_LETTER: Final = re.compile(r"[^\W\d_]")


def masked_query(name: str, leaves: Sequence[Leaf]) -> str:
    """Take a request's name and the leaves of its masked arguments, give the text that they are checked as."""
    return query_text(name, [leaf._replace(text=_plain(leaf.text)) for leaf in leaves])


def more_masked(query: str, masked: str, leaves: Sequence[Leaf]) -> dict[int, str]:
    """Take what `masked_query` gives for leaves, and that text masked; give the leaves it masks by ordinal, masked.

    Raises MalformedVerdict where the masked text is not this one, MaskedName where what it masks is no value.
    """
    values = {leaf.ordinal: leaf for leaf in leaves if leaf.kind != "key"}
    found: dict[int, list[Mask]] = {}
    names: set[int] = set()
    note_masks(_lines(query, list(values.values())), f"\n{masked}\n", found, names)
    if names:
        raise MaskedName(NAME_MASKED)
    return {ordinal: _with_masks(values[ordinal].text, masks) for ordinal, masks in found.items()}


def alike(leaves: Sequence[Leaf], masked: Mapping[int, str]) -> dict[int, str]:
    """Take leaves and those that only their neighbours have shown; give what else must be masked as these were.

    That is each item of the same list that has the form of one that is masked whole, as `4155552672` has that of
    `4155552671`: the word that tells what they are is near the first ones only.
    """
    lists: dict[tuple[int, str], list[Leaf]] = {}
    run = 0
    for leaf in leaves:
        if leaf.listed:
            lists.setdefault((run, leaf.label), []).append(leaf)
        else:
            run += 1
    found: dict[int, str] = {}
    for items in lists.values():
        forms = {
            _form(item.text): _NUMBER.sub("]", masked[item.ordinal])
            for item in items
            if _PLACEHOLDER.fullmatch(masked.get(item.ordinal, "")) and _DIGIT.search(item.text)
        }
        if forms:
            found |= {
                item.ordinal: forms[form]
                for item in items
                if item.ordinal not in masked and (form := _form(item.text)) in forms
            }
    return found


def _form(text: str) -> str:
    return _DIGIT.sub("0", _LETTER.sub("x", text))


def _lines(query: str, values: Sequence[Leaf]) -> list[Line]:
    """Give the lines of a query: those of the values, which stand in their order, and those of names around them."""
    whole = f"{query}\n"
    found: list[Line] = []
    done = 0
    for leaf in values:
        text = _plain(leaf.text)
        # Behind the name of the argument, and in front of that there may be more of a path.
        label = f"{leaf.label}: " if leaf.label else "\n"
        place = whole.find(f"{label}{text}\n", max(0, done - 1))
        if place < 0:
            continue
        place += len(label)
        start = whole.rfind("\n", 0, place) + 1
        found += map(Line, whole[done:start].split("\n")[:-1])
        found += _lines_of(leaf, whole[start:place], text)
        done = place + len(text) + 1
    return [*found, *map(Line, whole[done:].split("\n")[:-1])]


def _lines_of(leaf: Leaf, lead: str, text: str) -> list[Line]:
    lines: list[Line] = []
    start = 0
    for part in text.split("\n"):
        lines.append(Line(lead, part, "", leaf, start, start + len(part)))
        lead, start = "", start + len(part) + 1
    return lines


def _plain(text: str) -> str:
    return _PLACEHOLDER.sub(_MASKED, text)


def _with_masks(text: str, masks: Sequence[Mask]) -> str:
    """Give a text with masks of its plain form put in; one that reaches into a placeholder takes it whole."""
    starts: list[int] = []
    ends: list[int] = []
    done = 0
    for known in _PLACEHOLDER.finditer(text):
        starts += (*range(done, known.start()), *[known.start()] * len(_MASKED))
        ends += (*range(done + 1, known.start() + 1), *[known.end()] * len(_MASKED))
        done = known.end()
    starts += range(done, len(text))
    ends += range(done + 1, len(text) + 1)
    moved = [Mask(starts[mask.start], ends[mask.end - 1], mask.shown) for mask in masks if mask.end > mask.start]
    # Where a text is masked, its placeholders are found as masks, too.
    return with_masks(text, [mask for mask in moved if not _PLACEHOLDER.fullmatch(text, mask.start, mask.end)])
