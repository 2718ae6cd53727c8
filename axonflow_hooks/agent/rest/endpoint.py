"""What a REST route is: its place, its models, its function; and how one request becomes one response.

A group of routes is a module with a tuple ENDPOINTS. The same tuple makes the routes of the application and the
OpenAPI document, so that neither can say what the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.responses import Response
from starlette.routing import Route

from axonflow_hooks.agent.envelopes import decision_ids, error_body, json_response
from axonflow_hooks.agent.errors import InvalidArguments, ToolFailure
from axonflow_hooks.agent.faults import internal_fault
from axonflow_hooks.agent.names import attributed
from axonflow_hooks.agent.requests import BodyRefused, read_json
from axonflow_hooks.agent.rest.idempotency import KEY, Reused, claim, first_reply, keep_reply, turn
from axonflow_hooks.wire.jsonrpc import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from starlette.requests import Request

    from axonflow_hooks.agent.envelopes import Envelope
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.store.records import Caller

    Run = Callable[[Agent, "RestCall"], Awaitable["RestReply"]]

ModelT = TypeVar("ModelT", bound=BaseModel)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

Missing: TypeAlias = "str | Mapping[str, str] | None"
"""What to say of a body in which something required is missing: one text, or one by field."""

_UNFILLED: Final = frozenset({"missing", "literal_error"})


class RestRefused(Exception):  # noqa: N818
    """A request that the contract answers with an error status: `message` is what the caller reads.

    `code` replaces the code that goes with the status in the coded envelope, `extra` adds fields to the body.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        code: str | None = None,
        extra: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.extra = dict(extra or {})
        self.headers = dict(headers or {})


@dataclass(frozen=True, slots=True)
class RestCall:
    """One request: who asks, the variables of the path, the query, the body (None where there is none).

    `size` is the number of bytes of the body, a measure for the work in it; `headers` have lower-case names.
    """

    caller: Caller
    path: Mapping[str, str]
    query: Mapping[str, str]
    json: Any
    size: int
    headers: Mapping[str, str]
    idempotency_key: str | None = None
    trace_id: str = ""

    def read(self, model: type[ModelT], *, missing: Missing = None) -> ModelT:
        """Give the body as `model`, nothing converted.

        Raises RestRefused 400 with the text `missing` when a required field is missing or empty (or with the text for
        that field, where `missing` is a mapping), else with a text that names the field and never quotes its value.
        """
        if not isinstance(self.json, dict):
            raise RestRefused(400, "Invalid request body")
        given = {key: value for key, value in self.json.items() if value is not None}
        return _validated(model, given, missing, strict=True)

    def read_query(self, model: type[ModelT]) -> ModelT:
        """Give the query parameters as `model`, texts converted to what its fields are. Raises RestRefused 400."""
        return _validated(model, dict(self.query), None, strict=False)


