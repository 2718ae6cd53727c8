"""Bodies that are described in the OpenAPI document, and read or written by other means than these models."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, WithJsonSchema


class StatusFault(BaseModel):
    """A refusal's HTTP status and its text."""

    code: int
    message: str


class StatusRefusal(BaseModel):
    """How a request is refused before it is looked at, and by some routes (wire 1.2)."""

    error: StatusFault


class FieldFault(BaseModel):
    """One field that is wrong."""

    field: str
    message: str


class CodedFault(BaseModel):
    """A refusal's word and its text."""

    code: str
    message: str
    details: list[FieldFault] | None = None


class CodedRefusal(BaseModel):
    """How the policy routes refuse a request (wire 1.2)."""

    error: CodedFault


class RpcRequest(BaseModel):
    """A JSON-RPC request; without an `id` it is a notification, and nothing is executed for it.

    What is wrong with `params` is answered with status 200 and an error of JSON-RPC.
    """

    jsonrpc: Literal["2.0"]
    method: str
    id: Annotated[Any, WithJsonSchema({"type": ["string", "number"]})] = None
    params: Any = None


class RpcFault(BaseModel):
    """A JSON-RPC error (wire 1.3.2)."""

    code: int
    message: str


class RpcReply(BaseModel):
    """A JSON-RPC response: a result, or an error."""

    jsonrpc: Literal["2.0"]
    id: int | str | float | None = None
    result: dict[str, Any] | None = Field(default=None)
    error: RpcFault | None = None
