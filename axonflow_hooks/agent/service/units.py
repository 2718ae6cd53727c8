"""Unit files: the agent as a service of the user's session, in the words of systemd and of launchd."""

from __future__ import annotations

import plistlib
import re
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.store.options import DATABASE_URL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

LAUNCHD_LABEL: Final = "com.axonflow.hooks.agent"
SYSTEMD_NAME: Final = "axonflow-agent.service"

SECRET_SETTINGS: Final = frozenset({DATABASE_URL})
"""What may hold a password: it belongs into the environment file (0600), never into a unit."""

_CARRIED: Final = re.compile(r"AXONFLOW_AGENT_[A-Z_]+|AXONFLOW_(CONFIG_DIR|INTEGRATIONS|DECISION_CONTEXT_ALLOWLIST)|"
                             r"PII_ACTION|XDG_(DATA|STATE|CONFIG)_HOME")  # fmt: skip
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f]")


def carried_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """Give the agent's settings that stand in the environment now and belong into a unit."""
    return {
        name: value
        for name, value in sorted(environ.items())
        if _CARRIED.fullmatch(name) and name not in SECRET_SETTINGS and value
    }


def systemd_unit(command: Sequence[str], settings: Mapping[str, str], environment_file: Path) -> str:
    """Give a user unit that runs `command` (systemd.service(5), systemd.exec(5)).

    Settings that are secret stand in `environment_file`, which need not exist. Raises ValueError for control
    characters.
    """
    lines = [
        "[Unit]",
        "Description=AxonFlow policy agent",
        "",
        "[Service]",
        "Type=exec",
        f"ExecStart={' '.join(_exec_word(word) for word in command)}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in settings.items()),
        f"EnvironmentFile=-{_specifiers(str(environment_file))}",
        "WorkingDirectory=/",
        "UMask=0077",
        "NoNewPrivileges=yes",
        "Restart=on-failure",
        "RestartSec=2",
        "TimeoutStopSec=20",
        "",
        "[Install]",
        "WantedBy=default.target",
        "",
    ]
    return "\n".join(lines)


def launchd_plist(command: Sequence[str], settings: Mapping[str, str], log_file: Path) -> bytes:
    """Give a launch agent that runs `command` (launchd.plist(5)); what it says before its log is open is in the log."""
    for text in (*command, *settings.values()):
        _refuse_control(text)
    value = {
        "Label": LAUNCHD_LABEL,
        "ProgramArguments": list(command),
        "EnvironmentVariables": dict(settings),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ProcessType": "Interactive",
        "Umask": 0o077,
        "WorkingDirectory": "/",
        "StandardErrorPath": str(log_file),
    }
    return plistlib.dumps(value, sort_keys=False)


def _exec_word(word: str) -> str:
    """Quote a word of ExecStart: `$` is a variable there, besides what holds for every quoted value."""
    return _quoted(word.replace("$", "$$"))


def _quoted(text: str) -> str:
    escaped = _specifiers(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _specifiers(text: str) -> str:
    _refuse_control(text)
    return text.replace("%", "%%")


def _refuse_control(text: str) -> None:
    if _CONTROL.search(text):
        raise ValueError("a control character in a path or setting")