@dataclass(frozen=True, slots=True)
class RestReply:
    """What a route gives: a JSON value, or a ready `response` instead (an export, an empty 204)."""

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    response: Response | None = None


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One route. `path` has variables in braces (`/api/v1/decisions/{decision_id}/explain`).

    `answers` names the model of the body by status (None: a body without a model, or none); the refusals of the
    middleware (401, 403) and of the body (400, 413, 415) need not be named. `optional_body` admits an empty body.
    `idempotent` answers the same Idempotency-Key with the first answer for a day (wire 1.1).
    """

    method: Method
    path: str
    run: Run
    summary: str
    tag: str
    body: type[BaseModel] | None = None
    query: type[BaseModel] | None = None
    answers: Mapping[int, type[BaseModel] | None] = field(default_factory=lambda: {200: None})
    envelope: Envelope = "success"
    optional_body: bool = False
    idempotent: bool = False
    max_body: int = MAX_BODY_BYTES


def routes(endpoints: Sequence[Endpoint]) -> list[Route]:
    """Give one Starlette route per path, which answers 405 with Allow for the methods it has not."""
    by_path: dict[str, dict[str, Endpoint]] = {}
    for endpoint in endpoints:
        known = by_path.setdefault(endpoint.path, {})
        if endpoint.method in known:
            raise ValueError(f"two endpoints for {endpoint.method} {endpoint.path}")
        known[endpoint.method] = endpoint
    return [Route(path, _handler(methods), methods=_ALL_METHODS) for path, methods in by_path.items()]


_ALL_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


def _handler(methods: Mapping[str, Endpoint]) -> Callable[[Request], Awaitable[Response]]:
    allow = ", ".join((*methods, "OPTIONS"))
    envelope = next(iter(methods.values())).envelope

    async def handle(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            return Response(status_code=204, headers=_preflight(allow))
        endpoint = methods.get(method)
        if endpoint is None:
            return refused(envelope, RestRefused(405, "Method not allowed", headers={"Allow": allow}))
        return await _answer(endpoint, request)

    return handle


async def _answer(endpoint: Endpoint, request: Request) -> Response:
    agent: Agent = request.app.state.agent
    ids = decision_ids(request.headers.get("traceparent"))
    try:
        call = await _call(endpoint, request, ids["trace_id"])
        reply = await _once(agent, endpoint, call) if endpoint.idempotent else await endpoint.run(agent, call)
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


async def _once(agent: Agent, endpoint: Endpoint, call: RestCall) -> RestReply:
    """Answer a request whose Idempotency-Key was seen before as it was answered then (wire 1.1)."""
    claimed = claim(agent, call.caller, endpoint.path, call.idempotency_key, call.json)
    if claimed is None:
        return await endpoint.run(agent, call)
    try:
        async with turn(claimed):
            first = await first_reply(agent, claimed)
            if first is None:
                reply = await _run_to_end(agent, endpoint, call)
                if reply.status >= 500:
                    return reply
                first = await keep_reply(agent, claimed, reply.status, reply.value)
                if first is None:
                    return reply
    except Reused as error:
        raise RestRefused(422, str(error)) from None
    return RestReply(first.body, first.status, {"Idempotent-Replayed": "true"})


async def _run_to_end(agent: Agent, endpoint: Endpoint, call: RestCall) -> RestReply:
    """Give a refusal as a reply too, for it is replayed as one."""
    try:
        return await endpoint.run(agent, call)
    except RestRefused as refusal:
        return RestReply(refusal_body(endpoint.envelope, refusal, {}), refusal.status, refusal.headers)


async def _call(endpoint: Endpoint, request: Request, trace_id: str) -> RestCall:
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


def refused(envelope: Envelope, refusal: RestRefused, ids: Mapping[str, str] | None = None) -> Response:
    """Give the response of a refusal in the envelope of its route (wire 1.2), a decision's with `ids`."""
    return json_response(refusal_body(envelope, refusal, ids), refusal.status, refusal.headers)


def refusal_body(envelope: Envelope, refusal: RestRefused, ids: Mapping[str, str] | None) -> dict[str, Any]:
    """Give the body of that response."""
    body = error_body(envelope, refusal.status, refusal.message, code=refusal.code, ids=ids)
    return {**body, **refusal.extra}


def _preflight(allow: str) -> dict[str, str]:
    return {
        "Allow": allow,
        "Access-Control-Allow-Methods": allow,
        "Access-Control-Allow-Headers": "Content-Type, Authorization, Accept, Idempotency-Key",
        "Access-Control-Max-Age": "600",
    }


def _validated(model: type[ModelT], given: dict[str, Any], missing: Missing, *, strict: bool) -> ModelT:
    try:
        return model.model_validate(given, strict=strict)
    except ValidationError as error:
        faults = error.errors(include_input=False, include_url=False)
    if isinstance(missing, str):
        if any(fault["type"] == "missing" for fault in faults):
            raise RestRefused(400, missing)
    elif missing is not None:
        named = {str(fault["loc"][0]) for fault in faults if fault["type"] in _UNFILLED and fault["loc"]}
        for name, text in missing.items():
            if name in named:
                raise RestRefused(400, text)
    where = ".".join(str(part) for part in faults[0]["loc"][:2])
    raise RestRefused(400, f"{where}: {faults[0]['msg']}")
