"""POST /api/v1/register, recover and recover/verify (wire 1.13): the routes that need no credential, in team mode."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import parse_qs

from pydantic import BaseModel, Field, ValidationError
from starlette.background import BackgroundTask
from starlette.routing import Route

from axonflow_hooks.agent.envelopes import json_response
from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.registration.page import confirmation_page
from axonflow_hooks.agent.registration.tenants import RECOVER_PATH, REGISTER_PATH, TOKEN, VERIFY_PATH
from axonflow_hooks.agent.requests import BodyRefused, parse_json, read_body
from axonflow_hooks.agent.rest.refusals import refused
from axonflow_hooks.setting_values import is_email

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.requests import Request
    from starlette.responses import Response

    from axonflow_hooks.agent.registration import Registrations
    from axonflow_hooks.agent.runtime import Agent

    Answer = Callable[[Agent, Registrations, Request], Awaitable[Response]]

MAX_BODY: Final = 1_024
MAX_EMAIL_CHARS: Final = 254
_JSON: Final = "application/json"
_FORM: Final = "application/x-www-form-urlencoded"
_METHODS: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
_ACCEPTED: Final = "If this address has a tenant, a message with a recovery token is on its way."


class _Registration(BaseModel):
    label: Annotated[str, Field(max_length=255)] | None = None
    email: Annotated[str, Field(max_length=MAX_EMAIL_CHARS)] | None = None
    internal_tenant_id_prefix: Annotated[str, Field(max_length=64)] | None = None


def routes(agent: Agent) -> list[Route]:
    """Give the routes, none where tenants do not register themselves."""
    registrations = agent.registrations
    if registrations is None:
        return []
    served: dict[str, dict[str, Answer]] = {
        REGISTER_PATH: {"POST": _register},
        RECOVER_PATH: {"POST": _recover},
        VERIFY_PATH: {"GET": _page, "POST": _verify},
    }
    return [Route(path, _handler(agent, registrations, methods), methods=_METHODS) for path, methods in served.items()]


def _handler(
    agent: Agent, registrations: Registrations, methods: dict[str, Answer]
) -> Callable[[Request], Awaitable[Response]]:
    async def handle(request: Request) -> Response:
        answer = methods.get("GET" if request.method == "HEAD" else request.method)
        if answer is None:
            return refused("status", RestRefused(405, "Method not allowed", headers={"Allow": ", ".join(methods)}))
        try:
            return await answer(agent, registrations, request)
        except RestRefused as refusal:
            return refused("status", refusal)

    return handle


async def _register(agent: Agent, registrations: Registrations, request: Request) -> Response:
    await registrations.count_attempt(agent, _address(request))
    given = _model(await _json_body(request, empty={}))
    if given.email is not None and not is_email(given.email):
        raise RestRefused(400, "email is not an e-mail address")
    label = "".join(char for char in given.label or "" if char.isprintable()) or None
    return json_response(await registrations.register(agent, label, given.email), 201, _PRIVATE)


async def _recover(agent: Agent, registrations: Registrations, request: Request) -> Response:
    await registrations.count_attempt(agent, _address(request))
    given = _model(await _json_body(request))
    if given.email is None or not is_email(given.email):
        raise RestRefused(400, "email is not an e-mail address")
    # Before the answer nothing is looked up, so that its time tells nothing of the address.
    response = json_response({"message": _ACCEPTED}, 202, _PRIVATE)
    response.background = BackgroundTask(registrations.recover, agent, given.email)
    return response


async def _page(_agent: Agent, _registrations: Registrations, request: Request) -> Response:
    return confirmation_page(request.query_params.get("token", ""))


async def _verify(agent: Agent, registrations: Registrations, request: Request) -> Response:
    if _content_type(request) == _FORM:
        body = await _body(request)
        token: Any = next(iter(parse_qs(body.decode("utf-8", "replace")).get("token", [])), None)
    else:
        value = await _json_body(request)
        token = value.get("token") if isinstance(value, dict) else None
    if not isinstance(token, str) or not token:
        raise RestRefused(400, "token is required")
    if not TOKEN.fullmatch(token):
        raise RestRefused(401, "Invalid or expired recovery token")
    return json_response(await registrations.verify(agent, token), 200, _PRIVATE)


_PRIVATE: Final = {"Cache-Control": "no-store"}


async def _json_body(request: Request, *, empty: Any = None) -> Any:
    body = await _body(request)
    if not body and empty is not None:
        return empty
    if _content_type(request) != _JSON:
        raise RestRefused(415, "Content-Type must be application/json")
    try:
        return parse_json(body)
    except BodyRefused:
        raise RestRefused(400, "Invalid request body") from None


async def _body(request: Request) -> bytes:
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > MAX_BODY:
        raise RestRefused(413, "The request body is too large")
    try:
        return await read_body(request, MAX_BODY)
    except BodyRefused:
        raise RestRefused(413, "The request body is too large") from None


def _model(value: Any) -> _Registration:
    try:
        return _Registration.model_validate(value, strict=True)
    except ValidationError as error:
        fault = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(str(part) for part in fault["loc"][:2])
        raise RestRefused(400, f"{where}: {fault['msg']}" if where else "Invalid request body") from None


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
