from __future__ import annotations

import json

import pytest

from axonflow_hooks.wire import jsonrpc


def test_a_tool_call() -> None:
    assert json.loads(jsonrpc.tool_call("check_policy", {"statement": "ls"}, request_id="r-1")) == {
        "jsonrpc": "2.0",
        "id": "r-1",
        "method": "tools/call",
        "params": {"name": "check_policy", "arguments": {"statement": "ls"}},
    }


@pytest.mark.parametrize(
    ("text", "read_back"),
    [
        pytest.param('<b>&</b> "q" \\ \n ü 漢 😀', '<b>&</b> "q" \\ \n ü 漢 😀', id="as-it-is"),
        pytest.param("a\udcffb", "a?b", id="lone-surrogate"),
        pytest.param("\x00\x1b", "\x00\x1b", id="control-characters"),
    ],
)
def test_text_survives(text: str, read_back: str) -> None:
    encoded = jsonrpc.encode({"text": text})
    assert json.loads(encoded) == {"text": read_back}
    assert len(encoded) == len(b'{"text":}') + jsonrpc.encoded_text_size(text)


def test_text_is_sent_as_utf_8_not_as_escapes() -> None:
    assert jsonrpc.encode({"a": "ü<"}) == '{"a":"ü<"}'.encode()
