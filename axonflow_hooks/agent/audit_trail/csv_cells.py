"""Cells of a CSV export that no spreadsheet takes for a formula (OWASP: CSV injection)."""

from __future__ import annotations

from typing import Any, Final

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_BLANK_STARTS: Final = ("\t", "\r", "\n")
_LAYOUT: Final = "\t\r\n"

# What a terminal acts on (ECMA-48: C0, DEL, C1); a file of text is read on one too.
_CONTROLS: Final = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in _LAYOUT}


def csv_cell(value: Any) -> str:
    """Take a value and give the text of its cell, quoting aside: "" for None, a formula's start led by an apostrophe.

    Numbers stay what they are: only a text can be a formula. Control characters become U+FFFD: some readers end at
    NUL, and a terminal obeys the others.
    """
    if value is None:
        return ""
    if not isinstance(value, str):
        return str(value)
    text = value.translate(_CONTROLS)
    if text.startswith(_BLANK_STARTS) or text.lstrip().startswith(_FORMULA_STARTS):
        return f"'{text}"
    return text
