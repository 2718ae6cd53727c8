"""Text for people's eyes and for tools that read lines: nothing in it ends a line, hides, or turns the text around."""

from __future__ import annotations

from json.encoder import encode_basestring_ascii
from typing import Final

_QUOTES: Final = slice(1, -1)


def printable(text: str) -> str:
    r"""Give text with what does not print as JSON escapes: `\u009b`. Inside a JSON string that is the same value.

    Such are control characters (C1 too), line and paragraph separators, and the marks that turn the direction of text
    (Unicode: Cc, Cf, Cs, Co, Cn, Zl, Zp, and Zs but for the blank).
    """
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else encode_basestring_ascii(char)[_QUOTES] for char in text)
