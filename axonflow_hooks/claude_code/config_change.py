"""ConfigChange: a settings file that switches this plugin off does not take effect in the running session."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from axonflow_hooks.claude_code import replies
from axonflow_hooks.claude_code.edits import read_text
from axonflow_hooks.claude_code.replies import SILENT, Reply, one_line
from axonflow_hooks.claude_code.switches import switched_off

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.claude_code.events import HookEvent

# Managed settings are the administrator's word.
_JUDGED_SOURCES: Final = frozenset({"user_settings", "project_settings", "local_settings", ""})


def config_change(event: HookEvent, environ: Mapping[str, str]) -> Reply:
    """Take a ConfigChange event and the environment of its session and give the answer."""
    if event.source not in _JUDGED_SOURCES or not event.file_path:
        return SILENT
    switch = switched_off(read_text(Path(event.file_path)) or "", environ)
    if not switch:
        return SILENT
    return replies.block_change(
        f"AxonFlow governance blocked: {one_line(event.file_path, 200)} changes {one_line(switch, 80)}, which switches "
        "governance off. The change is not applied to this session; if you made it yourself, it applies from the next "
        "session on."
    )
