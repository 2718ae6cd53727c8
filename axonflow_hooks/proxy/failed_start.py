"""A proxy that cannot start says why where its user sees it: as the answer to the first thing its host asks."""

from __future__ import annotations

import os

from axonflow_hooks import __version__
from axonflow_hooks.proxy.exact_json import UnreadableMessage, read_object, read_text, write_value
from axonflow_hooks.proxy.lines import LineBuffer, LineTooLong
from axonflow_hooks.proxy.refusals import UNAVAILABLE
from axonflow_hooks.proxy.start import initialize_result


def answer_with_failure(buffered: bytes, *, answered: bool, message: str) -> None:
    """Answer `initialize` (unless it was) and then one more request with the failure; or return when stdin ends.

    `buffered` is what was read of stdin already.
    """
    lines = LineBuffer()
    error = write_value({"code": UNAVAILABLE, "message": f"AxonFlow governance cannot start. {message}"})
    data = buffered
    while True:
        try:
            for line in lines.feed(data):
                done, answered = _answer(line, error, answered=answered)
                if done:
                    return
            data = os.read(0, 1 << 16)
        except (OSError, LineTooLong):
            return
        if not data:
            return


def _answer(line: bytes, error: str, *, answered: bool) -> tuple[bool, bool]:
    """Answer one message; tell whether that was the last one, and whether `initialize` is answered now."""
    try:
        request = read_object(read_text(line))
    except UnreadableMessage:
        return False, answered
    identifier, method = request.get("id"), request.get("method")
    if identifier is None or method is None:
        return False, answered
    body, done = f'"error":{error}', True
    if method.value == "initialize":
        if answered:
            return False, False  # a second handshake is answered
        params = request.get("params")
        requested = params.value.get("protocolVersion") if params and isinstance(params.value, dict) else None
        body, done = f'"result":{initialize_result(requested, __version__)}', False
    elif method.value == "ping":
        body, done = '"result":{}', False
    os.write(1, f'{{"jsonrpc":"2.0","id":{identifier.raw},{body}}}\n'.encode())
    return done, answered
