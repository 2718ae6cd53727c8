"""What a REST route is: its place, its models, its function; and what that takes and gives.

A group of routes is a module with a tuple ENDPOINTS. The same tuple makes the routes of the application (`dispatch`)
and the OpenAPI document (`openapi`), so that neither can say what the other does not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel

from axonflow_hooks.agent.errors import RestRefused
from axonflow_hooks.agent.rest.validation import validated
from axonflow_hooks.wire.jsonrpc import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.responses import Response

    from axonflow_hooks.agent.envelopes import Envelope
    from axonflow_hooks.agent.rest.validation import Missing
    from axonflow_hooks.agent.runtime import Agent
    from axonflow_hooks.agent.tables.records import Caller

    Run = Callable[[Agent, "RestCall"], Awaitable["RestReply"]]

ModelT = TypeVar("ModelT", bound=BaseModel)

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]


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
        return validated(model, given, missing, strict=True)

    def read_query(self, model: type[ModelT]) -> ModelT:
        """Give the query parameters as `model`, texts converted to what its fields are. Raises RestRefused 400."""
        return validated(model, dict(self.query), None, strict=False)


@dataclass(frozen=True, slots=True)
class RestReply:
    """What a route gives: a JSON value, or a ready `response` instead (an export, an empty 204).

    `rests_on` are the ids of the grants by which a call was allowed: its replay ends with them.
    """

    value: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    response: Response | None = None
    rests_on: tuple[str, ...] = ()


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
