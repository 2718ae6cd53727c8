"""The releases of other makers' clients that the suite runs, and the environment that they run in."""

from __future__ import annotations

import os
from typing import Final

SDK: Final = "axonflow==9.5.0"
MCP_CLIENTS: Final = ("mcp==1.30.0", "mcp==2.3.0")
SCHEMATHESIS: Final = "schemathesis==4.32.5"


def environment() -> dict[str, str]:
    """Give the environment for such a client: no proxy between it and this machine, and no telemetry."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "SYSTEMROOT") if name in os.environ}
    return {**kept, "AXONFLOW_TELEMETRY": "off", "PYTHONUNBUFFERED": "1", "NO_COLOR": "1", "NO_PROXY": "127.0.0.1"}
