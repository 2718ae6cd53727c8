"""The plugin as it is distributed: the files that Claude Code needs, without the environment of a checkout."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Final

from devtools.live import ROOT

PARTS: Final = (
    ".claude-plugin",
    ".mcp.json",
    "LICENSE",
    "README.md",
    "axonflow_hooks",
    "hooks",
    "requirements",
    "skills",
)
_IGNORED: Final = shutil.ignore_patterns("__pycache__", "*.pyc")


def copy_plugin(folder: Path) -> Path:
    """Copy the plugin into a new folder with an awkward name, which is a marketplace as well; give that folder."""
    root = folder / "plug in é"
    root.mkdir(parents=True)
    for name in PARTS:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=_IGNORED)
        else:
            shutil.copy2(source, root / name)
    return root


def raise_version(root: Path, version: str) -> None:
    """Make a copy another release: the version stands in the two manifests and in the package."""
    for manifest in (root / ".claude-plugin").glob("*.json"):
        text = manifest.read_text(encoding="utf-8")
        manifest.write_text(re.sub(r'"version": "[^"]+"', f'"version": "{version}"', text), encoding="utf-8")
    package = root / "axonflow_hooks" / "__init__.py"
    text = package.read_text(encoding="utf-8")
    package.write_text(re.sub(r'__version__ = "[^"]+"', f'__version__ = "{version}"', text), encoding="utf-8")
