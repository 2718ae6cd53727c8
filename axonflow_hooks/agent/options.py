"""The agent's own settings for its routes: which context is kept, how many requests a client may make."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from axonflow_hooks.agent.errors import StartupError

if TYPE_CHECKING:
    from collections.abc import Mapping

IDENTITY_KEYS: Final = ("x-ai-agent", "x-session-id", "x-leader-identity")
"""Keys of a decision's context that are always kept, as they are: they say who acts (wire 1.4)."""

CONTEXT_SETTING: Final = "AXONFLOW_DECISION_CONTEXT_ALLOWLIST"
RATE_SETTING: Final = "AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE"
HOSTS_SETTING: Final = "AXONFLOW_AGENT_ALLOWED_HOSTS"
TEAM_SETTING: Final = "AXONFLOW_AGENT_TEAM_MODE"
MAX_RATE: Final = 1_000_000

_HOST: Final = re.compile(r"(\[[0-9a-f:.]+\]|[a-z0-9]([a-z0-9._-]*[a-z0-9])?)(:[1-9][0-9]{0,4})?", re.ASCII)


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
    """Give the options that the environment sets. Raises StartupError for a value that cannot be meant."""
    return Options(
        context_allowlist=(*IDENTITY_KEYS, *_context_keys(environ.get(CONTEXT_SETTING, ""))),
        rate_per_minute=_rate(environ.get(RATE_SETTING, "").strip()),
        allowed_hosts=_hosts(environ.get(HOSTS_SETTING, "")),
        team_mode=_switch(TEAM_SETTING, environ.get(TEAM_SETTING, "")),
    )


def _context_keys(setting: str) -> tuple[str, ...]:
    entries = [entry.strip().lower() for entry in setting.split(",") if entry.strip()]
    for entry in entries:
        name = entry.removesuffix("*")
        if not name or not name.isascii() or not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise StartupError(
                f"{CONTEXT_SETTING} holds {entry!r}, which is no key.",
                remedy="List keys, separated by commas: x-team, x-acme-* (a trailing * stands for any ending).",
            )
    return tuple(entries)


def _rate(setting: str) -> int | None:
    if not setting or setting == "0":
        return None
    if not setting.isascii() or not setting.isdigit() or int(setting) > MAX_RATE:
        raise StartupError(
            f"{RATE_SETTING} is {setting!r}, which is no number of requests.",
            remedy=f"Set it to a whole number from 1 to {MAX_RATE}, or to 0 for no limit.",
        )
    return int(setting)


def _hosts(setting: str) -> tuple[str, ...]:
    hosts = tuple(entry.strip().lower() for entry in setting.split(",") if entry.strip())
    for host in hosts:
        if not _HOST.fullmatch(host):
            raise StartupError(
                f"{HOSTS_SETTING} holds {host!r}, which is no host.",
                remedy="List names as clients send them, separated by commas: agent.example, agent.example:8443.",
            )
    return hosts


def _switch(name: str, setting: str) -> bool:
    word = setting.strip().lower()
    if word in {"", "0", "false", "off", "no"}:
        return False
    if word in {"1", "true", "on", "yes"}:
        return True
    raise StartupError(f"{name} is {word!r}.", remedy="Set it to 1 or 0.")
