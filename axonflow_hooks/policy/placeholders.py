"""Placeholders that are stable within a session without keeping what they stand for."""

from __future__ import annotations

import hashlib
import secrets
import threading
import unicodedata
from collections import OrderedDict
from typing import Final

CAPACITY: Final = 10_000
"""Values remembered at most; the least recently seen is forgotten first and gets a new number when it returns."""

_SEPARATORS: Final = " \t\r\n-.\u2010\u2011\u2013"


class Placeholders:
    """Gives the same value the same placeholder: `[REDACTED:ssn#1]`, the next SSN `[REDACTED:ssn#2]`.

    Only keyed hashes (BLAKE2b with a random key of this object) are kept, never a value. Safe for use from several
    threads.
    """

    __slots__ = ("_capacity", "_counts", "_key", "_lock", "_numbers")

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._key = b""  # made with the first value: most calls mask nothing
        self._numbers: OrderedDict[bytes, int] = OrderedDict()
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return len(self._numbers)

    def placeholder(self, kind: str, value: str) -> str:
        """Take a kind (`ssn`) and a raw value; give the text that replaces it."""
        text = f"{kind}\0{normalise(value)}".encode("utf-8", "surrogatepass")
        with self._lock:
            self._key = self._key or secrets.token_bytes(32)
            digest = hashlib.blake2b(text, key=self._key, digest_size=16).digest()
            number = self._numbers.get(digest)
            if number is None:
                number = self._counts.get(kind, 0) + 1
                self._counts[kind] = number
                if len(self._numbers) >= self._capacity:
                    self._numbers.popitem(last=False)
                self._numbers[digest] = number
            else:
                self._numbers.move_to_end(digest)
        return f"[REDACTED:{kind}#{number}]"


def normalise(value: str) -> str:
    """Give the form in which two spellings of one value are equal: compatibility form, no separators."""
    folded = unicodedata.normalize("NFKC", value)
    return "".join(character for character in folded if character not in _SEPARATORS)
