"""What the policies see of a request: its decoded texts, one a line, never JSON-escaped and never truncated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.proxy.labels import is_generic
from axonflow_hooks.proxy.leaves import is_plain_key
from axonflow_hooks.wire.jsonrpc import MAX_BODY_BYTES, encoded_text_size

if TYPE_CHECKING:
    from collections.abc import Sequence

    from axonflow_hooks.proxy.leaves import Leaf

MAX_QUERY_BYTES: Final = MAX_BODY_BYTES - 50_000
PIECE_CHARS: Final = 150_000
"""Even text of which every character takes six bytes in JSON fits into a body at this length."""
OVERLAP_CHARS: Final = 8_000
MAX_PIECES: Final = 256
MAX_FLAT_CHARS: Final = 10_000
_PATH_KEY: Final = re.compile(r"[A-Za-z_$][\w$-]{0,59}", re.ASCII)
"""A key that agents read as a step of a path; another is a line of its own."""


class StatementTooLong(ValueError):  # noqa: N818
    """More text than can be asked about."""


def query_text(name: str, leaves: Sequence[Leaf]) -> str:
    """Take a request's name and the leaves of its arguments, give the text of the query (wire 1.4).

    A text stands behind its key, and the first one of an object, or one whose own key tells nothing, behind the
    object's too (`ssn.value: …`). Keys that stand beside no text come first: behind a value they would read as a part
    of it (`ssn: 536228726`, then `rows`). The name of a field that is null, false or empty is left out: it would say of
    the next value what that is.
    """
    keys: dict[str, None] = {}
    shown: set[str] = set()
    lines: list[str] = []
    parent = ""
    for leaf in leaves:
        if leaf.kind == "key":
            if leaf.bare != "null" or not is_plain_key(leaf):
                keys[leaf.text] = None
            continue
        label = leaf.label
        shown.add(label)
        if leaf.parent and (leaf.parent != parent or is_generic(label)) and _PATH_KEY.fullmatch(leaf.parent):
            shown.add(leaf.parent)
            label = f"{leaf.parent}.{label}" if label else leaf.parent
        parent = leaf.parent
        lines.append(f"{label}: {leaf.text}" if label else leaf.text)
    return "\n".join([f"tool_call: {name}", *(key for key in keys if key not in shown), *lines])


def flat_query(name: str, arguments: Any) -> str | None:
    """Give what `query_text` gives for arguments that are a few short texts and numbers, None for any other.

    Most calls have such arguments, and this takes a fourth of the time.
    """
    if type(arguments) is not dict or "type" in arguments or "" in arguments:
        return None
    query = f"tool_call: {name}"
    for key, value in arguments.items():
        kind = type(value)
        if kind is int or kind is float:
            query += f"\n{key}: {value!r}"
        elif kind is str and value:
            query += f"\n{key}: {value}"
        else:
            return None
    return query if len(query) < MAX_FLAT_CHARS else None


def pieces_of(query: str) -> list[str]:
    """Cut a query that no request body can hold into pieces that overlap. Raises StatementTooLong."""
    if 6 * len(query) < MAX_QUERY_BYTES or encoded_text_size(query) <= MAX_QUERY_BYTES:
        return [query]
    step = PIECE_CHARS - OVERLAP_CHARS
    pieces = [query[start : start + PIECE_CHARS] for start in range(0, max(1, len(query) - OVERLAP_CHARS), step)]
    if len(pieces) > MAX_PIECES:
        raise StatementTooLong
    return pieces
