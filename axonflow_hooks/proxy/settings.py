"""The proxy's settings: from the environment alone, as a desktop host passes its configuration in variables.

A host that packs `${user_config.x}` into a variable passes it unexpanded, or empty, where the user left the field
alone: both mean unset. Whatever else cannot be used is an error that names the setting and the remedy.
"""

from __future__ import annotations

import base64
import re
import secrets
import socket
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, cast
from urllib.parse import urlsplit

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.settings import LOCAL_ENDPOINT, is_email, is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Mapping

FailMode = Literal["closed", "open"]
RedactResponses = Literal["always", "on-obligation", "off"]

MAX_DURATION_S: Final = 600.0
MAX_CONTEXT_BYTES: Final = 256
MAX_GATEWAY_CHARS: Final = 128

_UNEXPANDED: Final = re.compile(r"\$\{user_config\.[^}]*\}")
_DURATION: Final = re.compile(r"(\d{1,9}(?:\.\d{1,6})?)(ms|s|m)")
_UNITS: Final = {"ms": 0.001, "s": 1.0, "m": 60.0}


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """What the user chose, resolved. Timeouts are in seconds; `basic` is the base64 of Basic authentication."""

    endpoint: str
    basic: str = field(default="", repr=False)
    user_token: str = field(default="", repr=False)
    tenant_id: str = ""
    org_id: str = ""
    gateway_id: str = ""
    session_id: str = ""
    ai_agent: str = ""
    leader_email: str = ""
    fail_mode: FailMode = "closed"
    redact_responses: RedactResponses = "always"
    backends_file: Path | None = None
    backends_inline: str = field(default="", repr=False)
    audit_log: Path | None = None
    decide_timeout_s: float = 10.0
    backend_timeout_s: float = 30.0

    @property
    def plain_http_to_remote(self) -> bool:
        """True when credentials and arguments would cross a network unencrypted."""
        return self.endpoint.startswith("http://") and not is_loopback_url(self.endpoint)


def load_proxy_settings(environ: Mapping[str, str]) -> ProxySettings:
    """Take an environment and give the settings. Raises SettingsError, with the setting's name and the remedy."""
    given = _Given(environ)
    backends_file, inline = given.path("AXONFLOW_BACKENDS_FILE"), given.text("AXONFLOW_BACKENDS")
    if backends_file and inline:
        raise SettingsError("AXONFLOW_BACKENDS_FILE and AXONFLOW_BACKENDS are both set.", remedy="Unset one of them.")
    if not backends_file and not inline:
        raise SettingsError(
            "AXONFLOW_BACKENDS_FILE is not set, so there is no server to govern.",
            remedy="Set it to the path of a backend map (JSON), or put the map itself into AXONFLOW_BACKENDS.",
        )
    return ProxySettings(
        endpoint=given.endpoint("AXONFLOW_ENDPOINT") or LOCAL_ENDPOINT,
        basic=given.basic("AXONFLOW_CLIENT_ID", "AXONFLOW_CLIENT_SECRET"),
        user_token=given.header("AXONFLOW_USER_TOKEN"),
        tenant_id=given.header("AXONFLOW_TENANT_ID"),
        org_id=given.header("AXONFLOW_ORG_ID"),
        gateway_id=given.short("AXONFLOW_GATEWAY_ID", MAX_GATEWAY_CHARS) or default_gateway_id(),
        session_id=given.short("AXONFLOW_SESSION_ID", MAX_CONTEXT_BYTES) or new_session_id(),
        ai_agent=given.short("AXONFLOW_AI_AGENT", MAX_CONTEXT_BYTES) or "claude_desktop",
        leader_email=given.email("AXONFLOW_LEADER_EMAIL"),
        fail_mode=cast("FailMode", given.choice("AXONFLOW_FAIL_MODE", ("closed", "open"))),
        redact_responses=cast(
            "RedactResponses", given.choice("AXONFLOW_REDACT_RESPONSES", ("always", "on-obligation", "off"))
        ),
        backends_file=backends_file,
        backends_inline=inline,
        audit_log=given.path("AXONFLOW_AUDIT_LOG"),
        decide_timeout_s=given.duration("AXONFLOW_DECIDE_TIMEOUT", 10.0),
        backend_timeout_s=given.duration("AXONFLOW_BACKEND_TIMEOUT", 30.0),
    )


