"""Registration of this machine as a tenant of Community SaaS (wire 1.13), and the file that keeps it.

A tenant is registered once, when there is no file at all. A registration that is expired, damaged or readable by
others is never replaced by a new tenant: its history and licence would be lost. Only a person does that, by recovery
or by moving the file away.
"""

from __future__ import annotations

import asyncio
import json
import platform
import time
from contextlib import asynccontextmanager
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Final

from pydantic import ValidationError

from axonflow_hooks import __version__
from axonflow_hooks.account.instants import parse_instant
from axonflow_hooks.account.license_token import origin
from axonflow_hooks.client import AgentClient, Connection, new_http_client, one_line, retry_after_s
from axonflow_hooks.errors import AccountError, AgentError, AgentUnavailable, CredentialError, RateLimited
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir, read_private_json, write_private_json
from axonflow_hooks.settings import COMMUNITY_SAAS_ENDPOINT
from axonflow_hooks.stamps import read_wait, remove_stamp, write_wait
from axonflow_hooks.wire.registration import Registration

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings

REGISTER_PATH: Final = "/api/v1/register"
LABEL: Final = f"claude-code-plugin@{__version__} / {platform.system().lower()}-{platform.machine().lower()}"
RATE_LIMIT_WAIT_S: Final = 3600.0
"""The server admits five registrations an hour and address (wire 1.13)."""
REFUSED_WAIT_S: Final = 3600.0
FAILURE_WAIT_S: Final = 30.0
MAX_WAIT_S: Final = 24 * 3600.0
EXPIRES_SOON: Final = timedelta(days=7)

_POLL_S: Final = 0.05
_REFUSED: Final = "refused"
_RATE_LIMITED: Final = "rate-limited"
_REFUSALS: Final = frozenset({400, 401, 403, 409, 413, 415})
_WAY_OUT: Final = (
    "Set AXONFLOW_ENDPOINT to an agent of your own (`axonflow-hooks agent` starts one), "
    "or AXONFLOW_COMMUNITY_SAAS=0 to work without Community SaaS."
)


def load_registration(settings: Settings, paths: Paths) -> Registration | None:
    """Give the kept registration, or None when there is no file.

    Raises CredentialError when the file is readable by others, damaged, or for another endpoint than the one in use.
    """
    path = paths.registration_file
    value = read_private_json(path)
    if value is None:
        return None
    try:
        registration = Registration.model_validate(value)
    except ValidationError as error:
        places = ", ".join(sorted({".".join(map(str, item["loc"])) for item in error.errors()}))
        raise CredentialError(
            f"{path} is damaged (wrong or missing: {places}).",
            remedy="Restore it, or recover the tenant with /axonflow-recover.",
        ) from None
    named = registration.endpoint or COMMUNITY_SAAS_ENDPOINT
    if origin(named) != origin(settings.endpoint):
        raise CredentialError(
            f"{path} is for another endpoint ({one_line(named)}) and is not sent to {settings.endpoint}.",
            remedy="Restore the right file, or recover the tenant with /axonflow-recover.",
        )
    return registration


def expires_at(registration: Registration) -> datetime | None:
    """Give the instant a registration ends, or None where it does not say so legibly."""
    try:
        return parse_instant(registration.expires_at) if registration.expires_at else None
    except ValueError:
        return None


def expiry_warning(registration: Registration, *, now: datetime | None = None) -> str:
    """Give what the user should know of a registration that is over or about to be, "" for any other."""
    end = expires_at(registration)
    moment = now or datetime.now(timezone.utc)
    if end is None or end - moment > EXPIRES_SOON:
        return ""
    state = "expired on" if end <= moment else "expires on"
    return (
        f"The Community SaaS registration of tenant {registration.tenant_id} {state} {end.strftime('%Y-%m-%d')}; "
        "it is still used. Keep the tenant with /axonflow-recover."
    )


async def obtain_registration(
    settings: Settings, paths: Paths, *, http: httpx.AsyncClient | None = None, timeout_s: float
) -> Registration:
    """Give the kept registration or, when there is no file, register; `timeout_s` bounds the whole wait in seconds.

    Of several processes one registers and the others wait for its file. Raises CredentialError for a file that cannot
    be used, AccountError when the server refuses, RateLimited or AgentUnavailable when it cannot register now.
    """
    if settings.mode != "community-saas":
        raise AccountError("Only the mode community-saas registers a tenant.")
    deadline = time.monotonic() + timeout_s
    registration = load_registration(settings, paths)
    if registration is not None:
        return registration
    try:
        async with registration_lock(settings, paths, deadline) as winner:
            # Another process may have been first between our look and our lock. The back-off counts only with the
            # lock held: without it, a stamp may be that of an attempt under way.
            registration = winner or load_registration(settings, paths)
            if registration is not None:
                return registration
            check_backoff(paths)
            return await _register(settings, paths, http, max(0.1, deadline - time.monotonic()))
    except OSError as error:
        raise AgentUnavailable(
            f"{paths.config_dir} or {paths.cache_dir} cannot be written: {error.strerror}.",
            remedy="Free space, or make the folders writable.",
        ) from None


