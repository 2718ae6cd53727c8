"""The OpenAPI 3.1 document of the agent, made from the endpoints that make its routes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from pydantic.json_schema import models_json_schema

from axonflow_hooks import __version__
from axonflow_hooks.agent.envelopes import MCP_PATH
from axonflow_hooks.agent.rest.endpoint import Endpoint, RestReply
from axonflow_hooks.agent.rest.schemas import CodedRefusal, RpcReply, RpcRequest, StatusRefusal
from axonflow_hooks.wire.checks import Refusal
from axonflow_hooks.wire.decide import DecideError
from axonflow_hooks.wire.health import Health

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic import BaseModel

    from axonflow_hooks.agent.envelopes import Envelope
    from axonflow_hooks.agent.rest.endpoint import RestCall
    from axonflow_hooks.agent.runtime import Agent

OPENAPI_PATH: Final = "/api/v1/openapi.json"

_VARIABLE: Final = re.compile(r"\{(\w+)(?::\w+)?\}")
_REFUSALS: Final[Mapping[Envelope, type[BaseModel]]] = {
    "success": Refusal,
    "status": StatusRefusal,
    "coded": CodedRefusal,
    "decide": DecideError,
}
_JSON: Final = "application/json"
_SECURITY: Final = "basic"
_WORDS: Final = {
    200: "Done", 201: "Created", 202: "Accepted", 204: "Done; there is nothing to say", 400: "The request is wrong",
    401: "The credential is missing or wrong", 403: "Refused", 404: "Not found", 409: "In conflict with what is there",
    410: "Gone", 413: "Too large", 415: "Not this content type", 422: "The key was used for another request",
    429: "Too many requests", 503: "Not at the moment",
}  # fmt: skip


def endpoint(others: Sequence[Endpoint]) -> Endpoint:
    """Give the endpoint that serves the document of `others` and itself."""
    made: list[dict[str, Any]] = []

    async def run(_agent: Agent, _call: RestCall) -> RestReply:
        if not made:
            made.append(document((*others, itself)))
        return RestReply(made[0])

    itself = Endpoint(method="GET", path=OPENAPI_PATH, run=run, summary="This document", tag="Agent")
    return itself


def document(endpoints: Sequence[Endpoint]) -> dict[str, Any]:
    """Give the OpenAPI 3.1 document of endpoints, and of the health and MCP routes beside them."""
    names = _names(endpoints)
    paths: dict[str, dict[str, Any]] = {"/health": {"get": _health(names)}, MCP_PATH: _mcp(names)}
    for one in endpoints:
        paths.setdefault(_VARIABLE.sub(r"{\1}", one.path), {})[one.method.lower()] = _operation(one, names)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "AxonFlow agent",
            "version": __version__,
            "description": "Policy decisions, audit and human grants for AI agents, served on this machine.",
        },
        "paths": paths,
        "components": {
            "schemas": names.definitions,
            "securitySchemes": {_SECURITY: {"type": "http", "scheme": "basic"}},
        },
        "security": [{_SECURITY: []}],
    }


class _Names:
    """The schemas of models by reference, and their definitions."""

    def __init__(self, models: Iterable[type[BaseModel]]) -> None:
        wanted = list(dict.fromkeys(models))
        schemas, shared = models_json_schema(
            [(model, "validation") for model in wanted], ref_template="#/components/schemas/{model}"
        )
        self.definitions: dict[str, Any] = shared.get("$defs", {})
        self._schemas = {model: schemas[(model, "validation")] for model in wanted}

    def accept_null(self, model: type[BaseModel]) -> None:
        """Let the schema of a body say that null stands for a field that is left out (`RestCall.read`)."""
        schema = self.resolved(model)
        for name, described in schema.get("properties", {}).items():
            if name not in schema.get("required", ()) and {"type": "null"} not in described.get("anyOf", ()):
                schema["properties"][name] = {"anyOf": [described, {"type": "null"}]}

    def of(self, model: type[BaseModel]) -> dict[str, Any]:
        """Give the schema of a model, most often a reference."""
        return self._schemas[model]

    def resolved(self, model: type[BaseModel]) -> dict[str, Any]:
        """Give the schema itself."""
        schema = self.of(model)
        reference = schema.get("$ref")
        if reference is None:
            return schema
        found: dict[str, Any] = self.definitions[reference.rpartition("/")[2]]
        return found


def _names(endpoints: Sequence[Endpoint]) -> _Names:
    models: list[type[BaseModel]] = [Health, RpcRequest, RpcReply, *_REFUSALS.values()]
    for one in endpoints:
        models += [model for model in (one.body, one.query, *one.answers.values()) if model is not None]
    names = _Names(models)
    for body in {one.body for one in endpoints if one.body is not None}:
        names.accept_null(body)
    return names


def _operation(one: Endpoint, names: _Names) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"{one.method.lower()}_{re.sub(r'[^a-z0-9]+', '_', one.path.lower()).strip('_')}",
        "summary": one.summary,
        "tags": [one.tag],
        "responses": _responses(one, names),
    }
    parameters = [*_path_parameters(one.path), *_query_parameters(one, names), *_header_parameters(one)]
    if parameters:
        operation["parameters"] = parameters
    if one.body is not None:
        content = {_JSON: {"schema": names.of(one.body)}}
        operation["requestBody"] = {"required": not one.optional_body, "content": content}
    return operation


def _responses(one: Endpoint, names: _Names) -> dict[str, Any]:
    responses = {
        str(status): _response(_WORDS.get(status, "Refused"), None if model is None else names.of(model))
        for status, model in one.answers.items()
    }
    refusals = [names.of(_REFUSALS[one.envelope])]
    if one.envelope != "status":
        refusals.append(names.of(StatusRefusal))
    refused = {"anyOf": refusals} if len(refusals) > 1 else refusals[0]
    return {**responses, "4XX": _response("Refused", refused), "5XX": _response("Not at the moment", refused)}


def _response(description: str, schema: Mapping[str, Any] | None) -> dict[str, Any]:
    if schema is None:
        return {"description": description}
    return {"description": description, "content": {_JSON: {"schema": schema}}}


def _path_parameters(path: str) -> list[dict[str, Any]]:
    schema = {"type": "string", "minLength": 1}
    return [{"name": name, "in": "path", "required": True, "schema": schema} for name in _VARIABLE.findall(path)]


def _query_parameters(one: Endpoint, names: _Names) -> list[dict[str, Any]]:
    if one.query is None:
        return []
    schema = names.resolved(one.query)
    required = schema.get("required", [])
    return [
        {"name": name, "in": "query", "required": name in required, "schema": _without_null(described)}
        for name, described in schema.get("properties", {}).items()
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of a query parameter, which cannot be null."""
    kinds = [kind for kind in schema.get("anyOf", []) if kind != {"type": "null"}]
    if len(kinds) != 1:
        return schema
    return {**{name: value for name, value in schema.items() if name not in {"anyOf", "default"}}, **kinds[0]}


