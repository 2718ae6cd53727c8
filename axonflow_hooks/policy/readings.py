"""Other readings of a text that hides its words: encoded, spelled out, written in look-alike characters.

A reading is only made where the text shows the sign of its disguise, so ordinary text costs one look for the signs.
"""

from __future__ import annotations

import base64
import binascii
import codecs
import contextlib
import html
import re
import unicodedata
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from axonflow_hooks.policy.matching import Haystack, compile_set

if TYPE_CHECKING:
    from collections.abc import Iterator

    from axonflow_hooks.policy.matching import PatternSet

MAX_TEXT: Final = 64 * 1024
"""Characters of a text that is looked at for disguises: what is longer is data."""
MAX_ROTATED: Final = 4 * 1024
"""Characters of a text that is tried as ROT13, whose words show no sign."""
_MAX_SEGMENTS: Final = 20

_GROUPED: Final = "|".join(rf"(?:\b[A-Za-z0-9]{{{size}}} ){{8}}" for size in (2, 3, 4, 5, 6))
_SIGNS: Final = {
    "entities": r"(?:&#x?[0-9a-fA-F]{2,6};){4}|&lt;!--",
    "percent": r"(?:%[0-9A-Fa-f]{2}[^%\n]{0,16}){3}",
    "base64": r"[A-Za-z0-9+/_-]{24}",
    "hex": r"[0-9a-fA-F]{32}|(?:\\x[0-9a-fA-F]{2}){8}|(?:\\u00[0-9a-fA-F]{2}){8}",
    "spaced": r"(?:[A-Za-z0-9][ .\-_*|]{1,3}){11}[A-Za-z0-9]",
    "together": r"[A-Za-z0-9]{30}",
    "grouped": _GROUPED,
    "leet": r"[A-Za-z][0134578@$][A-Za-z]",
}
_SIGN_NAMES: Final = tuple(_SIGNS)
_NO_SIGNS: Final[frozenset[str]] = frozenset()
_SPELLED: Final = ("spaced", "together", "grouped")
_INVISIBLE: Final = re.compile("[\u00ad\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufe00-\ufe0f\ufeff]")
_TAGS: Final = re.compile("[\U000e0020-\U000e007e]{4,}")
_ENTITIES: Final = re.compile(r"(?:&#x?[0-9a-fA-F]{2,6};){4,}|&lt;!--")
_PERCENT: Final = re.compile(r"(?:%[0-9A-Fa-f]{2}[^%\n]{0,16}){3,}")
_HEX: Final = re.compile(r"(?:[0-9a-fA-F]{2}){16,}|(?:\\x[0-9a-fA-F]{2}){8,}|(?:\\u00[0-9a-fA-F]{2}){8,}")
_FORMS: Final = {
    "base64": r"[A-Za-z0-9+/_-]{24,}={0,2}",
    "spaced": r"\b(?:[A-Za-z0-9][ .\-_*|]{1,3}){11,}[A-Za-z0-9]",
    "together": r"[A-Za-z0-9]{30,}",
    "grouped": "|".join(rf"(?:\b[A-Za-z0-9]{{{size}}} ){{8,}}[A-Za-z0-9]{{1,{size}}}" for size in (2, 3, 4, 5, 6)),
    "leet": r"\b[A-Za-z0-57@$]*[A-Za-z][0134578@$][A-Za-z]\w*\b",
}
_READ_AS_LETTERS: Final = re.compile(r"[a-z][013457][a-z]")
_LEET_I: Final = str.maketrans("013457@$", "oieastas")
_LEET_L: Final = str.maketrans("013457@$", "oleastas")
_ROT13: Final = {code: codecs.encode(chr(code), "rot13") for code in range(128)}
_LOOKALIKES: Final = str.maketrans({
    "а": "a", "в": "b", "с": "c", "ԁ": "d", "е": "e", "ғ": "f", "һ": "h", "і": "i", "ј": "j", "к": "k", "ӏ": "l",
    "м": "m", "п": "n", "о": "o", "р": "p", "ѕ": "s", "т": "t", "ц": "u", "ѵ": "v", "ԝ": "w", "х": "x", "у": "y",
    "А": "A", "В": "B", "С": "C", "Е": "E", "Н": "H", "І": "I", "Ј": "J", "К": "K", "М": "M", "О": "O", "Р": "P",
    "Ѕ": "S", "Т": "T", "Х": "X", "У": "Y", "α": "a", "ε": "e", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p",
    "τ": "t", "υ": "u", "χ": "x", "Α": "A", "Β": "B", "Ε": "E", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N", "Ο": "O",
    "Ρ": "P", "Τ": "T", "Χ": "X", "ı": "i", "ɡ": "g", "ո": "n", "ս": "u", "օ": "o", "ʀ": "r", "ɪ": "i", "ɴ": "n",
})  # fmt: skip


