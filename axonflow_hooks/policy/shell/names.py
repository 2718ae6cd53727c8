"""Programs known by name in more than one room of this package."""

from __future__ import annotations

from typing import Final

SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "mksh", "ash", "fish", "rbash", "csh", "tcsh", "pwsh"})