def check_backoff(paths: Paths) -> None:
    """Raise what the last failed attempt raised while its back-off lasts; storms of registrations help nobody."""
    now = time.time()
    wait = read_wait(paths.register_backoff_stamp, maximum_s=MAX_WAIT_S, now=now)
    seconds = wait.remaining_s(now)
    if not seconds:
        return
    when = f"The next attempt is in {seconds:.0f} s."
    if wait.note == _REFUSED:
        raise AccountError(f"Community SaaS refused to register this machine. {when}", remedy=_WAY_OUT)
    if wait.note == _RATE_LIMITED:
        text = f"Community SaaS admits no further registration from this network now. {when}"
        raise RateLimited(text, retry_after=seconds, remedy=_WAY_OUT)
    raise AgentUnavailable(f"Registering with Community SaaS failed. {when}", remedy=_WAY_OUT)


@asynccontextmanager
async def registration_lock(
    settings: Settings, paths: Paths, deadline: float, *, take_winner: bool = True
) -> AsyncIterator[Registration | None]:
    """Hold the lock over the registration file or, with `take_winner`, give what another process registers meanwhile.

    `deadline` is a time of the monotonic clock; the event loop is never blocked. Raises AgentUnavailable when the time
    is over, and OSError when the folder cannot be written.
    """
    from filelock import FileLock, Timeout  # needed once in a year: no other hook waits for its import

    path = paths.registration_file
    make_private_dir(path.parent)
    lock = FileLock(path.with_name(f"{path.name}.lock"), blocking=False, mode=PRIVATE_FILE_MODE)
    while True:
        try:
            lock.acquire()
            break
        except Timeout:
            registration = load_registration(settings, paths) if take_winner else None
        if registration is not None:
            yield registration
            return
        if time.monotonic() >= deadline:
            raise AgentUnavailable("Another process is registering with Community SaaS.", remedy="Try again.")
        await asyncio.sleep(_POLL_S)
    try:
        yield None
    finally:
        lock.release()


def keep_registration(settings: Settings, paths: Paths, registration: Registration, **extra: str) -> Registration:
    """Write a registration with the endpoint that gave it, whatever the reply says of that. Raises OSError."""
    kept = registration.model_copy(update={"endpoint": settings.endpoint, **extra})
    write_private_json(paths.registration_file, kept.model_dump(exclude_none=True))
    # A wait that was asked of the tenant before, or of none, does not hold for this one.
    remove_stamp(paths.register_backoff_stamp)
    remove_stamp(paths.throttle_stamp)
    return kept


def parse_registration(reply: httpx.Response, *, remedy: str) -> Registration:
    """Take a successful reply and give its registration; raises AgentUnavailable without any of the reply's text."""
    try:
        return Registration.model_validate(json.loads(reply.content))
    except (ValueError, RecursionError):
        # A ValidationError is a ValueError too; its text would quote the secret.
        raise AgentUnavailable("The answer of Community SaaS is no registration.", remedy=remedy) from None


async def _register(settings: Settings, paths: Paths, http: httpx.AsyncClient | None, timeout_s: float) -> Registration:
    # The stamp comes first: should this process die, or the disk be full afterwards, no storm follows.
    stamp = paths.register_backoff_stamp
    write_wait(stamp, until=time.time() + FAILURE_WAIT_S)
    try:
        reply = await post_account(settings, REGISTER_PATH, {"label": LABEL}, http=http, timeout_s=timeout_s)
    except AgentError as error:
        text = f"Registering with Community SaaS failed: {error.message}"
        raise AgentUnavailable(text, remedy=error.remedy or _WAY_OUT) from None
    if reply.status_code in {200, 201}:
        # Each attempt makes a tenant, whether or not its reply can be read.
        write_wait(stamp, until=time.time() + REFUSED_WAIT_S)
        return keep_registration(settings, paths, parse_registration(reply, remedy=_WAY_OUT))
    if reply.status_code == 429:
        seconds = retry_after_s(reply, default=RATE_LIMIT_WAIT_S, maximum=MAX_WAIT_S)
        write_wait(stamp, until=time.time() + seconds, note=_RATE_LIMITED)
        raise RateLimited(
            f"Community SaaS admits no further registration from this network now (HTTP 429). "
            f"The next attempt is in {seconds:.0f} s.",
            retry_after=seconds,
            remedy=_WAY_OUT,
        )
    if reply.status_code in _REFUSALS:
        write_wait(stamp, until=time.time() + REFUSED_WAIT_S, note=_REFUSED)
        said = error_text(reply)
        raise AccountError(f"Community SaaS refused to register this machine: {said}", remedy=_WAY_OUT)
    raise AgentUnavailable(f"Registering with Community SaaS failed (HTTP {reply.status_code}).", remedy=_WAY_OUT)


async def post_account(
    settings: Settings, path: str, body: dict[str, str], *, http: httpx.AsyncClient | None, timeout_s: float
) -> httpx.Response:
    """POST to an account route of the endpoint in use, without credentials. Raises AgentUnavailable."""
    connection = Connection(settings.endpoint)
    if http is not None:
        return await AgentClient(connection, http).post_json(path, body, timeout_s=timeout_s)
    async with new_http_client(settings.endpoint) as own:
        return await AgentClient(connection, own).post_json(path, body, timeout_s=timeout_s)


def error_text(reply: httpx.Response) -> str:
    """Give what an error reply says (wire 1.2: {"error": {"code", "message"}} or {"error": text}) as one line."""
    try:
        error = json.loads(reply.content)["error"]
        said = error["message"] if isinstance(error, dict) else error
    except (ValueError, RecursionError, LookupError, TypeError):
        said = None
    return f"{one_line(said)} (HTTP {reply.status_code})." if isinstance(said, str) else f"HTTP {reply.status_code}."