def _header_parameters(one: Endpoint) -> list[dict[str, Any]]:
    if one.method != "POST" or not (one.idempotent or one.path.endswith("/tool-call")):
        return []
    schema = {"type": "string", "pattern": "^[A-Za-z0-9_.:/-]{1,256}$"}
    return [{"name": "Idempotency-Key", "in": "header", "required": False, "schema": schema}]


def _health(names: _Names) -> dict[str, Any]:
    return {
        "operationId": "get_health",
        "summary": "Whether the agent works, and what it serves",
        "tags": ["Agent"],
        "security": [],
        "responses": {"200": _response("Its state", names.of(Health))},
    }


def _mcp(names: _Names) -> dict[str, Any]:
    reply = names.of(RpcReply)
    session = {"name": "Mcp-Session-Id", "in": "header", "required": True, "schema": {"type": "string"}}
    end = {
        "operationId": "delete_api_v1_mcp_server",
        "summary": "End an MCP session",
        "tags": ["MCP"],
        "parameters": [session],
        "responses": {"200": _response("It is over", None), "4XX": {"description": "Refused"}},
    }
    post = {
        "operationId": "post_api_v1_mcp_server",
        "summary": "The MCP server: JSON-RPC 2.0, one message each way",
        "tags": ["MCP"],
        "requestBody": {"required": True, "content": {_JSON: {"schema": names.of(RpcRequest)}}},
        "responses": {
            "200": _response("A result, or an error of the method", reply),
            "202": _response("A notification was taken", None),
            "4XX": _response("Refused", reply),
            "5XX": _response("Not at the moment", reply),
        },
    }
    return {"post": post, "delete": end}
