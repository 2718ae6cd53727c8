"""The Pro licence token: where it stands, what it says, and whether it may be sent (wire 1.15).

A token that is expired, malformed or meant for another endpoint or tenant makes an agent refuse every governed call,
so such a token is never sent; the user is told instead. Its signature is the agent's to verify.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import urlsplit

from axonflow_hooks.account.instants import parse_instant
from axonflow_hooks.errors import AccountError, CredentialError
from axonflow_hooks.private_files import read_private_json, write_private_json
from axonflow_hooks.settings import COMMUNITY_SAAS_ENDPOINT

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings

PREFIX: Final = "AXON-"
MIN_TOKEN_CHARS: Final = 32
MAX_TOKEN_CHARS: Final = 8192
DATE_GRACE: Final = timedelta(hours=24)
"""A token that expires on a date is good until that date (UTC) is over; one that expires at an instant has no grace."""

State = Literal["usable", "expired", "malformed", "elsewhere", "unreadable"]
Source = Literal["setting", "file"]

_FIRST_EPOCH_MS: Final = 1_000_000_000_000
_TIERS: Final = {"pro": "Pro", "premium": "Premium"}


@dataclass(frozen=True, slots=True)
class Claims:
    """What a licence token says of itself. `expires` is None for a token that does not expire."""

    tier: str = "Pro"
    tenant_id: str = ""
    org_id: str = ""
    expires: datetime | None = None

    @property
    def last_day(self) -> str:
        """The last day on which it is good, as YYYY-MM-DD in UTC; "" where it does not expire."""
        return (self.expires - timedelta(seconds=1)).strftime("%Y-%m-%d") if self.expires else ""

    @property
    def is_for_community_saas(self) -> bool:
        """True for a licence that was bought for a Community SaaS tenant."""
        return self.tenant_id.startswith("cs_") or self.org_id == "community-saas"


@dataclass(frozen=True, slots=True)
class License:
    """A licence token that was found. `problem` tells the user why it is not sent, without the token."""

    token: str = field(repr=False)
    source: Source
    state: State
    claims: Claims = Claims()
    problem: str = ""

    @property
    def usable(self) -> bool:
        """True when the token may be sent."""
        return self.state == "usable"

    @property
    def masked(self) -> str:
        """The only form of the token that is ever shown."""
        return mask_token(self.token)


def mask_token(token: str) -> str:
    """Give `AXON-...` and the last four characters of a token, or none of it when it is too short for that."""
    return f"{PREFIX}...{token[-4:] if len(token) >= MIN_TOKEN_CHARS else '****'}"


def parse_token(token: str) -> Claims:
    """Take a licence token and give what it claims.

    Both published shapes are read: `AXON-PAYLOAD.SIGNATURE` and `AXON-HEADER.PAYLOAD.SIGNATURE`. Raises AccountError,
    without the token, for anything else.
    """
    remedy = "Copy the whole token, from AXON- to its end, from the e-mail that brought it."
    segments = token.removeprefix(PREFIX).split(".")
    fits = MIN_TOKEN_CHARS <= len(token) <= MAX_TOKEN_CHARS and len(segments) in {2, 3} and all(segments)
    if not token.startswith(PREFIX) or not fits or not re.fullmatch(r"[A-Za-z0-9_\-.=]+", token):
        raise AccountError("This is not an AxonFlow licence token.", remedy=remedy)
    payload = _decode_payload(segments[-2])
    if payload is None:
        raise AccountError("This licence token is damaged: it cannot be decoded.", remedy=remedy)
    try:
        expires = _expiry(payload.get("expires_at", payload.get("exp")))
    except (ValueError, OverflowError, OSError):
        raise AccountError("This licence token is damaged: its expiry cannot be read.", remedy=remedy) from None
    return Claims(
        tier=_TIERS.get(_text(payload, "tier").lower(), "Pro"),
        tenant_id=_text(payload, "tenant_id"),
        org_id=_text(payload, "org_id"),
        expires=expires,
    )


def load_license(
    settings: Settings, paths: Paths, *, tenant_id: str = "", now: datetime | None = None
) -> License | None:
    """Give the licence token of the environment or, failing that, of `license-token.json`; None where there is none.

    `tenant_id` is the Community SaaS tenant in use, "" when it is not known. Never raises: what is wrong stands in
    `problem`.
    """
    moment = now or datetime.now(timezone.utc)
    if settings.license_token:
        return _judge(settings.license_token, "setting", settings, tenant_id, moment, bound_to=settings.endpoint)
    try:
        stored = read_private_json(paths.license_file)
    except CredentialError as error:
        return License("", "file", "unreadable", problem=f"The licence is not used: {error}")
    if stored is None:
        return None
    token, bound_to = stored.get("token"), stored.get("endpoint")
    if not isinstance(token, str) or not token:
        return License("", "file", "malformed", problem=f"The licence is not used: {paths.license_file} has no token.")
    return _judge(
        token.strip(), "file", settings, tenant_id, moment, bound_to=bound_to if isinstance(bound_to, str) else ""
    )


def save_license(
    settings: Settings, paths: Paths, token: str, *, tenant_id: str = "", now: datetime | None = None
) -> License:
    """Check a token and keep it in `license-token.json` (0600), together with the endpoint it is for.

    `tenant_id` is the Community SaaS tenant in use, "" when it is not known. Raises AccountError for a token that is
    malformed, expired or another tenant's, and when the file cannot be written; then the old file stays.
    """
    moment = now or datetime.now(timezone.utc)
    token = token.strip()
    claims = parse_token(token)
    if _is_over(claims, moment):
        raise AccountError(f"This licence expired on {claims.last_day}.", remedy=f"Renew it at {settings.upgrade_url}.")
    if _is_other_tenants(claims, tenant_id):
        raise AccountError(
            f"This licence is for tenant {claims.tenant_id}, and this machine is tenant {tenant_id}.",
            remedy="Recover the licence's tenant with /axonflow-recover, then log in again.",
        )
    endpoint = COMMUNITY_SAAS_ENDPOINT if claims.is_for_community_saas else settings.endpoint
    if settings.mode == "community-saas":
        endpoint = settings.endpoint
    stored = {"token": token, "saved_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ"), "endpoint": endpoint}
    try:
        write_private_json(paths.license_file, stored)
    except OSError as error:
        raise AccountError(
            f"{paths.license_file} cannot be written: {error.strerror}.",
            remedy="Free space, or make its folder writable.",
        ) from None
    return _judge(token, "file", settings, tenant_id, moment, bound_to=endpoint)


def _judge(
    token: str, source: Source, settings: Settings, tenant_id: str, moment: datetime, *, bound_to: str
) -> License:
    try:
        claims = parse_token(token)
    except AccountError as error:
        return License(token, source, "malformed", problem=f"The licence is not used: {error}")
    if _is_over(claims, moment):
        text = f"The licence expired on {claims.last_day} and is not used. Renew it at {settings.upgrade_url}."
        return License(token, source, "expired", claims, text)
    if not bound_to and claims.is_for_community_saas:
        bound_to = COMMUNITY_SAAS_ENDPOINT
    if bound_to and origin(bound_to) != origin(settings.endpoint):
        text = f"The licence is for {bound_to} and is not sent to {settings.endpoint or 'any agent'}."
        return License(token, source, "elsewhere", claims, text)
    if settings.mode == "community-saas" and _is_other_tenants(claims, tenant_id):
        text = (
            f"The licence is for tenant {claims.tenant_id}, not for {tenant_id}, and is not used. "
            "Recover its tenant with /axonflow-recover."
        )
        return License(token, source, "elsewhere", claims, text)
    return License(token, source, "usable", claims)


def origin(url: str) -> tuple[str, str, int | None]:
    """Give scheme, host and port of a URL, by which endpoints are compared; ("", "", None) for what is no URL."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "", "", None
    default = {"http": 80, "https": 443}.get(parts.scheme)
    return parts.scheme, (parts.hostname or "").rstrip("."), port or default


