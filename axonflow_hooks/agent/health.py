"""GET /health (wire 1.10) and the answers that keep MCP clients from looking for OAuth (wire 1.3)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import JSONResponse

from axonflow_hooks import __version__
from axonflow_hooks.agent.store.records import now

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

CONTRACT_VERSION: Final = "9.18.0"
"""The platform release whose contract this agent speaks; its own version stands in `server`."""

_CAPABILITIES: Final = (
    {"name": "health_check", "since": "1.0.0", "description": "This document"},
    {"name": "version_discovery", "since": "4.8.0", "description": "Version and compatibility in /health"},
    {"name": "plugin_compatibility", "since": "7.5.0", "description": "Oldest and recommended plugin releases"},
)
_SDK_LANGUAGES: Final = ("python", "typescript", "go", "java")


def describe(*, healthy: bool) -> dict[str, Any]:
    """Give the document of /health; `degraded` says that records cannot be written at the moment."""
    return {
        "status": "healthy" if healthy else "degraded",
        "service": "axonflow-agent",
        "version": CONTRACT_VERSION,
        "timestamp": now(),
        "tier": "Community",
        "edition": "community",
        "deployment_mode": "community",
        "capabilities": list(_CAPABILITIES),
        "sdk_compatibility": {
            "min_sdk_version": dict.fromkeys(_SDK_LANGUAGES, "8.0.0"),
            "recommended_sdk_version": dict.fromkeys(_SDK_LANGUAGES, "9.4.0"),
        },
        "plugin_compatibility": {
            "min_plugin_version": {"claude-code": "1.1.0"},
            "recommended_plugin_version": {"claude-code": "2.0.0"},
        },
        "server": {"name": "axonflow-hooks", "version": __version__},
    }


async def health(request: Request) -> Response:
    """Answer GET /health."""
    return JSONResponse(describe(healthy=request.app.state.agent.writer.healthy))


async def no_oauth(_request: Request) -> Response:
    """Answer the discovery documents of OAuth: there is none here."""
    body = {"error": "oauth_not_supported", "error_description": "This agent uses HTTP Basic authentication."}
    return JSONResponse(body, 404)
