"""Masked statement → masked tool input: what a call may run with where policy wants sensitive data masked first."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.claude_code.leaves import with_leaves
from axonflow_hooks.claude_code.statements import PATH_ALONE, labelled_leaves, scalar_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.claude_code.leaves import Path
    from axonflow_hooks.claude_code.statements import Statement

_PLACEHOLDER: Final = re.compile(r"\[REDACTED[^\]\n]*\]")


def masked_input(given: dict[str, Any], statement: Statement, masked: str) -> dict[str, Any] | None:
    """Take a tool's input, its statement and that statement masked; give the input masked, in its own shape.

    None where the masked text cannot be put back: where a path or a key was masked, or something other than texts.
    """
    if statement.field:
        start = statement.field_start
        kept = masked[:start] == statement.text[:start]
        return {**given, statement.field: masked[start:]} if kept else None
    replacements = _replacements(given, masked)
    return with_leaves(given, replacements) if replacements else None


def _replacements(given: dict[str, Any], masked: str) -> dict[Path, str] | None:
    """Give the texts of arguments that differ in a masked statement, None where it is not one of these arguments."""
    leaves = list(labelled_leaves(given))
    paths = _leaf_paths(given)
    found: dict[Path, str] = {}
    at = 0
    for index, (label, leaf) in enumerate(leaves):
        line = label if leaf is PATH_ALONE else f"{label}{scalar_text(leaf)}"
        path = () if leaf is PATH_ALONE else next(paths)
        # What follows a line tells where it ends: a text may hold line ends of its own.
        follows = f"\n{leaves[index + 1][0]}" if index + 1 < len(leaves) else ""
        if masked.startswith(line + follows, at) and (follows or at + len(line) == len(masked)):
            at += len(line) + 1
            continue
        start = at + len(label)
        end = masked.find(follows, start) if follows else len(masked)
        shown = masked[start:end]
        is_here = end != -1 and masked.startswith(label, at)
        if not is_here or not isinstance(leaf, str) or not _is_masked(leaf, shown):
            return None
        found[path] = shown
        at = end + 1
    return found


def _leaf_paths(given: dict[str, Any]) -> Iterator[Path]:
    """Give the keys and indexes that lead to each leaf of `labelled_leaves`, in the same order."""
    pending: list[tuple[Path, Any]] = [((), given)]
    while pending:
        path, item = pending.pop()
        if isinstance(item, dict) and item:
            pending.extend(((*path, key), item[key]) for key in reversed(item))
        elif isinstance(item, list) and item:
            pending.extend(((*path, index), item[index]) for index in range(len(item) - 1, -1, -1))
        else:
            yield path


def _is_masked(text: str, masked: str) -> bool:
    """Tell whether `masked` is `text` with placeholders in the places of some of its parts, and nothing else."""
    first, *others = _PLACEHOLDER.split(masked)
    if not others or not text.startswith(first):
        return False
    at = len(first)
    for part in others[:-1]:
        at = text.find(part, at)
        if at == -1:
            return False
        at += len(part)
    return text.endswith(others[-1]) and len(text) - len(others[-1]) >= at
