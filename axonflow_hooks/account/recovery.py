"""Recovery of a Community SaaS tenant by e-mail (wire 1.13): ask for a token, then exchange it for the credential.

Neither the token nor the secret nor a server's text is ever part of a message.
"""

from __future__ import annotations

import re
import tempfile
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from axonflow_hooks.account.registration import (
    keep_registration,
    parse_registration,
    post_account,
    registration_lock,
)
from axonflow_hooks.client import retry_after_s
from axonflow_hooks.errors import AccountError, AgentUnavailable, RateLimited
from axonflow_hooks.private_files import make_private_dir, write_private
from axonflow_hooks.setting_values import is_email

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings
    from axonflow_hooks.wire.registration import Registration

RECOVER_PATH: Final = "/api/v1/recover"
VERIFY_PATH: Final = "/api/v1/recover/verify"
SOURCE: Final = "recover-verify"
RATE_LIMIT_WAIT_S: Final = 3600.0

_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{16,256}")
_ASK_AGAIN: Final = "Ask for a new one: axonflow-hooks recover EMAIL"
_VERIFY_REFUSALS: Final = {
    400: "Community SaaS does not take this for a recovery token.",
    401: "This recovery token is not valid, has expired (it is good for 15 minutes) or has already been used.",
    403: "This e-mail address has as many tenants as it may have.",
    404: "This recovery token is not known.",
    415: "Community SaaS does not take this for a recovery token.",
}


async def request_recovery(
    settings: Settings, email: str, *, http: httpx.AsyncClient | None = None, timeout_s: float
) -> None:
    """Ask Community SaaS to mail a recovery token; it never tells whether the address is known.

    Raises AccountError for a wrong mode or address or a refusal, RateLimited or AgentUnavailable when it cannot be
    asked now.
    """
    _require_community_saas(settings)
    address = email.strip()
    if not is_email(address):
        raise AccountError("This is not an e-mail address.", remedy="Give the address of the account.")
    reply = await post_account(settings, RECOVER_PATH, {"email": address}, http=http, timeout_s=timeout_s)
    if reply.is_success:
        return
    _raise_unless_refusal(reply)
    raise AccountError(
        f"Community SaaS refuses this e-mail address (HTTP {reply.status_code}).",
        remedy="Check its spelling.",
    )


async def verify_recovery(
    settings: Settings, paths: Paths, token: str, *, http: httpx.AsyncClient | None = None, timeout_s: float
) -> Registration:
    """Exchange a recovery token (or the whole link it came in) for the tenant's credential, and keep that.

    The file in place before is kept beside it, dated. The token can be used once: whether the credential can be kept
    is tried first. Raises AccountError for a wrong mode or token, a refusal or a folder that cannot be written,
    RateLimited or AgentUnavailable when Community SaaS cannot be asked now.
    """
    _require_community_saas(settings)
    body = {"token": _bare_token(token)}
    deadline = time.monotonic() + timeout_s
    try:
        _try_writing(paths.config_dir)
        # A registration that is under way is waited for; the recovered tenant then replaces it.
        async with registration_lock(settings, paths, deadline, take_winner=False):
            previous = _read_previous(paths.registration_file)
            left = max(1.0, deadline - time.monotonic())
            reply = await post_account(settings, VERIFY_PATH, body, http=http, timeout_s=left)
            if not reply.is_success:
                _raise_unless_refusal(reply)
                text = _VERIFY_REFUSALS.get(reply.status_code, f"Recovery was refused (HTTP {reply.status_code}).")
                raise AccountError(text, remedy=_ASK_AGAIN)
            registration = parse_registration(reply, remedy=_ASK_AGAIN)
            if previous is not None:
                _back_up(paths.registration_file, previous)
            return keep_registration(settings, paths, registration, source=SOURCE)
    except OSError as error:
        raise AccountError(
            f"The credential cannot be kept in {paths.config_dir}: {error.strerror}.",
            remedy=f"Free space, or make the folder writable. {_ASK_AGAIN}",
        ) from None


def _require_community_saas(settings: Settings) -> None:
    if settings.mode == "community-saas":
        return
    if settings.mode == "unconfigured":
        raise AccountError(
            "Recovery is for Community SaaS tenants, and Community SaaS is off.",
            remedy="Unset AXONFLOW_COMMUNITY_SAAS for this command.",
        )
    raise AccountError(
        f"Recovery is for Community SaaS tenants; this configuration uses the self-hosted agent {settings.endpoint}.",
        remedy="Ask its administrator for a credential, or unset AXONFLOW_ENDPOINT and AXONFLOW_AUTH for this command.",
    )


def _bare_token(text: str) -> str:
    token = text.strip()
    if "://" in token:
        token = next(iter(parse_qs(urlsplit(token).query).get("token", [])), "")
    if not _TOKEN.fullmatch(token):
        raise AccountError(
            "This is not a recovery token.", remedy="Copy the token, or the whole link, from the e-mail."
        )
    return token


def _raise_unless_refusal(reply: httpx.Response) -> None:
    """Raise for a reply that says nothing about the e-mail address or the token."""
    if reply.status_code == 429:
        seconds = retry_after_s(reply, default=RATE_LIMIT_WAIT_S, maximum=RATE_LIMIT_WAIT_S)
        raise RateLimited(
            "Community SaaS takes no further request from this network now (HTTP 429).",
            retry_after=seconds,
            remedy=f"Try again in {seconds / 60:.0f} minutes.",
        )
    if reply.status_code >= 500 or reply.status_code < 400:
        raise AgentUnavailable(f"Community SaaS answered HTTP {reply.status_code}.", remedy="Try again later.")


def _try_writing(folder: Path) -> None:
    make_private_dir(folder)
    with tempfile.TemporaryFile(dir=folder) as stream:
        stream.write(b"x" * 4096)
        stream.flush()


def _read_previous(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _back_up(path: Path, data: bytes) -> None:
    """Keep what was in `path` under a dated name, readable by its owner only. Raises OSError."""
    stamp = datetime.now(timezone.utc).strftime("%Y%m%dT%H%M%S.%fZ")
    write_private(path.with_name(f"{path.name}.{stamp}.bak"), data)
