"""The names under which a client sees what several backends offer: `<id>__<name>`, never longer than hosts accept."""

from __future__ import annotations

import hashlib
from typing import Final

MAX_NAME_CHARS: Final = 64
SEPARATOR: Final = "__"


def exposed_name(backend: str, name: str, *, several: bool) -> str:
    """Give the name a client sees. With one backend names pass through; a name that is too long ends in its hash."""
    if not several:
        return name
    full = f"{backend}{SEPARATOR}{name}"
    if len(full) <= MAX_NAME_CHARS:
        return full
    digest = hashlib.sha256(full.encode("utf-8", "surrogatepass")).hexdigest()[:10]
    return f"{full[: MAX_NAME_CHARS - 11]}_{digest}"
