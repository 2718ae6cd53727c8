"""What can be looked at of an image, an audio or a blob: the text in it, where it is one (MCP: content in base64)."""

from __future__ import annotations

import base64
import binascii
from typing import Final

_STANDARD_ALPHABET: Final = str.maketrans("-_", "+/")


def forms_of_binary(data: str) -> tuple[list[tuple[str, bool]], bool]:
    """Take what should be base64; give the texts to look at (and whether in base64), and whether some stays unseen.

    What RFC 4648 does not accept and many readers do (line ends, the other alphabet, no padding) is looked at both
    ways. What is no text inside, such as an image, stays unseen.
    """
    strict = _from_base64(data)
    content = strict
    if content is None:
        plain = data.replace("\r", "").replace("\n", "").translate(_STANDARD_ALPHABET).rstrip("=")
        content = _from_base64(plain + "=" * (-len(plain) % 4))
    inside = _as_text(content) if content is not None else None
    forms = [] if strict is not None else [(data, False)]
    if inside is not None:
        forms.append((inside, True))
    return forms, content is not None and inside is None


def _from_base64(data: str) -> bytes | None:
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        return None


def _as_text(content: bytes) -> str | None:
    """Give the text that bytes are, None for what is none."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return text if "\x00" not in text else None