def default_gateway_id() -> str:
    """Give the gateway id of this machine: `claude_desktop.<host>` (wire 1.4)."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()) or "unknown"
    return f"claude_desktop.{host}"[:MAX_GATEWAY_CHARS]


def new_session_id() -> str:
    """Give a session id for one life of the proxy: `cd-<16 hex>-<epoch seconds>` (wire 1.4)."""
    return f"cd-{secrets.token_hex(8)}-{int(time.time())}"


def parse_duration(value: str, name: str) -> float:
    """Take "500ms", "10s" or "2m" and give seconds. Raises SettingsError, naming the setting, for anything else."""
    match = _DURATION.fullmatch(value.strip())
    seconds = float(match.group(1)) * _UNITS[match.group(2)] if match else 0.0
    if not 0 < seconds <= MAX_DURATION_S:
        raise SettingsError(
            f"{name} is not a duration: {value[:40]!r}.",
            remedy=f'Give a number and a unit, such as "500ms" or "10s", up to {MAX_DURATION_S:g} seconds.',
        )
    return seconds


@dataclass(frozen=True, slots=True)
class _Given:
    environ: Mapping[str, str]

    def text(self, name: str) -> str:
        value = self.environ.get(name, "").strip()
        return "" if _UNEXPANDED.fullmatch(value) else value

    def endpoint(self, name: str) -> str:
        value = self.text(name)
        if not value:
            return ""
        remedy = "Give a URL such as https://axonflow.example.com, without credentials, query or fragment."
        try:
            parts = urlsplit(value)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            raise SettingsError(f"{name} is not a URL.", remedy=remedy) from None
        if "@" in parts.netloc:
            raise SettingsError(f"{name} holds credentials.", remedy="Use AXONFLOW_CLIENT_ID and _CLIENT_SECRET.")
        if not usable or parts.query or parts.fragment or not value.isascii() or re.search(r"[\s\\]", value):
            raise SettingsError(f"{name} is not an http or https URL.", remedy=remedy)
        return parts._replace(scheme=parts.scheme.lower(), netloc=parts.netloc.lower()).geturl().rstrip("/")

    def header(self, name: str) -> str:
        value = self.text(name)
        if value and (not value.isascii() or not value.isprintable() or len(value) > 8192):
            raise SettingsError(f"{name} holds characters that no header can carry.", remedy="Correct or unset it.")
        return value

    def short(self, name: str, limit: int) -> str:
        value = self.header(name)
        if len(value) > limit:
            raise SettingsError(f"{name} is longer than {limit} characters.", remedy="Shorten it.")
        return value

    def basic(self, id_name: str, secret_name: str) -> str:
        client, secret = self.header(id_name), self.header(secret_name)
        if ":" in client:
            raise SettingsError(f"{id_name} holds a colon.", remedy="Give the client id alone.")
        if secret and not client:
            raise SettingsError(f"{secret_name} is set without {id_name}.", remedy=f"Set {id_name} too.")
        return base64.b64encode(f"{client}:{secret}".encode()).decode("ascii") if client else ""

    def email(self, name: str) -> str:
        value = self.header(name)
        if value and (not is_email(value) or len(value) > MAX_CONTEXT_BYTES):
            raise SettingsError(f"{name} is not an e-mail address.", remedy="Correct or unset it.")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name).lower() or choices[0]
        if value not in choices:
            raise SettingsError(f"{name} is not known: {value[:40]!r}.", remedy=f"Use one of {', '.join(choices)}.")
        return value

    def path(self, name: str) -> Path | None:
        value = self.text(name)
        if not value:
            return None
        try:
            path = Path(value).expanduser()
        except RuntimeError:
            path = Path(value)
        if not path.is_absolute():
            raise SettingsError(f"{name} is not an absolute path: {value[:200]!r}.", remedy="Give the whole path.")
        return path

    def duration(self, name: str, default: float) -> float:
        value = self.text(name)
        return parse_duration(value, name) if value else default
