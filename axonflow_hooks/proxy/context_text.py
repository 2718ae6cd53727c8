"""A value as one text, a line for each of its texts: what these say of each other, no single one of them tells.

`{"field": "ssn", "value": …}` is a number beside the word for it. The lines come in the value's order, and are as long
as its compact JSON: what an agent finds near each other in them is what it would find near each other there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from axonflow_hooks.claude_code.leaves import decoded
from axonflow_hooks.claude_code.masks import Mask, joined, masks_or_one
from axonflow_hooks.errors import MalformedVerdict
from axonflow_hooks.proxy.labels import is_generic, safe_label
from axonflow_hooks.proxy.refusals import MaskedName
from axonflow_hooks.proxy.tables import plain_name
from axonflow_hooks.wire.jsonrpc import encoded_text_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.proxy.leaves import Leaf

CONTEXT_LABEL: Final = "text"
MASKED: Final = "[REDACTED]"
"""Stands for what is masked where the agent names no placeholder for it."""
MASK_SIGN: Final = "[REDACTED"
OTHER_TEXT: Final = "The agent's masked text is not the text it was asked about."
MAX_LINE_CHARS: Final = 2_000
"""Of a longer text only its two ends are near anything else; as a text of its own it is looked at whole."""
END_CHARS: Final = 1_000
OVERLAP_LINES: Final = 12
_FORM: Final = frozenset({"type", "isError", "_meta", "annotations"})
"""Keys of what MCP calls a content block or a result (2025-06-18)."""


class Line(NamedTuple):
    """One line: between `lead` and `trail` stands `leaf`'s decoded text from `start` to `end`.

    A line without a leaf names an object or a list. `added` tells that the lead does not stand in the value.
    """

    lead: str
    text: str = ""
    trail: str = ""
    leaf: Leaf | None = None
    start: int = 0
    end: int = 0
    added: bool = False

    @property
    def whole(self) -> str:
        """What the agent is shown."""
        return f"{self.lead}{self.text}{self.trail}"


def context_lines(leaves: Sequence[Leaf]) -> list[Line]:
    """Take the leaves of a value, give its lines; none for a value with one text, which its own key tells all about."""
    values = sum(leaf.kind in ("text", "number") for leaf in leaves)
    if not values or (values == 1 and sum(map(_tells, leaves)) < 2):
        return []
    lines: list[Line] = []
    key = ""
    for leaf in leaves:
        if key and (leaf.listed or leaf.kind not in ("text", "number")):
            lines.append(Line(f"{_flat(key)}: {'[' if leaf.listed else '{'}"))
            key = ""
        if leaf.kind in ("text", "number"):
            lines += _lines_of(leaf, f"{_flat(key)}: " if key else "")
        key = leaf.text if leaf.kind == "key" else ""
        if leaf.bare:
            lines += _bare_line(leaf)
            key = ""
    if key:
        lines.append(Line(_flat(key)))
    return lines


def _tells(leaf: Leaf) -> bool:
    return leaf.kind == "key" and leaf.bare != "null" and leaf.text not in _FORM and not is_generic(leaf.text)


def _bare_line(leaf: Leaf) -> list[Line]:
    """Give the line of a key without a text behind it.

    The name of a field that is not there has none: it would say of the next field what that is.
    """
    if leaf.bare == "null" and safe_label(leaf.text) == leaf.text:
        return []
    return [Line(f"{_flat(leaf.text)}: {leaf.bare},")]


def _lines_of(leaf: Leaf, lead: str) -> list[Line]:
    seen = _flat(decoded(leaf.text))
    size = len(seen)
    if leaf.kind == "number":
        return [Line(lead, seen, ",", leaf, 0, size)]
    lead, trail = f'{lead}"', '"' if leaf.listed else '",'
    if size <= MAX_LINE_CHARS:
        return [Line(lead, seen, trail, leaf, 0, size)]
    head, tail = END_CHARS, size - END_CHARS
    # Between words, so that no number is cut into another one.
    head = seen.rfind(" ", head // 2, head) + 1 or head
    tail = seen.find(" ", tail, tail + END_CHARS // 2) + 1 or tail
    return [Line(lead, seen[:head], '"', leaf, 0, head), Line('"', seen[tail:], trail, leaf, tail, size)]


def _flat(text: str) -> str:
    return text.replace("\n", " ")


def context_pieces(lines: Sequence[Line], max_bytes: int) -> list[list[Line]]:
    """Put lines into as few pieces as fit into `max_bytes` of JSON each; one begins with the last lines of another."""
    if not lines:
        return []
    if 6 * sum(len(line.whole) + 2 for line in lines) <= max_bytes:
        return [list(lines)]
    pieces: list[list[Line]] = [[]]
    size = 0
    for line in lines:
        wanted = encoded_text_size(line.whole)
        if size + wanted > max_bytes and len(pieces[-1]) > OVERLAP_LINES:
            pieces.append(pieces[-1][-OVERLAP_LINES:])
            size = sum(encoded_text_size(kept.whole) for kept in pieces[-1])
        pieces[-1].append(line)
        size += wanted
    return pieces


def context_row(piece: Sequence[Line]) -> dict[str, str]:
    """Give the row in which a piece is asked about. The empty line before it heads no table."""
    return {CONTEXT_LABEL: "\n" + "".join(f"{line.whole}\n" for line in piece)}


def _aligned(piece: Sequence[Line], texts: Sequence[str], found: dict[int, list[Mask]]) -> list[tuple[Line, str]]:
    """Give which text of an answer stands for which line, where masks reach over several lines.

    What lies under such a mask is noted as masked whole. Raises MalformedVerdict where the texts are not these lines.
    """
    pairs: list[tuple[Line, str]] = []
    place = 0
    for number, last in _last_lines(piece, texts) or _from_both_ends(piece, texts):
        if last == place:
            pairs.append((piece[place], texts[number]))
        else:
            _mask_whole(piece[place : last + 1], found)
        place = last + 1
    return pairs


def _last_lines(piece: Sequence[Line], texts: Sequence[str]) -> list[tuple[int, int]]:
    """Give for the number of each text the last of the lines it stands for, as few as may be; [] where none fits."""
    lasts: list[tuple[int, int]] = []
    place, spare = 0, len(piece) - len(texts)
    for number, text in enumerate(texts):
        following = texts[number + 1] if number + 1 < len(texts) else None
        last = place
        while not (_may_end(piece, last, text) and _may_follow(piece, last + 1, following)):
            last += 1
            if last - place > spare or MASK_SIGN not in text:
                return []
        lasts.append((number, last))
        spare -= last - place
        place = last + 1
    return lasts if place == len(piece) else []


def _from_both_ends(piece: Sequence[Line], texts: Sequence[str]) -> list[tuple[int, int]]:
    """Give the same where only the first and the last lines can be told: all between them are one text's."""
    first, most = 0, min(len(piece), len(texts))
    while first < most and texts[first] == piece[first].whole:
        first += 1
    same = 0
    while same < most - first and texts[-1 - same] == piece[-1 - same].whole:
        same += 1
    known = {line.whole for line in piece}
    between = texts[first : len(texts) - same]
    if len(texts) >= len(piece) or not between or not all(text in known or MASK_SIGN in text for text in between):
        raise MalformedVerdict(OTHER_TEXT)
    lasts = [*range(first), len(piece) - same - 1, *range(len(piece) - same, len(piece))]
    numbers = [*range(first), first, *range(len(texts) - same, len(texts))]
    return list(zip(numbers, lasts, strict=True))


