"""Writes hooks/mcp_tools.json: the agent's list of its tools, for a host that asks before anything is set up.

python -m devtools.mcp_tools
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from axonflow_hooks.agent.mcp.registry import TOOLS
from devtools.live import ROOT

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final[Path] = ROOT / "hooks" / "mcp_tools.json"


def listing() -> list[dict[str, Any]]:
    """Give the tools as the embedded agent lists them."""
    listed: list[dict[str, Any]] = json.loads(json.dumps([tool.listing() for tool in TOOLS.values()], default=dict))
    return listed


if __name__ == "__main__":
    FILE.write_text(json.dumps(listing(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
