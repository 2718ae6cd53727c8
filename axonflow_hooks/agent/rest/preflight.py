"""OPTIONS: what a page of an allowed origin may send (Fetch standard, CORS); which origins, `access` says."""

from __future__ import annotations

from starlette.responses import Response


def preflight(allow: str) -> Response:
    """Give the answer of a path whose methods are `allow`."""
    headers = {
        "Allow": allow,
        "Access-Control-Allow-Methods": allow,
        "Access-Control-Allow-Headers": "Content-Type, Authorization, Accept, Idempotency-Key",
        "Access-Control-Max-Age": "600",
    }
    return Response(status_code=204, headers=headers)
