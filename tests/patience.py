"""The plugin as it is, but for its waits: on a busy machine, too, a call is decided and not given up.

The host gives a hook 15 seconds, and the plugin keeps within them whatever happens. A test of something else must not
depend on what a machine gets done in that time: it fires the hooks of a copy whose waits are long.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = Path(__file__).resolve().parent.parent
PARTS: Final = (".claude-plugin", ".mcp.json", "axonflow_hooks", "hooks", "requirements")
TO_THE_ANSWER_S: Final = 100.0
"""What a hook of a copy has at most: tests wait for its answer longer than that."""

WAITS: Final[Mapping[str, Mapping[str, float]]] = {
    "axonflow_hooks/claude_code/context.py": {"AUDIT_SHARE_S": 30.0, "DEADLINE_S": TO_THE_ANSWER_S},
    "axonflow_hooks/cli/doctor_checks/installation.py": {"CLAUDE_WAIT_S": 100.0},
    "axonflow_hooks/cli/doctor_checks/live.py": {"AUDIT_WAIT_S": 100.0, "HOOK_WAIT_S": 120.0},
    "axonflow_hooks/cli/doctor_checks/machine.py": {"AGENT_WAIT_S": 60.0, "PROBE_WAIT_S": 100.0},
    "axonflow_hooks/cli/doctor_report.py": {"CHECK_WAIT_S": 300.0},
    "axonflow_hooks/recognition.py": {"WAIT_S": 60.0},
    "axonflow_hooks/relay.py": {"DEADLINE_S": TO_THE_ANSWER_S, "START_WAIT_S": 30.0, "STALL_S": 60.0},
    "axonflow_hooks/resident/audit_queue.py": {"WRITE_WAIT_S": 60.0},
    "axonflow_hooks/resident/frames.py": {"MAX_DEADLINE_S": TO_THE_ANSWER_S},
    "axonflow_hooks/resident/in_process.py": {"DELIVERY_S": 30.0},
    "axonflow_hooks/resident/server.py": {"READ_WAIT_S": TO_THE_ANSWER_S},
    "axonflow_hooks/resident/spool.py": {"BUSY_WAIT_S": 30.0},
    "axonflow_hooks/settings.py": {"PRE_TOOL_USE_TIMEOUT_S": 60.0, "POST_TOOL_USE_TIMEOUT_S": 60.0},
    "hooks/dispatch.py": {"DEADLINE_S": TO_THE_ANSWER_S},
}


def copy_patient(folder: Path) -> Path:
    """Copy the plugin into a folder, which is made, and give its hooks and its doctor the waits of `WAITS`."""
    # Another process may be compiling: its drafts are gone a moment later.
    ignored = shutil.ignore_patterns("*.pyc.*")
    folder.mkdir(parents=True, exist_ok=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=ignored)
        else:
            shutil.copy2(ROOT / part, folder)
    for file, waits in WAITS.items():
        for name, seconds in waits.items():
            set_wait(folder / file, name, seconds)
    return folder


def set_wait(file: Path, name: str, seconds: float) -> None:
    """Give a constant of a module another value, in seconds. Its length must differ from the one before.

    A compiled form is known to be old by the file's size and by its time, which is in whole seconds.
    """
    text = file.read_text(encoding="utf-8")
    changed, count = re.subn(rf"^({name}(?:: Final)? = )[0-9.]+", rf"\g<1>{seconds}", text, flags=re.MULTILINE)
    assert count == 1, f"{name} in {file}"
    assert len(changed) != len(text), f"{name} in {file}"
    file.write_text(changed, encoding="utf-8")
