"""Environment and `config.toml` → one frozen Settings. The environment wins; what cannot be used is an error."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from axonflow_hooks.config_file import read_config_file
from axonflow_hooks.setting_values import (
    email,
    encode_basic,
    header,
    listed,
    one_of,
    read,
    seconds,
    set_in,
    switch,
    url,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from axonflow_hooks.paths import Paths

Mode = Literal["self-hosted", "community-saas", "unconfigured"]
FailMode = Literal["open", "local", "closed"]
PiiAction = Literal["block", "redact", "warn", "log"]

COMMUNITY_SAAS_ENDPOINT: Final = "https://try.getaxonflow.com"
LOCAL_ENDPOINT: Final = "http://localhost:8080"
DEFAULT_UPGRADE_URL: Final = "https://getaxonflow.com/pro"
DEFAULT_CHECKPOINT_URL: Final = "https://checkpoint.getaxonflow.com/v1/ping"
PRE_TOOL_USE_TIMEOUT_S: Final = 8.0
POST_TOOL_USE_TIMEOUT_S: Final = 5.0
MAX_TIMEOUT_S: Final = 12.0
"""A longer wait cannot be granted: the host ends a hook after 15 s, and 13 s is this product's own deadline."""

_FAIL_MODES: Final[tuple[FailMode, ...]] = ("open", "local", "closed")
_PII_ACTIONS: Final[tuple[PiiAction, ...]] = ("block", "redact", "warn", "log")
_INTEGRATION: Final = re.compile(r"[a-z0-9][a-z0-9._-]*")

# Every setting that may stand in config.toml, as the last part of its environment name in lower case.
_NAMES: Final = {
    "endpoint": "AXONFLOW_ENDPOINT",
    "auth": "AXONFLOW_AUTH",
    "timeout_seconds": "AXONFLOW_TIMEOUT_SECONDS",
    "community_saas": "AXONFLOW_COMMUNITY_SAAS",
    "telemetry": "AXONFLOW_TELEMETRY",
    "checkpoint_url": "AXONFLOW_CHECKPOINT_URL",
    "license_token": "AXONFLOW_LICENSE_TOKEN",
    "upgrade_url": "AXONFLOW_UPGRADE_URL",
    "plugin_version_check": "AXONFLOW_PLUGIN_VERSION_CHECK",
    "user_email": "AXONFLOW_USER_EMAIL",
    "fail_mode": "AXONFLOW_FAIL_MODE",
    "integrations": "AXONFLOW_INTEGRATIONS",
    "pii_action": "PII_ACTION",
    "scan_reads": "AXONFLOW_SCAN_READS",
    "agent_allowed_hosts": "AXONFLOW_AGENT_ALLOWED_HOSTS",
    "agent_approval_ttl_seconds": "AXONFLOW_AGENT_APPROVAL_TTL_SECONDS",
    "agent_audit_retention_days": "AXONFLOW_AGENT_AUDIT_RETENTION_DAYS",
    "agent_database_url": "AXONFLOW_AGENT_DATABASE_URL",
    "agent_key_dir": "AXONFLOW_AGENT_KEY_DIR",
    "agent_rate_limit_per_minute": "AXONFLOW_AGENT_RATE_LIMIT_PER_MINUTE",
    "agent_team_mode": "AXONFLOW_AGENT_TEAM_MODE",
    "decision_context_allowlist": "AXONFLOW_DECISION_CONTEXT_ALLOWLIST",
}
_AGENT_ONLY: Final = frozenset({*(key for key in _NAMES if key.startswith("agent_")), "decision_context_allowlist"})
_SECRET: Final = frozenset({"auth", "license_token", "agent_database_url"})


