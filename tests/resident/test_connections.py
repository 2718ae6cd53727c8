from __future__ import annotations

import asyncio
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from axonflow_hooks.resident import connections as connections_module
from axonflow_hooks.resident.connections import Connections
from axonflow_hooks.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


def settings(endpoint: str) -> Settings:
    return Settings(mode="self-hosted", endpoint=endpoint)


def with_server(scenario: Callable[[int, list[int]], Coroutine[Any, Any, None]]) -> list[int]:
    """Run a scenario against a server that keeps connections; give the requests that each connection carried."""
    carried: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        mine = len(carried)
        carried.append(0)
        try:
            while True:
                await reader.readuntil(b"\r\n\r\n")
                carried[mine] += 1
                writer.write(RESPONSE)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def run() -> None:
        server = await asyncio.start_server(serve, "0.0.0.0", 0)
        try:
            await scenario(server.sockets[0].getsockname()[1], carried)
        finally:
            server.close()
            await asyncio.sleep(0)

    asyncio.run(run())
    return carried


async def get(kept: Connections, url: str) -> None:
    async with kept.http_for(settings(url)) as http:
        reply = await http.get(url)
        assert reply.text == "ok"


def test_calls_share_a_kept_connection() -> None:
    async def scenario(port: int, _: list[int]) -> None:
        kept = Connections()
        for _unused in range(5):
            await get(kept, f"http://127.0.0.1:{port}")
        await kept.close()

    assert with_server(scenario) == [5]


def test_parallel_calls_have_a_connection_each() -> None:
    async def scenario(port: int, _: list[int]) -> None:
        kept = Connections()
        await asyncio.gather(*(get(kept, f"http://127.0.0.1:{port}") for _unused in range(8)))
        await kept.close()

    assert sum(with_server(scenario)) == 8


def test_after_the_machine_has_slept_connections_are_new(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scenario(port: int, _: list[int]) -> None:
        kept = Connections()
        await get(kept, f"http://127.0.0.1:{port}")
        real = time.time
        monkeypatch.setattr(time, "time", lambda: real() + 3600)
        await get(kept, f"http://127.0.0.1:{port}")
        monkeypatch.undo()
        await kept.close()

    assert with_server(scenario) == [1, 1]


class NameServer:
    """What a name means, in place of the system's look-up: an address, "" for none; `held` keeps the answer back."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
        self.address = address
        self.asked = 0
        self.held = threading.Event()
        self.held.set()
        self._real = socket.getaddrinfo
        monkeypatch.setattr(socket, "getaddrinfo", self.look_up)
        monkeypatch.setattr(connections_module, "LOOK_UP_EVERY_S", -1.0)
        monkeypatch.setattr(connections_module, "LOOK_UP_WAIT_S", 60.0)  # a busy machine may be slow to ask

    def look_up(self, host: Any, port: Any, *rest: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name != "moving.test":
            return self._real(name, port, *rest, **options)
        if port is None:  # not of the connection itself
            self.asked += 1
            self.held.wait(60)
        if not self.address:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return self._real(self.address, port, *rest, **options)


def test_a_name_that_moves_is_followed_by_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    names = NameServer(monkeypatch, "127.0.0.1")

    async def scenario(port: int, carried: list[int]) -> None:
        kept = Connections()
        url = f"http://moving.test:{port}"
        await get(kept, url)
        await get(kept, url)
        assert carried == [2]
        names.address = "127.0.0.2"
        await get(kept, url)
        await get(kept, url)
        assert carried == [2, 2]
        names.address = "127.0.0.1"
        await get(kept, url)
        await kept.close()

    assert with_server(scenario) == [2, 2, 1]


def test_a_call_under_way_ends_where_it_began(monkeypatch: pytest.MonkeyPatch) -> None:
    names = NameServer(monkeypatch, "127.0.0.1")

    async def scenario(port: int, carried: list[int]) -> None:
        kept = Connections()
        url = f"http://moving.test:{port}"
        async with kept.http_for(settings(url)) as http:
            await http.get(url)
            names.address = "127.0.0.2"
            await get(kept, url)
            assert (await http.get(url)).text == "ok"
        assert http.is_closed
        await kept.close()

    assert with_server(scenario) == [2, 1]


def test_a_name_server_that_does_not_answer_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    names = NameServer(monkeypatch, "127.0.0.1")

    async def scenario(port: int, _: list[int]) -> None:
        kept = Connections()
        url = f"http://moving.test:{port}"
        await get(kept, url)
        names.address = ""
        await get(kept, url)
        await get(kept, url)
        await kept.close()

    assert with_server(scenario) == [3]
    assert names.asked >= 2


def test_a_slow_name_server_is_waited_for_once_and_heard_later(monkeypatch: pytest.MonkeyPatch) -> None:
    names = NameServer(monkeypatch, "127.0.0.1")
    monkeypatch.setattr(connections_module, "LOOK_UP_WAIT_S", 0.01)

    async def scenario(port: int, carried: list[int]) -> None:
        kept = Connections()
        url = f"http://moving.test:{port}"
        await get(kept, url)
        await asyncio.gather(*kept._background)
        names.address = "127.0.0.2"
        names.held.clear()
        for _unused in range(3):
            await get(kept, url)
        assert carried == [4]
        while names.asked < 2:
            await asyncio.sleep(0.001)
        assert names.asked == 2  # one question for all of them
        names.held.set()
        await asyncio.gather(*kept._background)
        await get(kept, url)
        await kept.close()

    assert with_server(scenario) == [4, 1]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_where_no_name_can_move_nobody_is_asked(monkeypatch: pytest.MonkeyPatch, host: str) -> None:
    monkeypatch.setattr(Connections, "_follow_name", None)

    async def scenario(port: int, _: list[int]) -> None:
        kept = Connections()
        await get(kept, f"http://{host}:{port}")
        await kept.close()

    assert with_server(scenario) == [1]


def test_the_number_of_endpoints_is_bounded() -> None:
    async def scenario(port: int, _: list[int]) -> None:
        kept = Connections()
        for n in range(connections_module.MAX_ENDPOINTS + 3):
            async with kept.http_for(settings(f"http://127.0.0.1:{port}/{n}")):
                pass
        assert len(kept._held) == connections_module.MAX_ENDPOINTS
        await kept.close()

    with_server(scenario)


def test_a_client_in_use_is_closed_after_its_last_user() -> None:
    async def scenario(port: int, _: list[int]) -> None:
        kept = Connections()
        async with kept.http_for(settings(f"http://127.0.0.1:{port}")) as http:
            await kept.close()
            assert not http.is_closed
            assert (await http.get(f"http://127.0.0.1:{port}")).text == "ok"
        assert http.is_closed

    with_server(scenario)
