"""Reading a request's body: bounded in size, depth and time, and strict about what is JSON."""

from __future__ import annotations

import json
import math
import types
from typing import TYPE_CHECKING, Any, Final

import anyio
from starlette.requests import ClientDisconnect

from axonflow_hooks.wire.jsonrpc import MAX_BODY_BYTES

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

    from starlette.requests import Request

BODY_TIMEOUT_S: Final = 30.0
MAX_DEPTH: Final = 128
"""Levels of arrays and objects in a body; deeper ones are refused, as those that exhaust a parser's stack are."""


class BodyRefused(Exception):  # noqa: N818
    """The body is too large, too slow or too deep, or no JSON in UTF-8."""


async def read_json(request: Request, max_bytes: int = MAX_BODY_BYTES) -> Any:
    """Give the JSON of a request's body, of which at most `max_bytes` are held. Raises BodyRefused."""
    return parse_json(await read_body(request, max_bytes))


async def read_body(request: Request, max_bytes: int, declared: str | None = None) -> bytes:
    """Give a request's body. Raises BodyRefused when it is larger than `max_bytes`, or too slow.

    `declared` is its Content-Length, where that is known already.
    """
    reading = _read(request, max_bytes, declared)
    try:
        # Nearly every body has come with its head: only one that has not is waited for, against the clock.
        try:
            awaited = reading.send(None)
        except StopIteration as read:
            body: bytes = read.value
            return body
        with anyio.fail_after(BODY_TIMEOUT_S):
            return await _resumed(reading, awaited)
    except (TimeoutError, ClientDisconnect):
        raise BodyRefused from None


def parse_json(body: bytes) -> Any:
    """Give the value of a JSON text in UTF-8.

    Raises BodyRefused for everything that RFC 8259 has no number, string or structure for, for numbers beyond the
    range of a double (they could not be given back), and for structures deeper than MAX_DEPTH.
    """
    try:
        value = _STRICT.decode(body.decode("utf-8"))
    except (ValueError, RecursionError):
        raise BodyRefused from None
    # As deep as it has brackets, at most: the count spares nearly every body the walk.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and _deeper_than(value, MAX_DEPTH):
        raise BodyRefused
    return value


async def _read(request: Request, max_bytes: int, declared: str | None) -> bytes:
    if declared is None:
        declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise BodyRefused
    received = bytearray()
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        received += message.get("body", b"")
        if len(received) > max_bytes:
            raise BodyRefused
        if not message.get("more_body", False):
            return bytes(received)


@types.coroutine
def _resumed(coroutine: Coroutine[Any, Any, bytes], awaited: Any) -> Generator[Any, Any, bytes]:
    """Await the rest of a coroutine that has begun already and waits for `awaited`."""
    try:
        while True:
            try:
                sent = yield awaited
            except BaseException as error:  # noqa: BLE001 - whatever ends the wait is the coroutine's to hear
                awaited = coroutine.throw(error)
            else:
                awaited = coroutine.send(sent)
    except StopIteration as ended:
        body: bytes = ended.value
        return body


def _no_constant(name: str) -> Any:
    raise ValueError(name)  # NaN and the infinities are not JSON


def _finite(literal: str) -> float:
    number = float(literal)
    if math.isinf(number):
        raise ValueError(literal)
    return number


_STRICT: Final = json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def _deeper_than(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit + 1):
        inner: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                inner.extend(part for part in item.values() if isinstance(part, (dict, list)))
            elif isinstance(item, list):
                inner.extend(part for part in item if isinstance(part, (dict, list)))
        if not inner:
            return False
        level = inner
    return True
