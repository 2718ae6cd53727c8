"""From endpoints to the routes of the application: how one request becomes one response."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from starlette.responses import Response
from starlette.routing import Route

from axonflow_hooks.agent.envelopes import decision_ids, json_response
from axonflow_hooks.agent.errors import InvalidArguments, RestRefused, ToolFailure
from axonflow_hooks.agent.faults import internal_fault
from axonflow_hooks.agent.rest.preflight import preflight
from axonflow_hooks.agent.rest.reading import call_of
from axonflow_hooks.agent.rest.refusals import refused
from axonflow_hooks.agent.rest.replay import answer_once

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from axonflow_hooks.agent.rest.endpoint import Endpoint
    from axonflow_hooks.agent.runtime import Agent

_ALL_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def routes(endpoints: Sequence[Endpoint]) -> list[Route]:
    """Give one Starlette route per path, which answers 405 with Allow for the methods it has not."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        known = by_path.setdefault(endpoint.path, {})
        if endpoint.method in known:
            raise ValueError(f"two endpoints for {endpoint.method} {endpoint.path}")
        known[endpoint.method] = endpoint
    return [Route(path, _handler(methods), methods=_ALL_METHODS) for path, methods in by_path.items()]


def _handler(methods: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    allow = ", ".join((*methods, "OPTIONS"))
    envelope = next(iter(methods.values())).envelope

    async def handle(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            return preflight(allow)
        endpoint = methods.get(method)
        if endpoint is None:
            return refused(envelope, RestRefused(405, "Method not allowed", headers={"Allow": allow}))
        return await _answer(endpoint, request)

    return handle


async def _answer(endpoint: Endpoint, request: Request) -> Response:
    agent: Agent = request.app.state.agent
    ids = decision_ids(request.headers.get("traceparent"))
    try:
        call = await call_of(endpoint, request, ids["trace_id"])
        reply = await answer_once(agent, endpoint, call) if endpoint.idempotent else await endpoint.run(agent, call)
    except RestRefused as refusal:
        return refused(endpoint.envelope, refusal, ids)
    except (InvalidArguments, ToolFailure) as error:
        return refused(endpoint.envelope, RestRefused(400, str(error)), ids)
    except Exception as error:  # noqa: BLE001 - told with an id, in the envelope of the route
        status, message, headers = internal_fault(endpoint.path, error)
        return refused(endpoint.envelope, RestRefused(status, message, headers=headers), ids)
    if reply.response is not None:
        return reply.response
    if reply.status == 204:
        return Response(status_code=204, headers=dict(reply.headers))
    return json_response(reply.value, reply.status, reply.headers)
