"""What is kept of the text of a check: one excerpt, with secrets and personal data replaced."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from axonflow_hooks.agent.leaves import Leaf, map_leaves
from axonflow_hooks.agent.privacy import EXCERPT_CHARS
from axonflow_hooks.agent.scanning import first_place

if TYPE_CHECKING:
    from axonflow_hooks.agent.check import Check
    from axonflow_hooks.agent.privacy import StorageRedactor
    from axonflow_hooks.agent.scanning import Scan
    from axonflow_hooks.wire.words import Action


class Excerpt(NamedTuple):
    """The part of a text that is kept, redacted, and the character of its `source` at which it starts.

    `text` and `offset` are None where nothing is kept.
    """

    text: str | None = None
    offset: int | None = None
    source: str = ""


_NOTHING_KEPT = Excerpt()


def excerpt_of(scan: Scan, redactor: StorageRedactor, check: Check, action: Action) -> Excerpt:
    """Give what is kept of a check: its text where `action` was asked for, else the beginning of its statement."""
    found = first_place(scan.findings, action)
    if found is not None:
        finding, start = found
        source = finding.leaf.text
        return Excerpt(*redactor.excerpt(source, finding.leaf.label, start, finding.hits), source)
    # An output in which nothing was found is nobody's business; a statement is what was asked for.
    statement = check.fields.get("statement") if check.phase == "request" else None
    if not isinstance(statement, str):
        return _NOTHING_KEPT
    return Excerpt(*redactor.excerpt(statement, "", 0), statement)


def unseen_chars(check: Check, kept: Excerpt) -> int:
    """Give how many characters of what was judged an excerpt does not show; 1 where masks make that unknown."""
    total = 0

    def count(leaf: Leaf) -> None:
        nonlocal total
        total += len(leaf.text)

    for name, value in check.fields.items():
        if name not in check.readings and name != "head":  # these are the statement, read in another way
            map_leaves(value, name, count)
    shown = kept.source[kept.offset or 0 :][:EXCERPT_CHARS]
    cut = kept.text is not None and len(kept.text) == EXCERPT_CHARS and kept.text != shown
    return max(total - len(shown), int(cut))
