"""The context of a decision: which keys are kept of what an enforcement point sends along (wire 1.4)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.options import IDENTITY_KEYS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

MAX_KEYS: Final = 10
MAX_KEY_CHARS: Final = 32
MAX_VALUE_BYTES: Final = 256

_NOT_SNAKE: Final = re.compile(r"[^a-z0-9]+")


@dataclass(frozen=True, slots=True)
class KeptContext:
    """What is stored, by lower_snake_case keys; `truncated` says that an allowed key or a part of a value was not."""

    values: Mapping[str, str]
    truncated: bool


def keep_context(
    sent: Mapping[str, Any] | None,
    allowed: Sequence[str],
    redact: Callable[[str], str],
    identity: Callable[[str], str] = str,
    keep_key: Callable[[str], str] = str,
) -> KeptContext:
    """Give the part of a context that is kept.

    `allowed` are keys in lower case, a trailing `*` standing for every key with that beginning; `redact` takes secrets
    and personal data out of a value that is no identity, `identity` gives one as it may be stored, `keep_key` a key.
    """
    values: dict[str, str] = {}
    truncated = False
    for key, value in (sent or {}).items():
        name = key.lower()
        if not isinstance(value, str) or not value or not _is_allowed(name, allowed):
            continue
        stored = _NOT_SNAKE.sub("_", _kept_key(key, allowed, keep_key).lower()).strip("_")
        if len(stored) > MAX_KEY_CHARS or stored in values or len(values) >= MAX_KEYS:
            truncated = True
            continue
        text = identity(value) if name in IDENTITY_KEYS else redact(value)
        cut = text.encode("utf-8", "replace")[:MAX_VALUE_BYTES].decode("utf-8", "ignore")
        truncated = truncated or len(cut) < len(text)
        values[stored] = cut
    return KeptContext(values, truncated)


def _kept_key(key: str, allowed: Sequence[str], keep: Callable[[str], str]) -> str:
    """Give a key as it may be stored: where an entry ends in `*`, callers choose the rest, and so what stands in it."""
    name = key.lower()
    if name in allowed:
        return name
    rests = [key[len(entry) - 1 :] for entry in allowed if entry.endswith("*") and name.startswith(entry[:-1])]
    kept = [(rest, keep(rest)) for rest in rests]
    return next((stored for rest, stored in kept if stored != rest), key)


def _is_allowed(name: str, allowed: Sequence[str]) -> bool:
    return any(name.startswith(entry[:-1]) if entry.endswith("*") else name == entry for entry in allowed)
