"""A line of the client that is longer than any message may be: it is refused, the rest of it skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from axonflow_hooks.proxy.exact_json import MAX_MESSAGE_BYTES

if TYPE_CHECKING:
    from tests.proxy.conftest import World

CALL = b'{"jsonrpc":"2.0","id":"long","method":"tools/call","params":{"name":"count","arguments":{"a":"'


@pytest.mark.parametrize("shaken", [True, False], ids=["after the handshake", "before it"])
def test_a_long_line_is_refused_and_skipped(world: World, shaken: bool) -> None:
    client = world.client() if shaken else world.connect()
    client.write(CALL + b"x" * MAX_MESSAGE_BYTES)
    client.write(b'"}}}\n{"jsonrpc":"2.0","id":"next","method":"ping"}\n')
    assert client.wait(lambda message: message.get("id", "") is None) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32600, "message": f"Invalid request: a message has at most {MAX_MESSAGE_BYTES} bytes"},
    }
    assert client.answer("next")["result"] == {}
    if not shaken:
        client.start()
    assert "result" in client.call("count", {"n": 1})
    assert len(world.lines("one", "count.txt")) == 1
