"""Whether this plugin is new enough for the agent in use, by the agent's /health (wire 1.10)."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from axonflow_hooks import __version__
from axonflow_hooks.client import one_line
from axonflow_hooks.stamps import read_wait, write_wait

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings
    from axonflow_hooks.wire.health import Health

PLUGIN_ID: Final = "claude-code"
INTERVAL_S: Final = 24 * 3600.0
FAILURE_INTERVAL_S: Final = 3600.0


def is_due(settings: Settings, paths: Paths, *, now: float | None = None) -> bool:
    """Tell whether to look again: once a day, and after a change of plugin version or endpoint; one look at a file."""
    if not settings.plugin_version_check or settings.mode == "unconfigured":
        return False
    moment = time.time() if now is None else now
    wait = read_wait(_stamp(paths), maximum_s=INTERVAL_S, now=moment)
    return wait.note != _key(settings) or wait.remaining_s(moment) == 0


def record_check(settings: Settings, paths: Paths, *, reached: bool) -> None:
    """Remember that the agent was asked; one that was not reached is asked again after an hour. Raises OSError."""
    seconds = INTERVAL_S if reached else FAILURE_INTERVAL_S
    write_wait(_stamp(paths), until=time.time() + seconds, note=_key(settings))


def version_warning(health: Health, *, version: str = __version__) -> str:
    """Take an agent's health and give what the user should know of this plugin's `version`, "" when all is well."""
    compatibility = health.plugin_compatibility
    oldest = compatibility.min_plugin_version.get(PLUGIN_ID, "")
    recommended = compatibility.recommended_plugin_version.get(PLUGIN_ID, "")
    remedy = "Update it with `claude plugin update axonflow`."
    if _is_older(version, oldest):
        return (
            f"This AxonFlow plugin ({version}) is older than the oldest release that the agent supports "
            f"({one_line(oldest)}). {remedy}"
        )
    if _is_older(version, recommended):
        return f"A newer AxonFlow plugin than this one ({version}) is recommended: {one_line(recommended)}. {remedy}"
    return ""


def _is_older(version: str, than: str) -> bool:
    from packaging.version import InvalidVersion, Version  # needed once a day: no other hook waits for its import

    try:
        return Version(version) < Version(than)
    except InvalidVersion:
        return False


def _stamp(paths: Paths) -> Path:
    return paths.cache_dir / "claude-code-plugin-version-check"


def _key(settings: Settings) -> str:
    return f"{__version__} {settings.endpoint}"
