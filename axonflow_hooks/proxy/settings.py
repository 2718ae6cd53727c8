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
from typing import TYPE_CHECKING, Final, Literal

from axonflow_hooks.errors import SettingsError
from axonflow_hooks.setting_values import absolute_path, duration, email, header, one_of, read, set_in, url
from axonflow_hooks.settings import LOCAL_ENDPOINT, is_loopback_url

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from axonflow_hooks.setting_values import Given

FailMode = Literal["closed", "open"]
RedactResponses = Literal["always", "on-obligation", "off"]

MAX_CONTEXT_BYTES: Final = 256
MAX_GATEWAY_CHARS: Final = 128

_UNEXPANDED: Final = re.compile(r"\$\{user_config\.[^}]*\}")
_FAIL_MODES: Final[tuple[FailMode, ...]] = ("closed", "open")
_REDACT_RESPONSES: Final[tuple[RedactResponses, ...]] = ("always", "on-obligation", "off")


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
    given = _given(environ)
    backends_file = read(given, "AXONFLOW_BACKENDS_FILE", absolute_path, None)
    inline, _ = given.get("AXONFLOW_BACKENDS", ("", ""))
    if backends_file and inline:
        raise SettingsError("AXONFLOW_BACKENDS_FILE and AXONFLOW_BACKENDS are both set.", remedy="Unset one of them.")
    if not backends_file and not inline:
        raise SettingsError(
            "AXONFLOW_BACKENDS_FILE is not set, so there is no server to govern.",
            remedy="Set it to the path of a backend map (JSON), or put the map itself into AXONFLOW_BACKENDS.",
        )
    context = header(MAX_CONTEXT_BYTES)
    return ProxySettings(
        endpoint=read(given, "AXONFLOW_ENDPOINT", url("Use AXONFLOW_CLIENT_ID and _CLIENT_SECRET."), LOCAL_ENDPOINT),
        basic=_basic(
            read(given, "AXONFLOW_CLIENT_ID", header(), ""), read(given, "AXONFLOW_CLIENT_SECRET", header(), "")
        ),
        user_token=read(given, "AXONFLOW_USER_TOKEN", header(), ""),
        tenant_id=read(given, "AXONFLOW_TENANT_ID", header(), ""),
        org_id=read(given, "AXONFLOW_ORG_ID", header(), ""),
        gateway_id=read(given, "AXONFLOW_GATEWAY_ID", header(MAX_GATEWAY_CHARS), "") or default_gateway_id(),
        session_id=read(given, "AXONFLOW_SESSION_ID", context, "") or new_session_id(),
        ai_agent=read(given, "AXONFLOW_AI_AGENT", context, "claude_desktop"),
        leader_email=read(given, "AXONFLOW_LEADER_EMAIL", email(MAX_CONTEXT_BYTES), ""),
        fail_mode=read(given, "AXONFLOW_FAIL_MODE", one_of(_FAIL_MODES), "closed"),
        redact_responses=read(given, "AXONFLOW_REDACT_RESPONSES", one_of(_REDACT_RESPONSES), "always"),
        backends_file=backends_file,
        backends_inline=inline,
        audit_log=read(given, "AXONFLOW_AUDIT_LOG", absolute_path, None),
        decide_timeout_s=read(given, "AXONFLOW_DECIDE_TIMEOUT", duration, 10.0),
        backend_timeout_s=read(given, "AXONFLOW_BACKEND_TIMEOUT", duration, 30.0),
    )


def default_gateway_id() -> str:
    """Give the gateway id of this machine: `claude_desktop.<host>` (wire 1.4)."""
    host = re.sub(r"[^A-Za-z0-9._-]", "-", socket.gethostname()) or "unknown"
    return f"claude_desktop.{host}"[:MAX_GATEWAY_CHARS]


def new_session_id() -> str:
    """Give a session id for one life of the proxy: `cd-<16 hex>-<epoch seconds>` (wire 1.4)."""
    return f"cd-{secrets.token_hex(8)}-{int(time.time())}"


def _given(environ: Mapping[str, str]) -> Given:
    """Give what is set of our settings; what the host has not expanded is not."""
    found = set_in(environ, (name for name in environ if name.startswith("AXONFLOW_")))
    return {name: given for name, given in found.items() if not _UNEXPANDED.fullmatch(given[0])}


def _basic(client: str, secret: str) -> str:
    """Give the base64 of Basic authentication, "" without a client; the secret may be missing."""
    if ":" in client:
        raise SettingsError("AXONFLOW_CLIENT_ID holds a colon.", remedy="Give the client id alone.")
    if secret and not client:
        raise SettingsError(
            "AXONFLOW_CLIENT_SECRET is set without AXONFLOW_CLIENT_ID.", remedy="Set AXONFLOW_CLIENT_ID too."
        )
    return base64.b64encode(f"{client}:{secret}".encode()).decode("ascii") if client else ""
