"""What can be looked at of an image, an audio or a blob: the text in it, where it is one (MCP: content in base64)."""

from __future__ import annotations

import asyncio
import base64
import binascii
from typing import Any, Final

from axonflow_hooks.proxy.leaves import TooManyLeaves, leaves_of
from axonflow_hooks.proxy.refusals import Refusal, denied, unavailable
from axonflow_hooks.proxy.verdicts import Decision

LARGE_CHARS: Final = 200_000
"""Larger values are taken apart in a thread, so that other calls do not wait for it."""

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


async def refuse_binaries(value: Any, size: int, trace_id: str) -> None:
    """Take a value of a backend that is not checked otherwise, and the length of its text in characters.

    Raises Refusal where it holds an image or a blob that nobody can look into, or where that cannot be told.
    """
    try:
        unseen = _unseen(value) if size < LARGE_CHARS else await asyncio.to_thread(_unseen, value)
    except TooManyLeaves:
        raise unavailable(
            "The result holds too many texts to look for images and blobs, so it is withheld.", executed=True
        ) from None
    if unseen:
        raise withheld(trace_id)


def withheld(trace_id: str) -> Refusal:
    """Give the refusal of a result that holds images or blobs, where the backend map does not let them pass."""
    reason = "images and blobs are withheld by the backend map"
    return denied(Decision("deny", trace_id=trace_id, reasons=(reason,)), of_response=True)


def _unseen(value: Any) -> bool:
    return any(leaf.kind == "binary" and forms_of_binary(leaf.text)[1] for leaf in leaves_of(value))


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
