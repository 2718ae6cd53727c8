"""How uvicorn is run: the server says once that it accepts."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

from axonflow_hooks.agent.http_server import run, server_of

if TYPE_CHECKING:
    import uvicorn
    from starlette.types import Receive, Scope, Send


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Answer nothing."""


def test_ready_is_called_once_when_the_server_accepts() -> None:
    called: list[tuple[uvicorn.Server, bool]] = []

    async def ready(started: uvicorn.Server) -> None:
        called.append((started, started.started))
        await started.on_tick(0)  # as the server's own clock does from then on
        started.should_exit = True

    with socket.create_server(("127.0.0.1", 0)) as bound:
        server = server_of(nothing, None, ready)
        server.config.timeout_notify = -1  # at every tick
        run(server.serve(sockets=[bound]))
    assert called == [(server, True)]
