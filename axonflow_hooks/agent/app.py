"""The agent's HTTP face: routes, and the middleware around them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Route

from axonflow_hooks.agent.access import AccessGuard
from axonflow_hooks.agent.envelopes import MCP_PATH, unserved
from axonflow_hooks.agent.faults import FaultBarrier
from axonflow_hooks.agent.health import health, no_oauth
from axonflow_hooks.agent.mcp.endpoint import mcp_endpoint

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from axonflow_hooks.agent.runtime import Agent

ALL_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def build_app(agent: Agent) -> Starlette:
    """Give the ASGI application of a running agent."""
    app = Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/.well-known/oauth-protected-resource{rest:path}", no_oauth, methods=["GET"]),
            Route("/.well-known/oauth-authorization-server{rest:path}", no_oauth, methods=["GET"]),
            Route(MCP_PATH, mcp_endpoint, methods=ALL_METHODS),
        ],
        middleware=[Middleware(FaultBarrier), Middleware(AccessGuard, access=agent.access)],
        exception_handlers={HTTPException: _http_exception},
    )
    app.router.redirect_slashes = False
    app.state.agent = agent
    return app


async def _http_exception(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    message = "This agent does not serve that route" if error.status_code == 404 else error.detail
    return unserved(error.status_code, message, error.headers)
