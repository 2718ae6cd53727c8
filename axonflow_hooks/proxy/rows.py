"""The rows in which the agent is asked about the texts of a value: records, with the key of a text as its label."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code.leaves import decoded
from axonflow_hooks.proxy.binaries import forms_of_binary
from axonflow_hooks.proxy.context_text import CONTEXT_LABEL, Line, context_lines, context_pieces, context_row
from axonflow_hooks.proxy.labels import NO_LABEL, label_of
from axonflow_hooks.proxy.leaves import Leaf, is_plain_key
from axonflow_hooks.proxy.text_tables import table_lines
from axonflow_hooks.wire.jsonrpc import encoded_text_size

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_BATCH_BYTES: Final = 700_000
MAX_BATCH_ROWS: Final = 5_000
ROW_BYTES: Final = 400
"""What a text's label and punctuation take at most."""


@dataclass(slots=True)
class Text:
    """A text to be checked, once however often it stands in the value; `seen` is what the agent sees of it."""

    label: str
    text: str
    seen: str
    leaves: list[Leaf]
    base64: bool = False


@dataclass(frozen=True, slots=True)
class Texts:
    """What of a value is looked at: its texts, how they stand together, and how many nobody can look into."""

    texts: list[Text]
    lines: list[Line]
    unseen: int


@dataclass(slots=True)
class Question:
    """One request: `rows`, where in them which text stands, and the lines of the last row, if any."""

    rows: list[dict[str, str]] = field(default_factory=list)
    places: dict[tuple[int, str], int] = field(default_factory=dict)
    lines: list[Line] = field(default_factory=list)


def texts_of(leaves: Sequence[Leaf]) -> Texts:
    """Give the different texts of the leaves, and how they stand together."""
    texts: dict[tuple[str, str, bool], Text] = {}
    unseen = 0
    for leaf in leaves:
        if is_plain_key(leaf):
            continue
        label = label_of(leaf)
        forms = [(leaf.text, False)]
        if leaf.kind == "binary":
            forms, hidden = forms_of_binary(leaf.text)
            unseen += hidden
        for text, in_base64 in forms:
            known = texts.get((label, text, in_base64))
            if known is None:
                known = texts[label, text, in_base64] = Text(label, text, decoded(text), [], in_base64)
            known.leaves.append(leaf)
    return Texts(list(texts.values()), context_lines(leaves) + table_lines(leaves), unseen)


def is_one_message(given: Texts) -> bool:
    """Tell whether what is looked at is one text that can be asked about as a message."""
    texts = given.texts
    return len(texts) == 1 and not given.lines and texts[0].label == "text" and _size(texts[0].seen) <= MAX_BATCH_BYTES


def questions_about(given: Texts) -> tuple[list[Question], list[int]]:
    """Give the requests that it takes, mostly one, and which of the texts are too long for any."""
    texts = given.texts
    pieces = context_pieces(given.lines, MAX_BATCH_BYTES // 2)
    rows = [context_row(piece) for piece in pieces]
    most = MAX_BATCH_BYTES - max((_size(row[CONTEXT_LABEL]) for row in rows), default=0)
    short: list[int] = []
    long: list[int] = []
    for index, text in enumerate(texts):
        (long if _size(text.seen) + ROW_BYTES > most else short).append(index)
    questions = [_question(texts, batch) for batch in _batches(texts, short, most)]
    questions += [Question() for _ in pieces[len(questions) :]]
    for question, piece, row in zip(questions, pieces, rows, strict=False):
        question.lines = piece
        question.rows.append(row)
    return questions, long


def questions_without_labels(given: Texts, indexes: list[int]) -> list[Question]:
    """Give the requests about some of the texts, none of them with the label that it has."""
    return [_question(given.texts, batch, NO_LABEL) for batch in _batches(given.texts, indexes, MAX_BATCH_BYTES)]


def _batches(texts: list[Text], indexes: list[int], most: int) -> list[list[int]]:
    """Put texts into as few requests as can hold them: mostly one."""
    rough = sum(_size(texts[index].seen) + ROW_BYTES for index in indexes)
    if rough <= most and len(indexes) <= MAX_BATCH_ROWS:
        return [indexes] if indexes else []
    batches: list[list[int]] = []
    size = most
    for index in indexes:
        wanted = encoded_text_size(texts[index].seen) + encoded_text_size(texts[index].label) + 4
        if size + wanted > most or len(batches[-1]) >= MAX_BATCH_ROWS:
            batches.append([])
            size = 0
        batches[-1].append(index)
        size += wanted
    return batches


def _size(text: str) -> int:
    """Give the bytes a text takes in a request, or for a short one what it takes at most."""
    return 6 * len(text) + 2 if len(text) < 20_000 else encoded_text_size(text)


def _question(texts: list[Text], batch: list[int], named: str = "") -> Question:
    """Put texts into rows: the n-th text of a label, their own or what all are `named`, stands in the n-th row."""
    asked = Question()
    used: dict[str, int] = {}
    for index in batch:
        label = named or texts[index].label
        row = used[label] = used.get(label, -1) + 1
        if row == len(asked.rows):
            asked.rows.append({})
        asked.rows[row][label] = texts[index].seen
        asked.places[row, label] = index
    return asked
