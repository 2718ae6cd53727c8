"""Reading a request's body, whether it is there already or has to be waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import Request

from axonflow_hooks.agent import requests
from axonflow_hooks.agent.requests import BodyRefused, read_body

if TYPE_CHECKING:
    from starlette.types import Message

GONE = {"type": "http.disconnect"}
MAX = 20


def part(body: bytes, *, more: bool = False) -> Message:
    return {"type": "http.request", "body": body, "more_body": more}


def read(messages: list[Message], *, waiting: bool, declared: str | None = None, **headers: str) -> Any:
    """Read a body that comes in messages, each there at once or only after the loop has turned."""

    async def work() -> bytes:
        left = iter(messages)

        async def receive() -> Message:
            if waiting:
                await asyncio.sleep(0)
            found = next(left, None)
            if found is None:
                await asyncio.Event().wait()
            assert found is not None
            return found

        raw = [(name.encode(), value.encode()) for name, value in headers.items()]
        request = Request({"type": "http", "method": "POST", "headers": raw}, receive)
        return await read_body(request, MAX, declared)

    return asyncio.run(work())


@pytest.mark.parametrize("waiting", [False, True], ids=["there", "awaited"])
@pytest.mark.parametrize(
    ("messages", "body"),
    [
        pytest.param([part(b"{}")], b"{}", id="one-message"),
        pytest.param([part(b"{", more=True), part(b"", more=True), part(b"}")], b"{}", id="several"),
        pytest.param([{"type": "http.request"}], b"", id="nothing-in-it"),
        pytest.param([part(b"x" * MAX)], b"x" * MAX, id="as-large-as-may-be"),
    ],
)
def test_a_body_is_read_to_its_end(messages: list[Message], body: bytes, *, waiting: bool) -> None:
    assert read(messages, waiting=waiting) == body


@pytest.mark.parametrize("waiting", [False, True], ids=["there", "awaited"])
@pytest.mark.parametrize(
    "messages",
    [
        pytest.param([part(b"x" * (MAX + 1))], id="too-large"),
        pytest.param([part(b"x" * MAX, more=True), part(b"x")], id="too-large-together"),
        pytest.param([part(b"{", more=True), GONE], id="the-client-has-gone"),
    ],
)
def test_a_body_that_cannot_be_had_is_refused(messages: list[Message], *, waiting: bool) -> None:
    with pytest.raises(BodyRefused):
        read(messages, waiting=waiting)


def test_a_body_that_does_not_come_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "BODY_TIMEOUT_S", 0.01)
    with pytest.raises(BodyRefused):
        read([part(b"{", more=True)], waiting=False)


@pytest.mark.parametrize(
    "given", [{"declared": str(MAX + 1)}, {"content-length": str(MAX + 1)}], ids=["declared", "header"]
)
def test_a_body_that_says_that_it_is_too_large_is_not_read(given: dict[str, str]) -> None:
    with pytest.raises(BodyRefused):
        read([part(b"{}")], waiting=False, **given)


def test_a_request_that_is_cancelled_while_its_body_comes_ends() -> None:
    async def work() -> list[str]:
        ended = []
        waits = asyncio.Event()

        async def receive() -> Message:
            try:
                waits.set()
                await asyncio.Event().wait()
            finally:
                ended.append("receive")
            raise AssertionError

        request = Request({"type": "http", "method": "POST", "headers": []}, receive)
        reading = asyncio.create_task(read_body(request, MAX))
        await waits.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        return ended

    assert asyncio.run(work()) == ["receive"]
