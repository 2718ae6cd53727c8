"""Environment and `config.toml` → one frozen Settings. The environment wins; what cannot be used is an error."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, cast
from urllib.parse import urlsplit

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.private_files import check_private

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

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

_ON: Final = frozenset({"1", "true", "yes", "on"})
_OFF: Final = frozenset({"0", "false", "no", "off"})
_EMAIL: Final = re.compile(r"[^\s@,;<>\"\x00-\x1f\x7f]{1,128}@[^\s@,;<>\"\x00-\x1f\x7f]{1,190}")

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
    values = _read_values(environ, paths)
    endpoint = _url(values, "endpoint")
    auth = _auth(values)
    community_saas = _switch(values, "community_saas", default=True)
    mode: Mode
    if endpoint or auth:
        mode, endpoint = "self-hosted", endpoint or LOCAL_ENDPOINT
    elif community_saas:
        mode, endpoint = "community-saas", COMMUNITY_SAAS_ENDPOINT
    else:
        mode = "unconfigured"
    timeout, clamped = _timeout(values)
    return Settings(
        mode=mode,
        endpoint=endpoint,
        auth=auth,
        timeout_s=timeout,
        timeout_clamped=clamped,
        telemetry=_switch(values, "telemetry", default=True),
        checkpoint_url=_url(values, "checkpoint_url") or DEFAULT_CHECKPOINT_URL,
        license_token=_header_value(values, "license_token"),
        upgrade_url=_url(values, "upgrade_url") or DEFAULT_UPGRADE_URL,
        plugin_version_check=_switch(values, "plugin_version_check", default=True),
        user_email=_email(values),
        fail_mode=cast("FailMode", _choice(values, "fail_mode", ("open", "local", "closed")) or "open"),
        integrations=_names(values, "integrations"),
        pii_action=cast("PiiAction | None", _choice(values, "pii_action", ("block", "redact", "warn", "log")) or None),
        scan_reads=_switch(values, "scan_reads", default=False),
    )


def agent_environ(environ: Mapping[str, str], paths: Paths) -> dict[str, str]:
    """Give an environment that also holds the embedded agent's settings of `config.toml`; what is set already wins.

    The agent reads and checks them by their names in the environment. Raises SettingsError for a file that cannot be
    used.
    """
    values = _read_values(environ, paths)
    return {**environ, **{_NAMES[key]: value for key, (value, _) in values.items() if key in _AGENT_ONLY}}


def is_loopback_url(url: str) -> bool:
    """Tell whether a URL names this machine: localhost, 127.0.0.0/8 or ::1."""
    host = (urlsplit(url).hostname or "").rstrip(".")
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read_values(environ: Mapping[str, str], paths: Paths) -> dict[str, tuple[str, str]]:
    """Give every setting that has a value, as {key: (value, where it stands)}; an empty value is no value."""
    values: dict[str, tuple[str, str]] = {}
    for key, value in _read_config_file(paths).items():
        name = f"{key} in {paths.config_file}"
        text = _toml_text(value, name)
        if text:
            values[key] = (text, name)
    for key, name in _NAMES.items():
        text = environ.get(name, "").strip()
        if text:
            values[key] = (text, name)
    return values


def _toml_text(value: object, name: str) -> str:
    """Give a TOML value as the text the environment would hold for it."""
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return ",".join(value)
    if isinstance(value, (str, int, float)):
        return str(value).strip()
    raise SettingsError(f"{name} has a value of the wrong kind.", remedy="Write it as a string.")


def _read_config_file(paths: Paths) -> dict[str, Any]:
    try:
        with paths.config_file.open(encoding="utf-8") as stream:
            status = os.fstat(stream.fileno())
            text = stream.read()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"{paths.config_file} cannot be read ({type(error).__name__}).", remedy="Repair or delete it."
        ) from None
    try:
        loaded = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{paths.config_file} is not valid TOML: {error}.", remedy="Repair or delete it.") from None
    top = {key: value for key, value in loaded.items() if not isinstance(value, dict)}
    unknown = sorted(set(top) - set(_NAMES))
    if unknown:
        raise SettingsError(
            f"{paths.config_file} has a setting that does not exist: {unknown[0]}.",
            remedy=f"Known settings: {', '.join(sorted(_NAMES))}.",
        )
    if _SECRET & set(top):
        check_private(paths.config_file, status)
    return top


def _url(values: Mapping[str, tuple[str, str]], key: str) -> str:
    if key not in values:
        return ""
    value, name = values[key]
    remedy = "Give a URL such as https://axonflow.example.com, without credentials, query or fragment."
    try:
        parts = urlsplit(value)
        port_is_valid = parts.port is None or parts.port > 0
    except ValueError:
        raise SettingsError(f"{name} is not a URL.", remedy=remedy) from None
    if "@" in parts.netloc:
        raise SettingsError(f"{name} holds credentials.", remedy="Put them into AXONFLOW_AUTH.")
    well_formed = parts.scheme in {"http", "https"} and parts.hostname and port_is_valid
    if not well_formed or parts.query or parts.fragment or re.search(r"[\s\x00-\x1f\x7f\\]", value):
        raise SettingsError(f"{name} is not an http or https URL.", remedy=remedy)
    # Scheme and host have no case (RFC 3986, 6.2.2.1); the code that compares them need not know.
    return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl().rstrip("/")


def _auth(values: Mapping[str, tuple[str, str]]) -> str:
    if "auth" not in values:
        return ""
    value, name = values["auth"]
    return encode_basic(value, name)


def encode_basic(value: str, name: str) -> str:
    """Take `id:secret` or its base64 and give the base64 of Basic authentication (wire 1.1).

    `name` says where the value stands. Raises SettingsError, without the value, when it is neither.
    """
    remedy = 'Give base64 of "client-id:client-secret", without the word Basic.'
    try:
        decoded = value if ":" in value else _decode_basic(value)
        encoded = base64.b64encode(decoded.encode()).decode("ascii")
    except (binascii.Error, ValueError):
        raise SettingsError(f"{name} is not valid base64.", remedy=remedy) from None
    if ":" not in decoded:
        raise SettingsError(f"{name} holds no client id and secret.", remedy=remedy)
    if any(not char.isprintable() for char in decoded):
        raise SettingsError(
            f"{name} holds a line end or another control character.",
            remedy="Encode it without one: printf %s 'client-id:client-secret' | base64",
        )
    return encoded


def _decode_basic(value: str) -> str:
    # `base64` of GNU breaks its output into lines of 76 characters.
    return base64.b64decode("".join(value.split()), validate=True).decode("utf-8")


def _switch(values: Mapping[str, tuple[str, str]], key: str, *, default: bool) -> bool:
    if key not in values:
        return default
    value, name = values[key]
    if value.lower() in _ON | _OFF:
        return value.lower() in _ON
    raise SettingsError(f"{name} is neither on nor off: {value[:40]!r}.", remedy="Use on or off (1 or 0).")


def _timeout(values: Mapping[str, tuple[str, str]]) -> tuple[float | None, bool]:
    if "timeout_seconds" not in values:
        return None, False
    value, name = values["timeout_seconds"]
    try:
        seconds = float(value)
    except ValueError:
        seconds = 0.0
    if not seconds > 0 or seconds == float("inf"):
        raise SettingsError(
            f"{name} is not a number of seconds above 0: {value[:40]!r}.",
            remedy=f"Give a number up to {MAX_TIMEOUT_S:g}.",
        )
    return min(seconds, MAX_TIMEOUT_S), seconds > MAX_TIMEOUT_S


def _choice(values: Mapping[str, tuple[str, str]], key: str, choices: tuple[str, ...]) -> str:
    if key not in values:
        return ""
    value, name = values[key]
    if value.lower() not in choices:
        raise SettingsError(f"{name} is not known: {value[:40]!r}.", remedy=f"Use one of {', '.join(choices)}.")
    return value.lower()


def _names(values: Mapping[str, tuple[str, str]], key: str) -> frozenset[str]:
    value, name = values.get(key, ("", key))
    names = frozenset(part.strip().lower() for part in value.split(",") if part.strip())
    for part in names:
        if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", part):
            raise SettingsError(f"{name} holds a name that cannot be one: {part[:40]!r}.", remedy="Use a,b,c.")
    return names


def _email(values: Mapping[str, tuple[str, str]]) -> str:
    value = _header_value(values, "user_email")
    if value and not is_email(value):
        raise SettingsError(f"{values['user_email'][1]} is not an e-mail address.", remedy="Correct or unset it.")
    return value


def is_email(text: str) -> bool:
    """Tell whether a text can be an e-mail address; whether it is one, only its owner knows."""
    return _EMAIL.fullmatch(text) is not None


def _header_value(values: Mapping[str, tuple[str, str]], key: str) -> str:
    if key not in values:
        return ""
    value, name = values[key]
    if not value.isascii() or not value.isprintable() or len(value) > 8192:
        raise SettingsError(f"{name} holds characters that no header can carry.", remedy="Correct or unset it.")
    return value
