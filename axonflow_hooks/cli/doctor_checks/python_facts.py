"""What an interpreter says of itself. Imports nothing that it may lack."""

from __future__ import annotations

import importlib.util
import sys
from typing import Any, Final

REQUIRED: Final = ("filelock", "httpx", "packaging", "platformdirs", "pydantic", "typer")
SET_UP: Final = "Start a new Claude Code session, which sets the environment up; in a checkout, install the package."


def describe_interpreter() -> dict[str, Any]:
    """Give path, version and missing packages of this process's Python; through hooks/run, it is that of the hooks."""
    return {
        "python": sys.executable,
        "version": ".".join(map(str, sys.version_info[:3])),
        "missing": missing_packages(),
        "re2": importlib.util.find_spec("re2") is not None,
    }


def missing_packages() -> list[str]:
    """Give the packages that this process's Python lacks."""
    return [name for name in REQUIRED if importlib.util.find_spec(name) is None]
