"""From an HTTP request to the call that a route gets: the caller, the key, the body within its limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.idempotency import KEY
from axonflow_hooks.agent.names import attributed
from axonflow_hooks.agent.requests import BodyRefused, read_json
from axonflow_hooks.agent.rest.endpoint import RestCall

if TYPE_CHECKING:
    from starlette.requests import Request

    from axonflow_hooks.agent.rest.endpoint import Endpoint
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.tables.records import Caller


async def call_of(endpoint: Endpoint, request: Request, trace_id: str) -> RestCall:
    """Read a request. Raises RestRefused 400, 413 or 415."""
    agent: Agent = request.app.state.agent
    caller: Caller = attributed(agent, request.state.caller)
    key = request.headers.get("idempotency-key")
    if key is not None and not KEY.fullmatch(key):
        raise RestRefused(400, "Invalid Idempotency-Key")
    body, size = (None, 0) if endpoint.body is None else await _body(endpoint, request)
    return RestCall(
        caller=caller,
        path=request.path_params,
        query=request.query_params,
        json=body,
        size=size,
        headers=request.headers,
        idempotency_key=key,
        trace_id=trace_id,
    )


async def _body(endpoint: Endpoint, request: Request) -> tuple[Any, int]:
    declared = request.headers.get("content-length", "")
    size = int(declared) if declared.isdecimal() else endpoint.max_body
    if endpoint.optional_body and size == 0:
        return {}, 0
    content_type = request.headers.get("content-type")
    if content_type is not None and content_type.partition(";")[0].strip().lower() != "application/json":
        raise RestRefused(415, "Content-Type must be application/json")
    if size > endpoint.max_body:
        raise RestRefused(413, "The request body is too large")
    try:
        return await read_json(request, endpoint.max_body), size
    except BodyRefused:
        raise RestRefused(400, "Invalid request body") from None
