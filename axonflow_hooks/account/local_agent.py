"""Credentials of embedded agents: created by the agent at its first start, read by every client of the same user.

They stand in `agent-credentials.json`, by endpoint: {"endpoints": {"http://localhost:8080": {"client_id",
"client_secret", "created_at"}}}. So nothing needs to be set on one machine, and other users of it are refused.
"""

from __future__ import annotations

import ipaddress
import secrets
import time
from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from axonflow_hooks.errors import CredentialError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir, read_private_json, write_private_json
from axonflow_hooks.recognition import PROVING_PREFIX
from axonflow_hooks.settings import is_loopback_url

if TYPE_CHECKING:
    from pathlib import Path

    from axonflow_hooks.paths import Paths

CLIENT_ID: Final = "local"
SECRET_BYTES: Final = 32
LOCK_TIMEOUT_S: Final = 10.0

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_CredentialText = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[\x21-\x7e]+$")]


class _Entry(BaseModel):
    model_config = ConfigDict(extra="ignore", defer_build=True)

    client_id: Annotated[_CredentialText, Field(pattern=r"^[^:]+$")]
    client_secret: _CredentialText = Field(repr=False)
    created_at: str = ""


class _File(BaseModel):
    model_config = ConfigDict(extra="allow", defer_build=True)

    endpoints: dict[str, _Entry] = Field(default_factory=dict)


def normalised_endpoint(endpoint: str) -> str:
    """Take an endpoint URL and give the name its credential is kept under: scheme, host and port.

    All names of this machine (localhost, 127.0.0.1, [::1], and 0.0.0.0 or [::] of an agent that listens on every
    address) are one; the port matters.
    """
    parts = urlsplit(endpoint)
    host = (parts.hostname or "").rstrip(".")
    if is_loopback_url(endpoint) or _is_any_address(host):
        host = "localhost"
    elif ":" in host:
        host = f"[{host}]"
    return f"{parts.scheme}://{host}:{parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)}"


def credential_for(paths: Paths, endpoint: str) -> tuple[str, str] | None:
    """Give the (client id, secret) that an embedded agent of this user created for `endpoint`, or None.

    Raises CredentialError when the file is readable by others or damaged, and for a secret of an earlier release, which
    would be sent to whatever listens there (see `recognition`).
    """
    path, name = paths.agent_credentials_file, normalised_endpoint(endpoint)
    entry = _read(path).endpoints.get(name)
    if entry is None:
        return None
    if not _is_safe(name, entry):
        raise CredentialError(
            f"The credential for {name} in {path} is of an earlier release: nothing proves what it would be sent to.",
            remedy="Restart your agent, which replaces it: axonflow-hooks agent stop, then axonflow-hooks agent start.",
        )
    return entry.client_id, entry.client_secret


def ensure_credential(paths: Paths, endpoint: str) -> tuple[str, str]:
    """Give the (client id, secret) for the agent that serves `endpoint`, created where there is none or an old one.

    Safe under concurrency: every caller gets the same secret. Raises CredentialError when the file is readable by
    others, damaged, locked for more than 10 s, or cannot be written.
    """
    from filelock import FileLock, Timeout  # only an agent that starts needs it: no hook waits for its import

    path = paths.agent_credentials_file
    try:
        make_private_dir(path.parent)
        with FileLock(path.with_name(f"{path.name}.lock"), timeout=LOCK_TIMEOUT_S, mode=PRIVATE_FILE_MODE):
            name = normalised_endpoint(endpoint)
            entry = _read(path).endpoints.get(name)
            known = entry is not None and _is_safe(name, entry)
            return (entry.client_id, entry.client_secret) if entry and known else _create(path, name)
    except Timeout:
        raise CredentialError(f"{path} is locked by another process.", remedy="Try again.") from None
    except OSError as error:
        raise CredentialError(
            f"{path} cannot be written: {error.strerror}.", remedy="Free space, or make its folder writable."
        ) from None


def _create(path: Path, name: str) -> tuple[str, str]:
    entry = _Entry(
        client_id=CLIENT_ID,
        client_secret=PROVING_PREFIX + secrets.token_urlsafe(SECRET_BYTES),
        created_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
    )
    kept = _read(path)
    kept.endpoints[name] = entry
    write_private_json(path, kept.model_dump())
    return entry.client_id, entry.client_secret


def _is_safe(name: str, entry: _Entry) -> bool:
    # Over https the certificate says who listens.
    return not name.startswith("http://localhost:") or entry.client_secret.startswith(PROVING_PREFIX)


def _read(path: Path) -> _File:
    value = read_private_json(path)
    try:
        return _File.model_validate(value or {})
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors()}))
        raise CredentialError(
            f"{path} is damaged (wrong or missing: {places}).",
            remedy="Delete it and restart the agent, which writes a new one.",
        ) from None


def _is_any_address(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False
