"""Messages of the usual forms are read as any reader of members reads them; all others are left to that."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from axonflow_hooks.proxy.exact_json import read_message, read_object
from axonflow_hooks.proxy.plain_messages import PlainCall, call_of, read_call, read_reply
from tests.proxy.test_exact_json import VALUES

CALL = {"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "look", "arguments": {"n": 1}}}
REPLY = {"jsonrpc": "2.0", "id": 7, "result": {"content": []}}
WRITERS = [pytest.param((",", ":"), id="compact"), pytest.param((", ", ": "), id="blanks")]


def _general(text: str) -> PlainCall | None:
    message = read_message(text)
    return call_of(message["id"], message["params"])


@pytest.mark.parametrize("separators", WRITERS)
@pytest.mark.parametrize("order", list(permutations(CALL)), ids="-".join)
def test_calls_in_any_order(order: tuple[str, ...], separators: tuple[str, str]) -> None:
    text = json.dumps({name: CALL[name] for name in order}, separators=separators)
    call = read_call(text)
    assert call is not None
    assert call == _general(text)


@pytest.mark.parametrize("separators", WRITERS)
@pytest.mark.parametrize("order", list(permutations(REPLY)), ids="-".join)
def test_replies_in_any_order(order: tuple[str, ...], separators: tuple[str, str]) -> None:
    text = json.dumps({name: REPLY[name] for name in order}, separators=separators)
    reply = read_reply(text)
    assert reply is not None
    members = read_object(text)
    assert (reply.identifier, reply.result) == (7, members["result"])


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"id": 0}, id="first id"),
        pytest.param({"id": "a-1"}, id="text id"),
        pytest.param({"params": {"name": "look", "arguments": {}, "_meta": {"progressToken": 3}}}, id="meta last"),
        pytest.param({"params": {"_meta": {"a/b": "c"}, "name": "look", "arguments": {}}}, id="meta first"),
        pytest.param({"params": {"name": "größe", "arguments": {"a": {"b": [1.5, None, "}"]}}}}, id="values"),
    ],
)
def test_forms_of_calls(changed: dict[str, Any]) -> None:
    text = json.dumps({**CALL, **changed}, ensure_ascii=False, separators=(",", ":"))
    call = read_call(text)
    assert call is not None
    assert call == _general(text)


@given(st.dictionaries(st.text(), VALUES, max_size=4), st.booleans())
def test_whatever_is_read_at_a_glance_is_read_right(value: dict[str, Any], ascii_only: bool) -> None:
    call_text = json.dumps({**CALL, "params": {"name": "look", "arguments": value}}, ensure_ascii=ascii_only)
    call = read_call(call_text)
    assert call is not None
    assert call == _general(call_text)
    reply_text = json.dumps({**REPLY, "result": value}, ensure_ascii=ascii_only)
    reply = read_reply(reply_text)
    assert reply is not None
    assert reply.result == read_object(reply_text)["result"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(
            '{"id":1,"id":2,"jsonrpc":"2.0","method":"tools/call","params":{"name":"a","arguments":{}}}', id="id"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a","arguments":{}},"id":1,"id":2}', id="end"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}},"id":2}', id="both"
        ),
        pytest.param('{"jsonrpc":"2.0","method":"tools/call","params":{"name":"a","arguments":{}}}', id="no id"),
        pytest.param('{"id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}', id="no version"),
        pytest.param('{"jsonrpc":"2.0","id":1,"params":{"name":"a","arguments":{}}}', id="no method"),
        pytest.param(
            '{"jsonrpc":"1.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}', id="old version"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"name":"a","arguments":{}}}', id="method"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1.0,"method":"tools/call","params":{"name":"a","arguments":{}}}', id="number"
        ),
        pytest.param('{"jsonrpc":"2.0","id":01,"method":"tools/call","params":{"name":"a","arguments":{}}}', id="zero"),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a\\u0062","arguments":{}}}', id="escape"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"","arguments":{}}}', id="no name"
        ),
        pytest.param('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":[]}}', id="list"),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"b":1,"b":2}}}', id="key"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{},"name":"b"}}', id="name"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{},"name":"a","arguments":{},"_meta":{}}}',
            id="two metas",
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{},"_meta":{"b":1,"b":2}}}',
            id="key of meta",
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}} x', id="more"
        ),
        pytest.param(
            '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"b":NaN}}}', id="NaN"
        ),
        pytest.param('{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{', id="torn"),
    ],
)
def test_other_calls_are_left_alone(text: str) -> None:
    assert read_call(text) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"jsonrpc":"2.0","id":1,"result":{},"error":{}}',
        '{"jsonrpc":"2.0","id":1,"result":{},"result":{}}',
        '{"jsonrpc":"2.0","id":1,"id":2,"result":{}}',
        '{"jsonrpc":"2.0","id":1,"result":{},"id":1}',
        '{"jsonrpc":"2.0","result":{}}',
        '{"id":1,"result":{}}',
        '{"jsonrpc":"2.0","id":"1","result":{}}',
        '{"jsonrpc":"2.0","id":1,"result":[]}',
        '{"jsonrpc":"2.0","id":1,"result":{"a":1,"a":2}}',
        '{"jsonrpc":"2.0","id":1,"method":"x","result":{}}',
        '{"jsonrpc":"2.0","id":1,"result":{}}{}',
        '{"jsonrpc":"2.0","id":1,"result":' + '{"a":' * 100_000,
        '{"jsonrpc":"2.0","id":1,"result":{"a":"' + "x" * 60_000 + '"}}',
    ],
)
def test_other_replies_are_left_alone(text: str) -> None:
    assert read_reply(text) is None


@pytest.mark.parametrize(
    "params",
    [
        '{"name":7}',
        "[]",
        '{"name":"a","arguments":[]}',
        '{"name":""}',
        '{"name":"a","task":{}}',
        '{"name":"a","_meta":[]}',
        '{"name":"a","_meta":""}',
    ],
)
def test_what_is_no_plain_call(params: str) -> None:
    message = read_message(f'{{"id":1,"params":{params}}}')
    assert call_of(message["id"], message["params"]) is None
