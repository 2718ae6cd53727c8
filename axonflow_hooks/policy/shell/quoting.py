"""What quotes, backslashes and braces of the shell stand for (POSIX 2.2, Bash manual 3.1.2 and 3.5.1)."""

from __future__ import annotations

import re
from typing import Final

_ANSI_C: Final = re.compile(
    r"\\(?:([abeEfnrtv\\'\"?])|x([0-9A-Fa-f]{1,2})|u([0-9A-Fa-f]{1,4})|U([0-9A-Fa-f]{1,8})|([0-7]{1,3})|c(.))",
    re.DOTALL,
)
_ANSI_C_LETTERS: Final = {
    "a": "\a", "b": "\b", "e": "\x1b", "E": "\x1b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
}  # fmt: skip
_IN_DOUBLE_QUOTES: Final = re.compile(r"\\([\\\"$`\n])")
_UNQUOTED: Final = re.compile(r"\\(.)", re.DOTALL)
_BRACES: Final = re.compile(r"\{([^{}\s]*,[^{}\s]*)\}")

MAX_BRACE_WORDS: Final = 64


def ansi_c(text: str) -> str:
    """Take the inside of `$'…'` and give its value."""

    def replace(match: re.Match[str]) -> str:
        letter, hexadecimal, short, long, octal, control = match.groups()
        if letter is not None:
            return _ANSI_C_LETTERS.get(letter, letter)
        if control is not None:
            return chr(ord(control) & 0x1F)
        if octal is not None:
            return chr(int(octal, 8) & 0xFF)
        code = int(hexadecimal or short or long, 16)
        return chr(code) if 0 < code < 0x110000 and not 0xD800 <= code < 0xE000 else ""

    return _ANSI_C.sub(replace, text)


def double_quoted(text: str) -> str:
    """Take literal text inside double quotes and give its value."""
    return _IN_DOUBLE_QUOTES.sub(lambda match: "" if match[1] == "\n" else match[1], text)


def unquoted(text: str) -> str:
    """Take literal text outside of quotes and give its value."""
    return _UNQUOTED.sub(lambda match: "" if match[1] == "\n" else match[1], text)


def expand_braces(text: str) -> list[str]:
    """Take an unquoted word and give the words of its brace expansion, itself when there is none."""
    words = [text]
    for _round in range(6):
        expanded: list[str] = []
        for word in words:
            match = _BRACES.search(word)
            if match is None or word[: match.start()].endswith("$"):
                expanded.append(word)
            else:
                head, tail = word[: match.start()], word[match.end() :]
                expanded.extend(head + middle + tail for middle in match[1].split(","))
        if len(expanded) > MAX_BRACE_WORDS or expanded == words:
            return words
        words = expanded
    return words