@dataclass(frozen=True, slots=True)
class Settings:
    """What the user chose, resolved. `auth` is the base64 of Basic authentication and never printed.

    `endpoint` is a URL without a trailing slash, or "" in the mode `unconfigured`, in which nothing may be sent.
    """

    mode: Mode
    endpoint: str
    auth: str = field(default="", repr=False)
    timeout_s: float | None = None
    timeout_clamped: bool = False
    telemetry: bool = True
    checkpoint_url: str = DEFAULT_CHECKPOINT_URL
    license_token: str = field(default="", repr=False)
    upgrade_url: str = DEFAULT_UPGRADE_URL
    plugin_version_check: bool = True
    user_email: str = ""
    fail_mode: FailMode = "open"
    integrations: frozenset[str] = frozenset()
    pii_action: PiiAction | None = None
    scan_reads: bool = False

    @property
    def pre_tool_use_timeout_s(self) -> float:
        """Seconds the agent has to decide on a tool call."""
        return self.timeout_s if self.timeout_s is not None else PRE_TOOL_USE_TIMEOUT_S

    @property
    def post_tool_use_timeout_s(self) -> float:
        """Seconds the agent has to scan an output."""
        return self.timeout_s if self.timeout_s is not None else POST_TOOL_USE_TIMEOUT_S

    @property
    def plain_http_to_remote(self) -> bool:
        """True when credentials and statements would cross a network unencrypted."""
        return self.endpoint.startswith("http://") and not is_loopback_url(self.endpoint)


def load_settings(environ: Mapping[str, str], paths: Paths) -> Settings:
    """Take an environment and the user's paths and give the settings.

    Raises SettingsError, which names the setting, its place and the remedy, for anything that cannot be used as it is.
    """
    given = _given(environ, paths)
    endpoint = read(given, "endpoint", url("Put them into AXONFLOW_AUTH."), "")
    auth = read(given, "auth", encode_basic, "")
    community_saas = read(given, "community_saas", switch, True)
    mode: Mode
    if endpoint or auth:
        mode, endpoint = "self-hosted", endpoint or LOCAL_ENDPOINT
    elif community_saas:
        mode, endpoint = "community-saas", COMMUNITY_SAAS_ENDPOINT
    else:
        mode = "unconfigured"
    wait = read(given, "timeout_seconds", seconds(MAX_TIMEOUT_S), None)
    return Settings(
        mode=mode,
        endpoint=endpoint,
        auth=auth,
        timeout_s=None if wait is None else min(wait, MAX_TIMEOUT_S),
        timeout_clamped=wait is not None and wait > MAX_TIMEOUT_S,
        telemetry=read(given, "telemetry", switch, True),
        checkpoint_url=read(given, "checkpoint_url", url("Leave them out."), DEFAULT_CHECKPOINT_URL),
        license_token=read(given, "license_token", header(), ""),
        upgrade_url=read(given, "upgrade_url", url("Leave them out."), DEFAULT_UPGRADE_URL),
        plugin_version_check=read(given, "plugin_version_check", switch, True),
        user_email=read(given, "user_email", email(), ""),
        fail_mode=read(given, "fail_mode", one_of(_FAIL_MODES), "open"),
        integrations=frozenset(read(given, "integrations", listed(_INTEGRATION, "name", "Use a,b,c."), ())),
        pii_action=read(given, "pii_action", one_of(_PII_ACTIONS), None),
        scan_reads=read(given, "scan_reads", switch, False),
    )


def agent_environ(environ: Mapping[str, str], paths: Paths) -> dict[str, str]:
    """Give an environment that also holds the embedded agent's settings of `config.toml`; what is set already wins.

    The agent reads and checks them by their names in the environment. Raises SettingsError for a file that cannot be
    used.
    """
    given = _given(environ, paths)
    return {**environ, **{_NAMES[key]: value for key, (value, _) in given.items() if key in _AGENT_ONLY}}


def is_loopback_url(url: str) -> bool:
    """Tell whether a URL names this machine: localhost, 127.0.0.0/8 or ::1."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _given(environ: Mapping[str, str], paths: Paths) -> dict[str, tuple[str, str]]:
    """Give every setting that has a value, as {key: (text, where it stands)}."""
    in_file = read_config_file(paths.config_file, known=_NAMES, secret=_SECRET)
    in_environ = set_in(environ, _NAMES.values())
    return {**in_file, **{key: in_environ[name] for key, name in _NAMES.items() if name in in_environ}}
