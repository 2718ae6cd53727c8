"""An endpoint that answered 429 is left alone for as long as it asked: no request storms (wire 1.16)."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

from axonflow_hooks.errors import AxonFlowError, RateLimited
from axonflow_hooks.private_files import read_private_json, write_private

if TYPE_CHECKING:
    from axonflow_hooks.paths import Paths

MAX_THROTTLE_S = 300.0


def leave_alone(paths: Paths, endpoint: str, seconds: float) -> None:
    """Remember that an endpoint wants no calls for `seconds` (at most 300)."""
    until = time.time() + min(seconds, MAX_THROTTLE_S)
    with contextlib.suppress(OSError):
        write_private(paths.throttle_stamp, json.dumps({"endpoint": endpoint, "until": until}).encode())


def check_not_throttled(paths: Paths, endpoint: str) -> None:
    """Raise RateLimited while an endpoint wants no calls; a stamp that cannot be right is ignored."""
    try:
        stamp = read_private_json(paths.throttle_stamp)
    except AxonFlowError:
        return
    until = (stamp or {}).get("until")
    if not stamp or stamp.get("endpoint") != endpoint or not isinstance(until, (int, float)):
        return
    remaining = until - time.time()
    if 0 < remaining <= MAX_THROTTLE_S:
        raise RateLimited(
            f"The agent's rate limit is reached; it asked for a pause of another {remaining:.0f} s.",
            retry_after=remaining,
        )