def _may_end(piece: Sequence[Line], place: int, text: str) -> bool:
    """Tell whether a text of an answer may end where a line does."""
    if place >= len(piece):
        return False
    whole = piece[place].whole
    return text == whole or (MASK_SIGN in text and whole.endswith(text.rpartition("]")[2]))


def _may_follow(piece: Sequence[Line], place: int, text: str | None) -> bool:
    """Tell whether a text of an answer may begin where a line does; None stands for the end of the answer."""
    if text is None or place >= len(piece):
        return text is None and place == len(piece)
    whole = piece[place].whole
    return text == whole or (MASK_SIGN in text and whole.startswith(text.partition(MASK_SIGN)[0]))


def _mask_whole(lines: Sequence[Line], found: dict[int, list[Mask]]) -> None:
    """Note all that lines show as masked. Raises MaskedName where one of them has a name that could be data."""
    reached: dict[int, tuple[int, int]] = {}
    for line in lines:
        name = line.lead.partition(": ")[0].strip('"')
        if name and not line.added and not plain_name(name):
            raise MaskedName("The name of a field in it would have to be masked.")
        if line.leaf is not None:
            start, end = reached.get(line.leaf.ordinal, (line.start, line.end))
            reached[line.leaf.ordinal] = (min(start, line.start), max(end, line.end))
    for ordinal, (start, end) in reached.items():
        found.setdefault(ordinal, []).append(Mask(start, end, MASKED))


def note_masks(piece: Sequence[Line], shown: str, found: dict[int, list[Mask]], names: set[int]) -> None:
    """Take a piece and its masked text; note by leaf's ordinal what of it is masked, or that its name is.

    Raises MalformedVerdict where the masked text is not these lines, MaskedName where it masks what names an object.
    """
    texts = shown.split("\n")[1:-1]
    fresh: dict[int, list[Mask]] = {}
    for line, text in zip(piece, texts, strict=True) if len(texts) == len(piece) else _aligned(piece, texts, fresh):
        if text == line.whole:
            continue
        if line.leaf is None:
            raise MaskedName("The name of a field in it would have to be masked.")
        if not text.startswith(line.lead):
            if not line.added:
                names.add(line.leaf.ordinal)
                continue
            masks = [Mask(line.start, line.end, MASKED)]
        else:
            masked = text[len(line.lead) :].removesuffix(line.trail)
            masks = [
                Mask(start + line.start, end + line.start, shown)
                for start, end, shown in masks_or_one(line.text, masked)
            ]
        fresh.setdefault(line.leaf.ordinal, []).extend(masks)
    for ordinal, masks in fresh.items():
        found[ordinal] = joined(found.get(ordinal, ()), masks)
