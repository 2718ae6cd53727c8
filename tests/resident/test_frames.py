from __future__ import annotations

import asyncio

import pytest

from axonflow_hooks import relay
from axonflow_hooks.resident import frames


def test_the_relay_s_frame_is_what_the_resident_reads() -> None:
    environ = {"AXONFLOW_AUTH": "a=b", "HOME": "/home/é\udcff", "SECRET_TOKEN": "stays here"}
    frame = relay.request("pre-tool-use", "c" * 32, environ, b'{"x": "\x00"}')
    assert frame[:4] == frames.MAGIC
    assert int.from_bytes(frame[4:8], "big") == len(frame) - 8
    request = frames.parse_request(frame[8:])
    assert request.event_word == "pre-tool-use"
    assert request.call_id == "c" * 32
    assert request.environ == {"AXONFLOW_AUTH": "a=b", "HOME": "/home/é\udcff"}
    assert request.payload == b'{"x": "\x00"}'
    assert 0 <= request.deadline_s <= 13


def fields(*values: bytes) -> bytes:
    return b"".join(len(value).to_bytes(4, "big") + value for value in values)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="empty"),
        pytest.param(fields(b"e", b"c", b"1", b""), id="four fields"),
        pytest.param(fields(b"e", b"c", b"1", b"", b"", b""), id="six fields"),
        pytest.param(fields(b"e", b"c", b"soon", b"", b""), id="no number"),
        pytest.param(fields(b"\xff", b"c", b"1", b"", b""), id="no ASCII"),
        pytest.param(fields(b"e", b"c", b"1", b"", b"")[:-1], id="cut"),
        pytest.param(b"\xff\xff\xff\xff", id="a length beyond the end"),
    ],
)
def test_a_wrong_body_is_refused(body: bytes) -> None:
    with pytest.raises(frames.BadFrameError):
        frames.parse_request(body)


@pytest.mark.parametrize(
    "head", [b"AXF2\0\0\0\1", b"GET / HT", b"AXF1" + (frames.MAX_FRAME_BYTES + 1).to_bytes(4, "big")]
)
def test_a_wrong_head_is_refused(head: bytes) -> None:
    async def read() -> int:
        reader = asyncio.StreamReader()
        reader.feed_data(head)
        return await frames.read_length(reader)

    with pytest.raises(frames.BadFrameError):
        asyncio.run(read())


@pytest.mark.parametrize(("given", "seconds"), [(b"-5", 0.0), (b"2500", 2.5), (b"99999999", 13.0)])
def test_the_deadline_is_bounded(given: bytes, seconds: float) -> None:
    assert frames.parse_request(fields(b"e", b"c", given, b"", b"")).deadline_s == seconds


def test_the_largest_payload_fits() -> None:
    assert relay.MAX_PAYLOAD + 500_000 < frames.MAX_FRAME_BYTES
