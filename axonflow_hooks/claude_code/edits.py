"""What a file will say after an edit: the whole lines that the edit touches, so that a split edit hides nothing."""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_FILE_BYTES: Final = 8_000_000
CONTEXT_CHARS: Final = 8_000
"""Of the lines that an edit touches, this much is given on either side of it: a file may be one line."""


@dataclass(frozen=True, slots=True)
class TextEdit:
    """One replacement in a file, as the Edit and MultiEdit tools describe it."""

    old: str
    new: str
    replace_all: bool = False


def edits_of(tool_input: dict[str, Any]) -> tuple[TextEdit, ...]:
    """Give the edits of an Edit or MultiEdit input, in order; an input that holds both forms means both."""
    listed = tool_input.get("edits")
    items = [tool_input] if not isinstance(listed, list) or {"old_string", "new_string"} & tool_input.keys() else []
    items += [item for item in listed if isinstance(item, dict)] if isinstance(listed, list) else []
    return tuple(
        TextEdit(str(item.get("old_string", "")), str(item.get("new_string", "")), item.get("replace_all") is True)
        for item in items
    )


def absolute_path(file_path: str, cwd: str) -> Path:
    """Give the path a tool means: `~` and `..` and links resolved by name, whether or not the file exists."""
    try:
        path = Path(file_path).expanduser()
        return (path if path.is_absolute() else Path(cwd or "/") / path).resolve()
    except (OSError, RuntimeError, ValueError):
        return Path(file_path)


def read_text(path: Path) -> str | None:
    """Give a regular file's text, or None when it is missing, too large, or cannot be read."""
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_FILE_BYTES:
            return None
        return path.read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None


def apply_edits(text: str, edits: Sequence[TextEdit]) -> str:
    """Give the text after all edits; an edit whose old text is not there changes nothing."""
    for edit in edits:
        if not edit.old:
            text = text or edit.new
            continue
        text = text.replace(edit.old, edit.new, -1 if _everywhere(text, edit) else 1)
    return text


def unplaced(text: str, edits: Sequence[TextEdit]) -> bool:
    """Tell whether an edit's old text is not in the file, so that nobody can say what the edit will do."""
    for edit in edits:
        if edit.old and edit.old not in text:
            return True
        text = apply_edits(text, (edit,))
    return False


def touched_lines(text: str, edits: Sequence[TextEdit]) -> str:
    """Give the lines that hold what the edits insert, whole, as they will stand in the file.

    Of very long lines, CONTEXT_CHARS on either side. Text that cannot be placed is given as it is: nothing that an
    edit inserts is left out.
    """
    pieces: list[str] = []
    for edit in edits:
        placed = _placed(text, edit)
        pieces.append(placed if placed is not None else edit.new)
        text = apply_edits(text, (edit,))
    return "\n".join(pieces)


def _everywhere(text: str, edit: TextEdit) -> bool:
    """Tell whether to replace every occurrence: not where the result would be larger than any file we read."""
    return edit.replace_all and (
        len(edit.new) <= len(edit.old) or text.count(edit.old) * len(edit.new) <= MAX_FILE_BYTES
    )


def _placed(text: str, edit: TextEdit) -> str | None:
    if not edit.old or edit.old not in text:
        return None
    everywhere = _everywhere(text, edit)
    lines: dict[str, None] = {}
    start = end = -1
    position = text.find(edit.old)
    while position != -1:
        after = position + len(edit.old)
        if position > end:
            if end != -1:
                lines[text[start:end].replace(edit.old, edit.new)] = None
            start = max(text.rfind("\n", 0, position) + 1, position - CONTEXT_CHARS, end)
        line_end = text.find("\n", after, after + CONTEXT_CHARS)
        end = line_end if line_end != -1 else min(len(text), after + CONTEXT_CHARS)
        if not everywhere:
            return text[start:position] + edit.new + text[after:end]
        position = text.find(edit.old, after)
    lines[text[start:end].replace(edit.old, edit.new)] = None
    return "\n".join(lines)