def _decode_payload(segment: str) -> dict[str, Any] | None:
    try:
        text = base64.b64decode(
            segment.rstrip("=") + "=" * (-len(segment.rstrip("=")) % 4), altchars=b"-_", validate=True
        )
        payload = json.loads(text)
    except (binascii.Error, ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _expiry(value: object) -> datetime | None:
    """Give the instant after which a token is over: a date YYYYMMDD, seconds since the epoch or RFC 3339."""
    if value is None or value == "":
        return None
    text = str(value).strip()
    if re.fullmatch(r"\d{8}", text):
        return datetime.strptime(text, "%Y%m%d").replace(tzinfo=timezone.utc) + DATE_GRACE
    if re.fullmatch(r"\d{10,13}(\.\d+)?", text):
        seconds = float(text)
        return datetime.fromtimestamp(seconds / 1000 if seconds >= _FIRST_EPOCH_MS else seconds, timezone.utc)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        return parse_instant(f"{text}T00:00:00Z") + DATE_GRACE
    return parse_instant(text)


def _is_over(claims: Claims, moment: datetime) -> bool:
    return claims.expires is not None and moment >= claims.expires


def _is_other_tenants(claims: Claims, tenant_id: str) -> bool:
    return bool(tenant_id and claims.tenant_id and claims.tenant_id != tenant_id)


def _text(payload: dict[str, Any], key: str) -> str:
    value = payload.get(key)
    return value if isinstance(value, str) and value.isprintable() and len(value) <= 200 else ""
