"""The agent's own settings for its routes: which context is kept, how many requests a client may make."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.setting_values import listed, read, set_in, switch, whole_number

if TYPE_CHECKING:
    from collections.abc import Mapping

IDENTITY_KEYS: Final = ("x-ai-agent", "x-session-id", "x-leader-identity")
"""Keys of a decision's context that are always kept, as they are: they say who acts (wire 1.4)."""

CONTEXT_SETTING: Final = "AXONFLOW_DECISION_CONTEXT_ALLOWLIST"
RATE_SETTING: Final = "AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE"
HOSTS_SETTING: Final = "AXONFLOW_AGENT_ALLOWED_HOSTS"
TEAM_SETTING: Final = "AXONFLOW_AGENT_TEAM_MODE"
MAX_RATE: Final = 1_000_000

_NAMES: Final = (CONTEXT_SETTING, RATE_SETTING, HOSTS_SETTING, TEAM_SETTING)
_RATE: Final = whole_number(
    0, MAX_RATE, "requests", f"Set it to a whole number from 1 to {MAX_RATE}, or to 0 for no limit."
)
_CONTEXT_KEYS: Final = listed(
    re.compile(r"[._-]*[a-z0-9][a-z0-9._-]*\*?"),
    "key",
    "List keys, separated by commas: x-team, x-acme-* (a trailing * stands for any ending).",
)
_HOSTS: Final = listed(
    re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?)(:[1-9][0-9]{0,4})?"),
    "host",
    "List names as clients send them, separated by commas: agent.example, agent.example:8443.",
)


@dataclass(frozen=True, slots=True)
class Options:
    """What the routes are set to. `rate_per_minute` is per client, None for no limit.

    `allowed_hosts` are names, with or without a port, under which clients call besides those of this machine. In
    `team_mode` tenants register themselves (wire 1.13).
    """

    context_allowlist: tuple[str, ...] = IDENTITY_KEYS
    rate_per_minute: int | None = None
    allowed_hosts: tuple[str, ...] = ()
    team_mode: bool = False


def read_options(environ: Mapping[str, str]) -> Options:
    """Give the options that the environment sets. Raises SettingsError for a value that cannot be meant."""
    given = set_in(environ, _NAMES)
    return Options(
        context_allowlist=(*IDENTITY_KEYS, *read(given, CONTEXT_SETTING, _CONTEXT_KEYS, ())),
        rate_per_minute=read(given, RATE_SETTING, _RATE, 0) or None,
        allowed_hosts=read(given, HOSTS_SETTING, _HOSTS, ()),
        team_mode=read(given, TEAM_SETTING, switch, False),
    )
