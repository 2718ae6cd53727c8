"""A value as one text, a line for each of its texts: what these say of each other, no single one of them tells.

`{"field": "ssn", "value": …}` is a number beside the word for it. The lines come in the value's order, and are as long
as its compact JSON: what an agent finds near each other in them is what it would find near each other there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from axonflow_hooks.claude_code.leaves import decoded
from axonflow_hooks.claude_code.masks import Mask, joined, masks_or_one
from axonflow_hooks.errors import MalformedVerdict
from axonflow_hooks.proxy.labels import is_generic
from axonflow_hooks.proxy.refusals import MaskedName
from axonflow_hooks.wire.jsonrpc import encoded_text_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.proxy.leaves import Leaf

CONTEXT_LABEL: Final = "text"
MAX_LINE_CHARS: Final = 2_000
"""Of a longer text only its two ends are near anything else; as a text of its own it is looked at whole."""
END_CHARS: Final = 1_000
OVERLAP_LINES: Final = 12
_FORM: Final = frozenset({"type", "isError", "_meta", "annotations"})
"""Keys of what MCP calls a content block or a result (2025-06-18)."""


class Line(NamedTuple):
    """One line: between `lead` and `trail` stands `leaf`'s decoded text from `start` to `end`.

    A line without a leaf names an object or a list.
    """

    lead: str
    text: str = ""
    trail: str = ""
    leaf: Leaf | None = None
    start: int = 0
    end: int = 0

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
    if key:
        lines.append(Line(_flat(key)))
    return lines


def _tells(leaf: Leaf) -> bool:
    return leaf.kind == "key" and leaf.text not in _FORM and not is_generic(leaf.text)


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


def note_masks(piece: Sequence[Line], shown: str, found: dict[int, list[Mask]], names: set[int]) -> None:
    """Take a piece and its masked text; note by leaf's ordinal what of it is masked, or that its name is.

    Raises MalformedVerdict where the masked text is not these lines, MaskedName where it masks what names an object.
    """
    texts = shown.split("\n")[1:-1]
    if len(texts) != len(piece):
        raise MalformedVerdict("The agent's masked text is not the text it was asked about.")
    for line, text in zip(piece, texts, strict=True):
        if text == line.whole:
            continue
        if line.leaf is None:
            raise MaskedName("The name of a field in it would have to be masked.")
        if not text.startswith(line.lead):
            names.add(line.leaf.ordinal)
            continue
        masked = text[len(line.lead) :].removesuffix(line.trail)
        masks = [
            Mask(start + line.start, end + line.start, shown) for start, end, shown in masks_or_one(line.text, masked)
        ]
        known = found.get(line.leaf.ordinal)
        found[line.leaf.ordinal] = masks if known is None else joined(known, masks)