@lru_cache(maxsize=1)
def _sign_set() -> PatternSet:
    return compile_set(list(_SIGNS.values()))


@lru_cache(maxsize=1)
def _form_set() -> PatternSet:
    return compile_set(list(_FORMS.values()))


def _found(form: str, haystack: Haystack) -> Iterator[str]:
    places = _form_set().find(list(_FORMS).index(form), haystack)
    return (haystack.text[start:end] for start, end in islice(places, _MAX_SEGMENTS))


def signs(haystack: Haystack) -> frozenset[str]:
    """Give the names of the disguises whose signs the text shows; none for a text that is too long for one."""
    if len(haystack.text) > MAX_TEXT:
        return _NO_SIGNS
    found = _sign_set().hits(haystack)
    return frozenset(_SIGN_NAMES[index] for index in found) if found else _NO_SIGNS


def mirrored(text: str) -> str | None:
    """Give the one reading of an ASCII text that shows no sign of a disguise; None for a text too long for it."""
    return f"{text.translate(_ROT13)}\n{text[::-1]}" if len(text) <= MAX_ROTATED else None


def readings(text: str, shown: frozenset[str] | None = None) -> Iterator[str]:
    """Give the texts that a disguised text may stand for; nothing for one that shows no disguise.

    `shown` are its `signs`, where they are known already.
    """
    if len(text) > MAX_TEXT:
        return
    if shown is None:
        shown = signs(Haystack(text))
    seen = {text}
    for reading in (*_of_characters(text, shown), *_of_segments(text, shown)):
        if reading not in seen:
            seen.add(reading)
            yield reading


def _of_characters(text: str, shown: frozenset[str]) -> Iterator[str]:
    plain = text
    if not text.isascii():
        shown = frozenset(_SIGNS)
        folded = unicodedata.normalize("NFKD", _INVISIBLE.sub("", text))
        plain = "".join(c for c in folded if not unicodedata.combining(c)).translate(_LOOKALIKES)
        yield plain
        for match in _TAGS.finditer(text):
            yield "".join(chr(ord(character) - 0xE0000) for character in match[0])
    if "entities" in shown and _ENTITIES.search(plain):
        yield html.unescape(plain)
    if "percent" in shown and _PERCENT.search(plain):
        yield unquote_plus(plain)
    if "leet" in shown and _is_leet(plain[:MAX_ROTATED]):
        yield plain.translate(_LEET_I)
        yield plain.translate(_LEET_L)
    if text.isascii() and (mirror := mirrored(text)) is not None:
        # without a sign of their own: one reading holds both
        yield mirror


def _is_leet(text: str) -> bool:
    places = _form_set().find(list(_FORMS).index("leet"), Haystack(text))
    words = (text[start:end] for start, end in places)
    return len(list(islice((word for word in words if any(map(str.isdigit, word))), 2))) == 2


def _of_segments(text: str, shown: frozenset[str]) -> Iterator[str]:
    for segment in _found("base64", Haystack(text)) if "base64" in shown else ():
        decoded = _decoded(segment)
        if decoded is not None:
            yield decoded
    digits = _HEX.search(text) if "hex" in shown else None
    if digits is not None:
        with contextlib.suppress(ValueError):
            yield bytes.fromhex(re.sub(r"\\x|\\u00", "", digits[0])).decode("ascii")


def _decoded(segment: str) -> str | None:
    compact = segment.rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        text = base64.b64decode(compact + "=" * (-len(compact) % 4)).decode("utf-8")
    except (ValueError, binascii.Error):
        return None
    return text if text.isprintable() or text.replace("\n", "").replace("\t", "").isprintable() else None


def letters(text: str, shown: frozenset[str] | None = None) -> Iterator[str]:
    """Give the bare letters, in lower case, of what is spelled out (`i g n o r e`) or run together.

    `shown` are the text's `signs`, where they are known already.
    """
    if len(text) > MAX_TEXT:
        return
    haystack = Haystack(text)
    if shown is None:
        shown = signs(haystack)
    for form in _SPELLED:
        for spelled in _found(form, haystack) if form in shown else ():
            bare = "".join(filter(str.isalnum, spelled)).lower()
            if sum(map(str.isalpha, bare)) * 10 >= len(bare) * 7:
                yield bare
            # digits for letters: `l` is read as `i`, which the patterns allow for
            if _READ_AS_LETTERS.search(bare):
                yield bare.translate(_LEET_I)
