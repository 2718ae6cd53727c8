"""The anonymous heartbeat (wire 1.14): at most one in 7 days and machine, switched off by AXONFLOW_TELEMETRY=off.

DO_NOT_TRACK is ignored by design: hosts set it in every hook's environment whatever the user wants, so that it says
nothing of the user's will. The stamp's modification time advances only when the heartbeat was delivered (2xx).
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import platform
import time
import uuid
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

import httpx

from axonflow_hooks import __version__
from axonflow_hooks.client import CLIENT_ID, new_http_client
from axonflow_hooks.errors import AxonFlowError
from axonflow_hooks.private_files import PRIVATE_FILE_MODE, make_private_dir, write_private
from axonflow_hooks.settings import is_loopback_url
from axonflow_hooks.stamps import age_s, read_wait, remove_stamp, write_wait

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths
    from axonflow_hooks.settings import Settings

INTERVAL_S: Final = 7 * 24 * 3600.0
TIMEOUT_S: Final = 3.0
FIRST_BACKOFF_S: Final = 3600.0
"""After a failure; each further one doubles it, up to the interval itself."""

_DEPLOYMENT_MODES: Final = {"self-hosted": "self_hosted", "community-saas": "community_saas"}
_PRIVATE_SUFFIXES: Final = (".local", ".internal", ".lan", ".intranet", ".corp", ".home.arpa")


def is_due(settings: Settings, paths: Paths, *, now: float | None = None) -> bool:
    """Tell whether a heartbeat may be sent now (default: seconds since the epoch); costs two looks at files."""
    if not settings.telemetry or settings.mode == "unconfigured":
        return False
    moment = time.time() if now is None else now
    age = age_s(paths.telemetry_stamp, now=moment)
    if age is not None and age < INTERVAL_S:
        return False
    return read_wait(_backoff_stamp(paths), maximum_s=INTERVAL_S, now=moment).remaining_s(moment) == 0


async def send_heartbeat(settings: Settings, paths: Paths, *, platform_version: str | None) -> bool:
    """Send the heartbeat if it is due and no other process is about to; tell whether it was delivered.

    `platform_version` is that of the agent, None when it is not known. Takes at most 3 s. Raises OSError when the
    stamps cannot be written; then nothing is sent, since nothing would end the sending.
    """
    if not is_due(settings, paths):
        return False
    from filelock import FileLock, Timeout  # needed once a week: no other hook waits for its import

    make_private_dir(paths.cache_dir)
    lock = FileLock(paths.cache_dir / f"{paths.telemetry_stamp.name}.lock", blocking=False, mode=PRIVATE_FILE_MODE)
    try:
        lock.acquire()
    except Timeout:
        return False
    try:
        if not is_due(settings, paths):
            return False
        _extend_backoff(paths)
        delivered = await _post(settings, payload(settings, instance_id(paths), platform_version))
        if delivered:
            write_private(paths.telemetry_stamp, b"")
            remove_stamp(_backoff_stamp(paths))
        return delivered
    finally:
        lock.release()


def payload(settings: Settings, instance: str, platform_version: str | None) -> dict[str, Any]:
    """Give the whole of what a heartbeat says (wire 1.14)."""
    return {
        "telemetry_type": "plugin",
        "sdk": "claude-code-plugin",
        "sdk_version": __version__,
        "os": platform.system().lower(),
        "arch": platform.machine().lower(),
        "runtime_version": platform.python_version(),
        "instance_id": instance,
        "platform_version": platform_version,
        "deployment_mode": _DEPLOYMENT_MODES.get(settings.mode, "unknown"),
        "endpoint_type": endpoint_type(settings.endpoint),
        "features": [f"hooks:{hook_count()}"],
    }


def endpoint_type(endpoint: str) -> str:
    """Give `localhost`, `private_network`, `remote` or `unknown`: the kind of an endpoint, never its name."""
    try:
        host = (urlsplit(endpoint).hostname or "").rstrip(".")
    except ValueError:
        host = ""
    if not host:
        return "unknown"
    if is_loopback_url(endpoint):
        return "localhost"
    try:
        return "remote" if ipaddress.ip_address(host).is_global else "private_network"
    except ValueError:
        return "private_network" if "." not in host or host.endswith(_PRIVATE_SUFFIXES) else "remote"


def instance_id(paths: Paths) -> str:
    """Give this machine's random id, made at the first attempt and kept whatever becomes of it. Raises OSError."""
    path = paths.cache_dir / "claude-code-plugin-telemetry-instance"
    with contextlib.suppress(OSError, ValueError):
        return str(uuid.UUID(path.read_text(encoding="ascii").strip()))
    made = str(uuid.uuid4())
    write_private(path, f"{made}\n".encode("ascii"))
    return made


@cache
def hook_count() -> int:
    """Give the number of hooks that this plugin's hooks.json registers, 0 where there is none."""
    try:
        path = Path(__file__).parents[2] / "hooks" / "hooks.json"
        events = json.loads(path.read_text(encoding="utf-8"))["hooks"]
        return sum(len(group["hooks"]) for groups in events.values() for group in groups)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return 0


def _backoff_stamp(paths: Paths) -> Path:
    return paths.cache_dir / "claude-code-plugin-telemetry-backoff"


def _extend_backoff(paths: Paths) -> None:
    """Leave word not to try again soon; before the attempt, so that one that is killed counts too."""
    stamp, now = _backoff_stamp(paths), time.time()
    last = read_wait(stamp, maximum_s=INTERVAL_S, now=now).note
    seconds = min(2 * float(last), INTERVAL_S) if last.isascii() and last.isdigit() else FIRST_BACKOFF_S
    write_wait(stamp, until=now + seconds, note=f"{seconds:.0f}")


async def _post(settings: Settings, body: dict[str, Any]) -> bool:
    headers = {"X-Axonflow-Client": CLIENT_ID}
    try:
        async with new_http_client(settings.checkpoint_url) as http:
            sending = http.post(settings.checkpoint_url, json=body, headers=headers)
            return (await asyncio.wait_for(sending, TIMEOUT_S)).is_success
    except (asyncio.TimeoutError, httpx.HTTPError, httpx.InvalidURL, OSError, AxonFlowError):
        return False
