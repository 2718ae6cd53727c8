"""The agent's HTTP face: routes, and the middleware around them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.routing import Route

from axonflow_hooks.agent.access import AccessGuard
from axonflow_hooks.agent.envelopes import MCP_PATH, unserved
from axonflow_hooks.agent.faults import FaultBarrier
from axonflow_hooks.agent.health import health, no_oauth
from axonflow_hooks.agent.mcp.endpoint import mcp_endpoint
from axonflow_hooks.agent.rate_limit import RateLimit
from axonflow_hooks.agent.rest.dispatch import routes
from axonflow_hooks.agent.rest.registration import routes as registration_routes
from axonflow_hooks.agent.rest.registry import ENDPOINTS

if TYPE_CHECKING:
    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

    from axonflow_hooks.agent.runtime import Agent


def build_app(agent: Agent) -> ASGIApp:
    """Give the ASGI application of a running agent."""
    rest = Starlette(
        routes=[
            Route("/health", health, methods=["GET"]),
            Route("/.well-known/oauth-protected-resource{rest:path}", no_oauth, methods=["GET"]),
            Route("/.well-known/oauth-authorization-server{rest:path}", no_oauth, methods=["GET"]),
            *registration_routes(agent),
            *routes(ENDPOINTS),
        ],
        exception_handlers={HTTPException: _http_exception},
    )
    rest.router.redirect_slashes = False
    rest.state.agent = agent
    app: ASGIApp = _McpFirst(rest)
    if agent.options.rate_per_minute is not None:
        app = RateLimit(app, agent.options.rate_per_minute)
    return FaultBarrier(AccessGuard(app, agent.access))


class _McpFirst:
    """Answers the MCP route, by which hooks ask, without the way through the router and its middleware."""

    def __init__(self, others: Starlette) -> None:
        self.others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] != MCP_PATH:
            await self.others(scope, receive, send)
            return
        scope["app"] = self.others
        response = await mcp_endpoint(Request(scope, receive, send))
        await response(scope, receive, send)


async def _http_exception(_request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    message = "This agent does not serve that route" if error.status_code == 404 else error.detail
    return unserved(error.status_code, message, error.headers)
